"""`metrics`, `compare`, `tensorboard`, `export` and `run --metric`, as a user types them."""

import csv
import io
import math
import socket
from pathlib import Path

import pyarrow.parquet
import pytest

from gridray import layout
from gridray.cli import boards
from gridray.errors import NotFoundError
from gridray.layout import AttemptName
from gridray.readers import comparison
from tests.cli.conftest import Call, Filler, fake_tensorboard, running, succeeded

GROWN = "events.out.tfevents.1.host"


@pytest.fixture
def swept(filler: Filler) -> Filler:
    """`swept`: three experiments that differ in lr; the last one has no metrics."""
    filler.run("swept", [succeeded(), succeeded(20), running()], lrs=["0.1", "0.01", "0.001"])
    filler.metrics(AttemptName("swept", 0, 0), loss=[3, 1, 2], acc=[0.1, 0.9, math.nan])
    filler.metrics(AttemptName("swept", 1, 0), loss=[4, 2, 0.5], acc=[0.1, 0.2, 0.3])
    return filler


def test_metrics_of_an_experiment(swept: Filler, call: Call) -> None:
    result = call("metrics", "swept-exp0")
    assert result.code == 0
    lines = [line.split() for line in result.out.splitlines()]
    assert lines[1][:-1] == ["swept-exp0", "acc", "nan", "0.9", "1", "3"]
    assert lines[2] == ["swept-exp0", "loss", "2", "1", "1", "3", "█▁▄"]
    assert "a note" in result.err
    [found] = call("metrics", "swept-exp0", "-n", "acc", "-o", "json").json["experiments"]
    assert found["metrics"][0]["last"] == "nan" and found["notes"] == ["a note"]


def test_metrics_of_a_run_and_their_pictures(swept: Filler, call: Call) -> None:
    result = call("metrics", "swept", "--name", "loss", "--plot")
    assert result.code == 0
    assert [line.split()[0] for line in result.out.splitlines()[1:3]] == [
        "swept-exp0",
        "swept-exp1",
    ]
    assert "┤" in result.out and "\x1b" not in result.out


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ("metrics swept --name f1", 1, "swept has no metric 'f1'\nhint: it has acc, loss"),
        ("metrics swept-exp9", 1, "no experiment 'swept-exp9'"),
        ("compare swept --metric f1", 1, "no experiment of swept has a metric 'f1'"),
        ("compare swept-exp0", 2, "'swept-exp0' is an experiment, and not a run"),
        ("compare nobody", 1, "there is no run 'nobody'"),
        ("export swept points.txt", 2, "'points.txt' is of a kind that is not known"),
        ("export swept none/x.csv", 2, "none/x.csv cannot be written: No such file"),
        ("tensorboard swept", 2, "TensorBoard is not installed here\nhint: `pip install"),
        ("status -o csv", 2, "status prints no CSV"),
        ("run --metric a=( train.py", 2, "--metric: '(' is no regular expression"),
        ("run --metric =x train.py", 2, "--metric: '' is no name of a metric"),
    ],
)
def test_what_cannot_be_is_said(
    swept: Filler,
    call: Call,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    code: int,
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")
    (tmp_path / "train.py").touch()
    result = call(*words.split())
    assert (result.code, result.out) == (code, "")
    assert told in result.err


def test_a_run_without_metrics_says_where_they_come_from(filled: Filler, call: Call) -> None:
    result = call("metrics", "over")
    assert result.code == 0 and "gridray docs metrics" in result.err
    result = call("compare", "over")
    assert "over-exp0" in result.out and "there are no metrics" in result.err


def test_the_best_comes_first(swept: Filler, call: Call) -> None:
    found = call("compare", "swept", "-o", "json").json
    assert (found["metric"], found["mode"], found["params"]) == ("acc", "max", ["lr"])
    names = [each["name"] for each in found["experiments"]]
    assert names == ["swept-exp0", "swept-exp1", "swept-exp2"]
    words = ("compare", "swept", "--metric", "loss", "--top", "2")
    found = call(*words, "-o", "json").json
    assert [(each["name"], each["best"]) for each in found["experiments"]] == [
        ("swept-exp1", 0.5),
        ("swept-exp0", 1),
    ]
    assert (found["mode"], found["left_out"]) == ("min", 1)
    found = call(*words, "--mode", "max", "-o", "json").json
    assert [each["best"] for each in found["experiments"]] == [4, 3]
    shown = call(*words)
    assert shown.out.splitlines()[1].split()[:5] == ["swept-exp1", "succeeded", "0.01", "0.5", "2"]
    assert "1 more experiment left out" in shown.err


def test_a_name_that_does_not_say_what_is_better_is_told_of(filler: Filler, call: Call) -> None:
    filler.run("told", [succeeded()])
    filler.metrics(AttemptName("told", 0, 0), pct=[1, 2], loss=[2, 1], acc=[1, 2])
    words = ("compare", "told", "--metric", "pct")
    note = "smaller values of pct count as better; `--mode max` turns it round"
    for more in ((), ("-o", "csv")):
        assert note in call(*words, *more).err
        assert "count as better" not in call(*words, "--mode", "min", *more).err
    for name in ("loss", "acc"):
        assert "count as better" not in call("compare", "told", "--metric", name).err
    assert call(*words, "-o", "json").json["mode_is_guessed"]
    assert not call("compare", "told", "-o", "json").json["mode_is_guessed"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("val/WER", True),
        ("test_rmse", True),
        ("step_time", True),
        ("train/error", True),
        ("top1", False),
        ("power", False),
        ("timesteps", False),
    ],
)
def test_names_that_say_what_is_better(name: str, told: bool) -> None:
    assert comparison.tells_mode(name) is told


