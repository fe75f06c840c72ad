"""What experiments' metrics come to ends up in one object of their run, whoever dies when."""

from pathlib import Path
from typing import Any

import pytest

from gridray import layout, marks
from gridray.controller.activerun import ActiveRun, load
from gridray.controller.gathering import WRITE_INTERVAL, Gathering
from gridray.errors import GridrayError, StoreError
from gridray.layout import AttemptName
from gridray.metricrecords import Point, Summary, of_point, summaries_to_json
from gridray.readers import metrics
from gridray.records import AttemptState, Row
from gridray.states import State
from gridray.store import Store
from tests.builders import add_run

IDENTITY = "identity-of-run"
OVER = Row(State.SUCCEEDED)


class Desk:
    """A store with one run, and who gathers; `now` is the clock."""

    def __init__(self, directory: Path, rows: list[Row]) -> None:
        self.store = Store(str(directory))
        add_run(self.store, "run", rows)
        self.run: ActiveRun = load(self.store, "run")
        self.told: list[GridrayError] = []
        self.now = 1000.0
        self.begin()

    def begin(self) -> None:
        """Be another controller."""
        self.gathering = Gathering(self.store, self.told.append)

    def hear(self, index: int, attempt: int = 0, **values: float) -> None:
        word = AttemptState(State.SUCCEEDED, metrics=summaries_to_json(summaries(values)))
        self.gathering.hear({AttemptName("run", index, attempt): word})

    def leave(
        self, index: int, attempt: int = 0, identity: str = IDENTITY, **values: float
    ) -> None:
        """Write a summary as a runner does that has no last word."""
        raw = {"metrics": summaries_to_json(summaries(values)), "notes": []}
        key = layout.attempt_summary(AttemptName("run", index, attempt))
        self.store.put_json(key, marks.marked(raw, identity))

    def record(self, *, is_over: bool = False) -> None:
        self.gathering.record(self.run, self.now, is_over=is_over)

    def recorded(self) -> Any:
        raw = self.store.find_json(layout.run_metrics("run"))
        return None if raw is None else marks.unmarked(raw, IDENTITY)

    def shown(self) -> dict[int, dict[str, float]]:
        found = metrics.summaries(self.store, "run")
        return {i: {name: each.last for name, each in one.items()} for i, one in found.items()}


def summaries(values: dict[str, float]) -> dict[str, Summary]:
    return {name: of_point(Point(0, 0.0, value)) for name, value in values.items()}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "store", [OVER, Row(State.RUNNING), Row(State.QUEUED, attempt=1)])


def test_words_and_what_those_without_one_have_left_are_gathered(desk: Desk) -> None:
    desk.hear(0, loss=1)
    desk.leave(2, loss=3)
    desk.leave(1, loss=2)
    desk.record()
    found = desk.recorded()["experiments"]
    assert {index: attempt for index, (attempt, _) in found.items()} == {"0": 0, "2": 0}
    assert desk.shown() == {0: {"loss": 1}, 1: {"loss": 2}, 2: {"loss": 3}}


def test_a_word_that_does_not_know_leaves_it_to_the_summary(desk: Desk) -> None:
    desk.leave(0, loss=1)
    desk.gathering.hear({AttemptName("run", 0, 0): AttemptState(State.FAILED, metrics=None)})
    desk.record(is_over=True)
    assert desk.shown()[0] == {"loss": 1}


def test_an_attempt_that_has_left_nothing_keeps_what_was_known(desk: Desk) -> None:
    desk.hear(0, loss=1)
    desk.record(is_over=True)
    desk.run.rows[0] = Row(State.FAILED, attempt=1)
    desk.record(is_over=True)
    assert desk.recorded()["experiments"]["0"][0] == 1
    assert desk.shown()[0] == {"loss": 1}


def test_it_is_written_now_and_then_and_at_the_end(desk: Desk) -> None:
    desk.hear(0, loss=1)
    desk.record()
    desk.run.rows[1] = OVER
    desk.hear(1, loss=2)
    desk.now += WRITE_INTERVAL - 1
    desk.record()
    assert "1" not in desk.recorded()["experiments"]
    desk.now += 1
    desk.record()
    assert "1" in desk.recorded()["experiments"]
    desk.run.rows[2] = Row(State.SUCCEEDED, attempt=1)
    desk.hear(2, attempt=1, loss=3)
    desk.record(is_over=True)
    assert desk.shown() == {0: {"loss": 1}, 1: {"loss": 2}, 2: {"loss": 3}}
    desk.store.delete(layout.run_metrics("run"))
    desk.record(is_over=True)
    assert desk.recorded() is None


def test_another_controller_goes_on_from_the_store(desk: Desk) -> None:
    desk.hear(0, loss=1)
    desk.record()
    desk.begin()
    desk.run.rows[1] = OVER
    desk.leave(1, loss=2)
    desk.record(is_over=True)
    assert desk.shown() == {0: {"loss": 1}, 1: {"loss": 2}}


def test_a_store_that_fails_is_written_later(desk: Desk, tmp_path: Path) -> None:
    desk.hear(0, loss=1)
    directory = tmp_path / "store"
    directory.rename(tmp_path / "away")
    directory.write_text("in the way")
    with pytest.raises(StoreError):
        desk.record()
    directory.unlink()
    (tmp_path / "away").rename(directory)
    desk.now += 1
    desk.record()
    assert desk.shown()[0] == {"loss": 1}


def test_damaged_and_foreign_summaries_stop_nobody(desk: Desk) -> None:
    desk.store.put(layout.attempt_summary(AttemptName("run", 0, 0)), b"{")
    desk.leave(2, identity="of another run", loss=3)
    desk.store.put(layout.run_metrics("run"), b"[")
    desk.record()
    assert [error.message for error in desk.told if "summary.json" in error.message]
    desk.store.delete(layout.attempt_summary(AttemptName("run", 0, 0)))
    assert desk.shown() == {}


def test_what_was_written_of_a_run_of_the_same_name_does_not_count(desk: Desk) -> None:
    raw = {"experiments": {"0": [0, summaries_to_json(summaries({"loss": 9.0}))]}}
    desk.store.put_json(layout.run_metrics("run"), marks.marked(raw, "of another run"))
    assert desk.shown() == {}
    desk.hear(0, loss=1)
    desk.record()
    assert desk.shown() == {0: {"loss": 1}}
