"""What a shell offers."""

import pytest

from gridray.cli.completion import complete_experiments, complete_names, complete_runs
from tests.cli.conftest import Filler


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("", ["busy", "over"]),
        ("o", ["over", "over-exp0", "over-exp1"]),
        ("over-", ["over-exp0", "over-exp1"]),
        ("over-exp1", ["over-exp1"]),
        ("x", []),
    ],
)
def test_names(filled: Filler, typed: str, offered: list[str]) -> None:
    assert complete_names(typed) == offered


def test_runs_and_experiments(filled: Filler) -> None:
    assert complete_runs("b") == ["busy"]
    assert complete_experiments("b") == ["busy-exp0", "busy-exp1"]
    assert complete_experiments("") == ["busy", "over"]


def test_errors_are_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDRAY_STORE", "ftp://nowhere")
    assert complete_runs("") == complete_names("") == complete_experiments("") == []