@pytest.mark.parametrize("name", ["epoch", "trainer/global_step", "num_epochs", "_step"])
def test_counts_have_no_best_value(filler: Filler, call: Call, name: str) -> None:
    filler.run("counted", [succeeded()])
    values = {name: [0, 1, 2], "system/cpu": [0, 7, 5], "train_loss_epoch": [3, 1, 2]}
    filler.metrics(AttemptName("counted", 0, 0), **values)
    shown = call("metrics", "counted").out.splitlines()[1:]
    found = {cells[1]: cells[2:-1] for cells in map(str.split, shown)}
    assert found == {
        name: ["2", "3"],
        "system/cpu": ["5", "3"],
        "train_loss_epoch": ["2", "1", "1", "3"],
    }
    assert call("compare", "counted", "-o", "json").json["metric"] == "train_loss_epoch"
    assert comparison.main_metric([name]) == name


def test_a_comparison_is_a_table_for_other_programs(swept: Filler, call: Call) -> None:
    result = call("compare", "swept", "-o", "csv")
    rows = list(csv.DictReader(io.StringIO(result.out)))
    assert [row["experiment"] for row in rows] == ["swept-exp0", "swept-exp1", "swept-exp2"]
    assert (rows[0]["best.acc"], rows[0]["last.acc"], rows[0]["param.lr"]) == ("0.9", "nan", "0.1")
    assert rows[2]["best.acc"] == rows[2]["last.loss"] == ""


def test_runs_are_compared_with_each_other(swept: Filler, call: Call) -> None:
    swept.run("other", [succeeded()], lrs=["0.5"])
    swept.metrics(AttemptName("other", 0, 0), loss=[0.25])
    found = call("compare", "swept", "other", "--metric", "loss", "--top", "1", "-o", "json").json
    assert [each["name"] for each in found["experiments"]] == ["other-exp0"]


def test_points_are_exported(
    swept: Filler, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("export", "swept", "points.csv").code == 0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "points.csv").read_text())))
    assert len(rows) == 12 and {row["param.lr"] for row in rows} == {"0.1", "0.01"}
    losses = [row["value"] for row in rows if row["metric"] == "loss"]
    assert losses == ["3.0", "1.0", "2.0", "4.0", "2.0", "0.5"]
    again = call("export", "swept", "points.csv")
    assert again.code == 2 and "points.csv is there already" in again.err
    assert call("export", "swept-exp0", "points.csv", "--yes", "-o", "json").json["rows"] == 6
    assert call("export", "swept", "points.parquet").code == 0
    table = pyarrow.parquet.read_table(tmp_path / "points.parquet")
    assert (table.num_rows, table.column_names) == (12, list(rows[0]))
    assert not list(tmp_path.glob(".gridray-*"))


