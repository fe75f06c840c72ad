"""Values are found in what scripts print, however the pipe cuts it up."""

import math
from pathlib import Path

import pytest

from gridray.metricrecords import Step
from gridray.runner.metrics import searching
from gridray.runner.metrics.printed import Printed


def found(
    expressions: dict[str, str | None], *pieces: bytes
) -> dict[str, list[tuple[Step, float]]]:
    printed = Printed(expressions)
    for piece in pieces:
        printed.feed(piece)
    printed.finish()
    return {
        name: [(point.step, point.value) for point in series.points()]
        for name, series in printed.series.items()
    }


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("loss: 1.5", 1.5),
        ("loss=1.5", 1.5),
        ("loss 1.5", 1.5),
        ("{'loss': 1.5, 'acc': 2}", 1.5),
        ("[x] loss = -1e-3,", -1e-3),
        ("loss: .5", 0.5),
        ("loss: 3", 3.0),
        ("loss: inf", math.inf),
        ("val_loss: 2 train/loss: 3 loss-2: 4 loss.x: 7", None),
        ("loss: none", None),
        ("loss: infamous", None),
        ("no such thing", None),
    ],
)
def test_pairs(line: str, value: float | None) -> None:
    expected = [] if value is None else [(0, value)]
    assert found({"loss": None}, line.encode()) == {"loss": expected}


def test_nan_is_found() -> None:
    [(step, value)] = found({"loss": None}, b"loss: NaN\n")["loss"]
    assert step == 0 and math.isnan(value)


def test_the_step_is_the_one_of_the_line_or_counted() -> None:
    assert found({"loss": None}, b"epoch 3: loss=1\nEpoch: 4/10 loss=2\nstep=9 loss=3\n") == {
        "loss": [(3, 1.0), (4, 2.0), (9, 3.0)]
    }
    assert found({"a.b": None}, b"a.b 1\nx\na.b 2\n") == {"a.b": [(0, 1.0), (1, 2.0)]}


def test_pieces_make_lines_and_a_progress_bar_has_many() -> None:
    assert found({"loss": None}, b"lo", b"ss: 1.", b"5\rlos", b"s: 2", b"5") == {
        "loss": [(0, 1.5), (1, 25.0)]
    }


def test_expressions_of_a_user() -> None:
    expressions: dict[str, str | None] = {
        "first": r"took (\d+) s",
        "named": r"(?P<step>\d+)> x (?P<value>\S+)",
        "whole": r"\d+(?= apples)",
        "nothing": r"took (\d+)?",
    }
    lines = b"took 7 s\n12> x 0.5\n3 apples\ntook\n5> x ?\n"
    assert found(expressions, lines) == {
        "first": [(0, 7.0)],
        "named": [(12, 0.5)],
        "whole": [(0, 3.0)],
        "nothing": [(0, 7.0)],
    }


def test_an_expression_that_takes_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "PATIENCE", 0.5)
    printed = Printed({"bad": r"(?:\w+\s?)+: (\d+)", "loss": None})
    printed.feed(b"good: 1\n" + b"a" * 60 + b" done\n" + b"loss: 2\n")
    # Others go on meanwhile, however much comes.
    for _ in range(3 * searching.WAITING):
        printed.feed(b"a" * 60 + b" done\n")
    printed.finish()
    printed.finish()
    assert printed.complaint is not None and "bad" in printed.complaint
    assert [point.value for point in printed.series["loss"].points()] == [2.0]


def test_a_projects_own_modules_are_not_taken_for_pythons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "queue.py").write_text("raise SystemExit(1)")
    monkeypatch.chdir(tmp_path)
    assert found({"loss": r"L=(\d)"}, b"L=1\n") == {"loss": [(0, 1.0)]}
