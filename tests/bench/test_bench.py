"""The bench in its small form: that it measures what it says, and writes what it has measured."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import report
from bench.frame import GROUPS, Row, pairs

ROOT = Path(__file__).parents[2]
# The second with what shares a Ray cluster.
CALLS = [
    ["start", "snapshot", "expand", "artifacts", "datastores", "logs", "controller"],
    ["submit", "sweep", "follow", "recovery", "head"],
]


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "bench/run.py", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_the_calls_are_all_there_is() -> None:
    assert tuple(name for call in CALLS for name in call) == GROUPS


@pytest.mark.parametrize("names", CALLS, ids=" ".join)
def test_it_measures_and_writes(names: list[str], tmp_path: Path) -> None:
    results, page = tmp_path / "results.json", tmp_path / "performance.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    answer = run("--small", "--results", str(results), "--table", str(page), *names)
    assert answer.returncode == 0, answer.stderr
    found = json.loads(results.read_text())
    assert {row["group"] for row in found["rows"]} == set(names)
    assert {"ray", "gridray", "python"} <= set(found["versions"])
    assert found["machine"] and found["date"]
    for row in found["rows"]:
        assert set(row) >= {"name", "ours", "peer", "ratio", "goal", "met"}
        # What one experiment adds to a head may be nothing at all, within what is measured.
        assert row["ours"] != 0 or "for an experiment" in row["name"]
        assert f"| {row['name']} |" in page.read_text()
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "old" not in text


def test_a_group_that_does_not_exist() -> None:
    answer = run("--small", "nothing")
    assert answer.returncode == 2 and "'nothing'" in answer.stderr


def test_pairs_alternate_and_medians_are_told() -> None:
    calls = []

    def task(name: str, times: list[float]) -> float:
        calls.append(name)
        return times.pop(0)

    a, b = [5.0, 1.0, 2.0], [7.0, 9.0, 8.0]
    medians = pairs(3, {"a": lambda: task("a", a), "b": lambda: task("b", b)})
    assert calls == ["a", "b"] * 3
    assert medians == {"a": 2.0, "b": 8.0}


@pytest.mark.parametrize(
    ("row", "goal", "met"),
    [
        (Row("x", 1.0, 2.0, "peer", 0.5), "≤ 0.5", True),
        (Row("x", 1.1, 2.0, "peer", 0.5), "≤ 0.5", False),
        (Row("x", 1.0, None, "a peer that is not there", 0.5), "≤ 0.5", None),
        (Row("x", 3.0, most=2.0), "≤ 2 s", False),
        (Row("x", 3.0, most=4.0, unit="MB"), "≤ 4 MB", True),
        (Row("x", 3.0, 2.0, "to be read"), "", None),
    ],
    ids=str,
)
def test_a_goal_is_met_or_not(row: Row, goal: str, met: bool | None) -> None:
    assert (row.goal, row.met) == (goal, met)


def test_other_groups_keep_their_rows(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    report.write(path, "logs", [Row("old", 1.0)], "here")
    report.write(path, "start", [Row("first", 2.0)], "here")
    report.write(path, "logs", [Row("new", 3.0)], "here")
    rows = json.loads(path.read_text())["rows"]
    assert [(row["group"], row["name"]) for row in rows] == [("start", "first"), ("logs", "new")]


def test_a_page_without_markers_is_left_alone(tmp_path: Path) -> None:
    page, results = tmp_path / "page.md", tmp_path / "results.json"
    page.write_text("no markers")
    report.write(results, "logs", [Row("a row", 1.0)], "here")
    with pytest.raises(ValueError, match="no <!-- bench: begin -->"):
        report.write_table(page, results)
    assert page.read_text() == "no markers"
