"""Summaries and curves come back as runners and controller wrote them, each step once."""

import math
from collections.abc import Sequence

import pytest

from gridray import layout, marks
from gridray.errors import DamagedError, NotFoundError
from gridray.layout import AttemptName
from gridray.metricrecords import (
    AttemptMetrics,
    Chunk,
    ExperimentMetrics,
    Point,
    RunMetrics,
    Summary,
    summarize,
)
from gridray.readers import metrics
from gridray.records import Row
from gridray.states import State
from gridray.store import Store
from tests.builders import add_run

IDENTITY = "identity-of-run"


def points(values: Sequence[float], first: int = 0) -> list[Point]:
    return [Point(first + i, 100.0 + i, value) for i, value in enumerate(values)]


def summary(*values: float) -> Summary:
    found = summarize(points(values))
    assert found is not None
    return found


def put_chunk(store: Store, attempt: int, number: int, **found: list[Point]) -> None:
    key = layout.metric_chunk(AttemptName("run", 0, attempt), number)
    store.put_json(key, marks.marked(Chunk(found).to_json(), IDENTITY))


def put_summary(
    store: Store, name: AttemptName, identity: str = IDENTITY, **found: Summary
) -> None:
    raw = AttemptMetrics(found, ("a note",)).to_json()
    store.put_json(layout.attempt_summary(name), marks.marked(raw, identity))


def put_recorded(store: Store, found: dict[int, ExperimentMetrics]) -> None:
    raw = marks.marked(RunMetrics(found).to_json(), IDENTITY)
    store.put_json(layout.run_metrics("run"), raw)


def test_a_summary_leaves_out_nan_unless_there_is_nothing_else() -> None:
    found = summary(math.nan, 3.0, -1.0, math.inf, math.nan)
    assert (found.least, found.least_step) == (-1.0, 2)
    assert (found.greatest, found.greatest_step) == (math.inf, 3)
    assert math.isnan(found.first) and math.isnan(found.last)
    assert (found.count, found.last_step) == (5, 4)
    assert math.isnan(summary(math.nan).least)


def test_summaries_are_the_controllers_and_newer_ones_of_the_runners(store: Store) -> None:
    rows = [Row(State.SUCCEEDED), Row(State.RUNNING, attempt=1), Row(State.RUNNING), Row()]
    add_run(store, "run", rows)
    put_recorded(
        store,
        {
            0: ExperimentMetrics(0, {"loss": summary(3.0, 1.0)}),
            1: ExperimentMetrics(0, {"loss": summary(9.0)}),
            7: ExperimentMetrics(0, {"loss": summary(7.0)}),
        },
    )
    put_summary(store, AttemptName("run", 1, 1), loss=summary(9.0, 8.0), lr=summary(0.1))
    assert metrics.summaries(store, "run") == {
        0: {"loss": summary(3.0, 1.0)},
        1: {"loss": summary(9.0, 8.0), "lr": summary(0.1)},
    }


def test_a_running_attempt_that_has_said_nothing_keeps_what_was_known(store: Store) -> None:
    add_run(store, "run", [Row(State.RUNNING, attempt=2)])
    put_summary(store, AttemptName("run", 0, 0), loss=summary(3.0))
    put_summary(store, AttemptName("run", 0, 1), loss=summary(3.0, 2.0))
    assert metrics.summaries(store, "run") == {0: {"loss": summary(3.0, 2.0)}}


def test_what_a_deleted_run_or_experiment_had_does_not_count(store: Store) -> None:
    add_run(store, "run", [Row(State.RUNNING), Row(State.RUNNING)])
    put_summary(store, AttemptName("run", 0, 0), identity="of another one", loss=summary(3.0))
    put_summary(store, AttemptName("run", 1, 0), loss=summary(3.0))
    store.put(layout.deletion("run", 1), b"")
    assert metrics.summaries(store, "run") == {}


def test_redone_steps_replace_the_old_ones(store: Store) -> None:
    add_run(store, "run", [Row(State.SUCCEEDED, attempt=1)])
    put_chunk(store, 0, 0, loss=points([9.0, 8.0]), lr=points([0.1]))
    put_chunk(store, 0, 1, loss=points([7.0, 6.0, 5.5], first=2))
    put_chunk(store, 1, 0, loss=points([7.5, 5.0], first=2))
    found = metrics.curves(store, "run", 0)
    assert (found["loss"].steps, found["loss"].values) == ((0, 1, 2, 3), (9.0, 8.0, 7.5, 5.0))
    assert found["loss"].times == (100.0, 101.0, 100.0, 101.0)
    assert found["lr"].values == (0.1,)
    assert list(metrics.curves(store, "run", 0, ["lr"])) == ["lr"]


def test_what_is_not_finite_comes_back(store: Store) -> None:
    add_run(store, "run", [Row(State.RUNNING)])
    values = [math.inf, -math.inf, math.nan]
    put_chunk(store, 0, 0, loss=points(values))
    put_summary(store, AttemptName("run", 0, 0), loss=summary(*values))
    curve = metrics.curves(store, "run", 0)["loss"]
    assert curve.values[:2] == (math.inf, -math.inf) and math.isnan(curve.values[2])
    found = metrics.summaries(store, "run")[0]["loss"]
    assert (found.least, found.greatest) == (-math.inf, math.inf) and math.isnan(found.last)
    assert metrics.notes(store, "run", 0) == ("a note",)


def test_what_is_not_there_is_said(store: Store) -> None:
    with pytest.raises(NotFoundError, match="no run 'run'"):
        metrics.summaries(store, "run")
    add_run(store, "run", [Row(State.RUNNING)])
    assert metrics.summaries(store, "run") == {} == metrics.curves(store, "run", 0)
    with pytest.raises(NotFoundError, match="no experiment 'run-exp1'"):
        metrics.curves(store, "run", 1)


def test_a_damaged_chunk_is_named(store: Store) -> None:
    add_run(store, "run", [Row(State.RUNNING)])
    key = layout.metric_chunk(AttemptName("run", 0, 0), 0)
    store.put_json(key, {"points": {"loss": [[1], [2]]}})
    with pytest.raises(DamagedError, match=key):
        metrics.curves(store, "run", 0)
