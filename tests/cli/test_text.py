"""Values as words, and rows as columns."""

import pytest

from gridray.cli import text
from gridray.cli.text import Column


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (None, "-"),
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.6, "1 min 0 s"),
        (3725, "1 h 2 min"),
        (200_000, "2 d 7 h"),
    ],
)
def test_duration(seconds: float | None, told: str) -> None:
    assert text.duration(seconds) == told


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_960, "1.0 MB"), (2 * 10**12, "2.0 TB")],
)
def test_size(count: int, told: str) -> None:
    assert text.size(count) == told


def test_columns_line_up_whatever_the_script() -> None:
    rows = [("文件", "1"), ("e\u0301", "22"), ("plain", "333")]
    lines = list(text.table((Column("Name"), Column("N", right=True)), rows))
    assert {text.width(line) for line in lines[1:]} == {10}


def test_a_narrow_terminal_cuts_the_widest() -> None:
    columns = (Column("A"), Column("B", cut=True), Column("C", cut=True))
    rows = [("a" * 10, "b" * 20, "c" * 60)]
    line = list(text.table(columns, rows, room=60))[1]
    assert text.width(line) == 60
    assert "b" * 20 in line and line.endswith("c…")
    assert "c" * 60 in list(text.table(columns, rows))[1]


def test_a_narrower_one_cuts_titles_but_no_numbers() -> None:
    columns = (Column("Run"), Column("Experiments", right=True), Column("Running", right=True))
    lines = list(text.table(columns, [("happy-otter-412", "10000", "7")], room=29))
    assert lines == ["Run              Expe…  Runn…", "happy-otter-412  10000      7"]


def test_only_states_are_coloured() -> None:
    columns = (Column("Run"), Column("Status", state=True))
    line = list(text.table(columns, [("failed", "failed")], color=True))[1]
    assert line == "failed  \x1b[31mfailed\x1b[0m"