def test_tensorboard_shows_the_event_files_of_a_run(
    filler: Filler, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filler.run("over", [succeeded(), succeeded()])
    files = {"logs/events.out.tfevents.1.host": b"events", "other.txt": b"other"}
    filler.artifacts(AttemptName("over", 0, 0), files)
    place = fake_tensorboard(tmp_path)
    monkeypatch.setenv("PATH", f"{place}:/usr/bin:/bin")
    result = call("tensorboard", "over", "--port", "7007")
    assert result.code == 0 and "1 event file" in result.err
    logdir = Path(result.out.strip())
    assert (place / "asked").read_text().split() == [
        *("--logdir", str(logdir)),
        *("--host", "127.0.0.1", "--port", "7007"),
    ]
    found = [path for path in logdir.rglob("*") if path.is_file()]
    assert found == [logdir / "over-exp0" / "logs" / "events.out.tfevents.1.host"]


def test_tensorboard_shows_nothing_of_an_earlier_run_of_the_name(
    filler: Filler, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = fake_tensorboard(tmp_path)
    monkeypatch.setenv("PATH", f"{place}:/usr/bin:/bin")
    logdirs = []
    for identity in ("1", "2"):
        filler.run("over", [succeeded()], identity=identity)
        files = {f"events.out.tfevents.{identity}.host": b"events"}
        filler.artifacts(AttemptName("over", 0, 0), files)
        logdirs.append(Path(call("tensorboard", "over").out.strip()))
        filler.store.delete_prefix(layout.run_prefix("over"))
    found = [path.name for path in logdirs[1].rglob("*") if path.is_file()]
    assert found == ["events.out.tfevents.2.host"] and logdirs[0] not in logdirs[1].parents


def test_tensorboard_does_not_go_on_with_another_run_of_the_name(
    filler: Filler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{fake_tensorboard(tmp_path)}:/usr/bin:/bin")
    filler.run("over", [running()])
    board = boards.prepare(filler.store, "over", None)
    filler.store.delete_prefix(layout.run_prefix("over"))
    filler.run("over", [running()], identity="2")
    with pytest.raises(NotFoundError, match="over is of another run by now"):
        board.refresh()


@pytest.fixture
def growing(filler: Filler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> boards.Board:
    """TensorBoard's directory for a run that goes on, whose file `GROWN` has got longer since."""
    monkeypatch.setenv("PATH", f"{fake_tensorboard(tmp_path)}:/usr/bin:/bin")
    filler.run("busy", [running()])
    filler.artifacts(AttemptName("busy", 0, 0), {GROWN: b"one"})
    board = boards.prepare(filler.store, "busy", None)
    filler.artifacts(AttemptName("busy", 0, 0), {GROWN: b"one and two"})
    return board


def test_tensorboard_sees_what_is_new_in_the_files_that_it_has_open(growing: boards.Board) -> None:
    path = growing.directory / "busy-exp0" / GROWN
    with path.open("rb") as file:
        assert file.read() == b"one"
        growing.refresh()
        assert file.read() == b" and two"
    assert [each.name for each in path.parent.iterdir()] == [GROWN]


@pytest.mark.parametrize(
    ("here", "goes_on"),
    [
        (b"", True),
        (b"one an", True),
        (b"one and two", True),
        (b"one und", False),
        (b"one and too", False),
        (b"one and two and three", False),
    ],
)
def test_a_file_that_was_cut_off_goes_on_and_another_one_is_replaced(
    growing: boards.Board, here: bytes, goes_on: bool
) -> None:
    path = growing.directory / "busy-exp0" / GROWN
    path.write_bytes(here)
    before = path.stat().st_ino
    growing.refresh()
    assert path.read_bytes() == b"one and two"
    assert (path.stat().st_ino == before) is goes_on
    changed = path.stat().st_ctime_ns
    growing.refresh()
    assert path.stat().st_ctime_ns == changed


def test_tensorboard_writes_through_no_link(growing: boards.Board, tmp_path: Path) -> None:
    path, other = growing.directory / "busy-exp0" / GROWN, tmp_path / "other"
    other.write_bytes(b"one")
    path.unlink()
    path.symlink_to(other)
    growing.refresh()
    assert (other.read_bytes(), path.read_bytes()) == (b"one", b"one and two")


def test_tensorboard_says_that_its_port_is_taken(
    filler: Filler, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{fake_tensorboard(tmp_path, 'exit 1')}:/usr/bin:/bin")
    filler.run("busy", [running()])
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        taken = call("tensorboard", "busy", "--port", port)
    assert taken.code == 1 and f"hint: port {port} is taken: name another --port" in taken.err
    assert "hint: it has said why above" in call("tensorboard", "busy", "--port", port).err


def test_tensorboard_ends_with_an_error_and_needs_files(
    filler: Filler, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filler.run("over", [succeeded()])
    place = fake_tensorboard(tmp_path, "exit 3")
    monkeypatch.setenv("PATH", f"{place}:/usr/bin:/bin")
    result = call("tensorboard", "over")
    assert result.code == 1 and "over has no event files of TensorBoard" in result.err
    filler.run("busy", [running()])
    result = call("tensorboard", "busy")
    assert result.code == 1 and "TensorBoard has ended with exit code 3" in result.err


def test_tensorboard_says_which_directory_it_cannot_have(
    filler: Filler, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{fake_tensorboard(tmp_path)}:/usr/bin:/bin")
    filler.run("over", [succeeded()])
    filler.artifacts(AttemptName("over", 0, 0), {"events.out.tfevents.1.host": b"events"})
    (tmp_path / "file").touch()
    result = call("tensorboard", "over", "--logdir", str(tmp_path / "file" / "below"))
    assert result.code == 2 and "file/below cannot be made: Not a directory" in result.err
    assert "hint: choose another --logdir" in result.err
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "over-exp0").touch()
    result = call("tensorboard", "over", "--logdir", str(tmp_path / "logs"))
    assert result.code == 2 and "cannot be written" in result.err
    assert "hint: choose another directory" in result.err
