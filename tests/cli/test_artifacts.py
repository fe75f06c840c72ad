"""`artifacts`."""

import os
from pathlib import Path

import pytest

from gridray.layout import AttemptName
from tests.cli.conftest import Call, Filler, succeeded


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


def test_a_run_lands_below_its_name(call: Call, filled: Filler, directory: Path) -> None:
    result = call("artifacts", "over")
    root = directory / "grid_artifacts"
    assert result.out == "grid_artifacts/over\n"
    assert (root / "over/over-exp0/a.txt").read_bytes() == b"1234"
    assert (root / "over/over-exp0/sub/b.bin").stat().st_size == 2000
    assert (root / "over/over-exp1/a.txt").read_bytes() == b"5678"
    assert "3 files, 2.0 kB" in result.err


def test_an_experiment_lands_below_its_own(call: Call, filled: Filler, directory: Path) -> None:
    found = call("artifacts", "over-exp1", "--download_dir", "new/dir", "-o", "json").json
    assert found == {
        "directories": ["new/dir/over-exp1"],
        "files": ["new/dir/over-exp1/a.txt"],
        "size": 4,
    }
    assert (directory / "new/dir/over-exp1/a.txt").read_bytes() == b"5678"


def test_only_our_own_directory_is_kept_out_of_snapshots(
    call: Call, filled: Filler, directory: Path
) -> None:
    call("artifacts", "over", "--download_dir", "mine")
    assert not (directory / "mine/.gitignore").exists()
    call("artifacts", "over")
    assert (directory / "grid_artifacts/.gitignore").read_text() == "*\n"
    (directory / "script.py").touch()
    (directory / "mine").rename(directory.parent / "mine")
    listed = call("files", "-o", "json").json["files"]
    assert "script.py" in {file["path"] for file in listed}
    assert not any(file["path"].endswith((".txt", ".bin")) for file in listed)


def test_match_and_list(call: Call, filled: Filler, directory: Path) -> None:
    found = call("artifacts", "over", "-m", r"\.txt$", "--list", "-o", "json").json["artifacts"]
    assert [(each["experiment"], each["path"], each["size"]) for each in found] == [
        ("over-exp0", "a.txt", 4),
        ("over-exp1", "a.txt", 4),
    ]
    assert found[0]["modified"] == "2027-01-15T08:00:00.000Z"
    assert not list(directory.iterdir())
    assert call("artifacts", "over", "-m", "[").code == 2


def test_where_they_are_in_the_store(call: Call, filled: Filler) -> None:
    locations = call("artifacts", "over", "busy-exp0", "--bucket_path", "-o", "json").json
    names = [each["experiment"] for each in locations["locations"]]
    assert names == ["over-exp0", "over-exp1", "busy-exp0"]
    first = Path(locations["locations"][0]["location"])
    assert (first / "a.txt").read_bytes() == b"1234"


def test_the_latest_attempt_that_left_something_counts(call: Call, filler: Filler) -> None:
    from dataclasses import replace

    filler.run("again", [replace(succeeded(), attempt=2)])
    filler.artifacts(AttemptName("again", 0, 0), {"old": b"0"})
    filler.artifacts(AttemptName("again", 0, 1), {"new": b"1"})
    for name in ("again", "again-exp0"):
        found = call("artifacts", name, "--list", "-o", "json").json["artifacts"]
        assert [each["path"] for each in found] == ["new"]


def test_all_names_are_looked_up_first(call: Call, filled: Filler, directory: Path) -> None:
    assert call("artifacts", "over", "no-such").code == 1
    assert call("artifacts", "over-exp0", "over-exp9").code == 1
    assert not list(directory.iterdir())


def test_hostile_names(
    call: Call, filler: Filler, directory: Path, hostile_names: list[str]
) -> None:
    filler.run("hostile", [succeeded()])
    files = {name: name.encode("utf-8", "surrogateescape") for name in hostile_names}
    filler.artifacts(AttemptName("hostile", 0, 0), files)
    table = call("artifacts", "hostile", "--list")
    assert len(table.out.splitlines()) == len(files) + 1
    listed = call("artifacts", "hostile", "--list", "-o", "json").json["artifacts"]
    assert [each["path"] for each in listed] == hostile_names
    assert call("artifacts", "hostile-exp0").code == 0
    for name in hostile_names:
        target = directory / "grid_artifacts/hostile-exp0" / name
        assert os.path.getsize(target) == len(files[name])
