"""Summaries and curves come back as runners and controller wrote them, each step once."""

import math
from collections.abc import Iterable, Sequence

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
from gridray.readers.metrics import Measured, MetricsReader
from gridray.records import Row, RunStatus
from gridray.states import State
from gridray.store import Store
from tests.builders import add_run, run_record

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


class Counted(Store):
    """A store that knows which chunks were read of it."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.read: list[str] = []

    def get_many(self, keys: Iterable[str]) -> dict[str, bytes]:
        wanted = list(keys)
        self.read += [key for key in wanted if "/metrics/" in key]
        return super().get_many(wanted)

    def taken(self) -> list[str]:
        read, self.read = self.read, []
        return read


def chunk(attempt: int, number: int) -> str:
    return layout.metric_chunk(AttemptName("run", 0, attempt), number)


def set_row(store: Store, row: Row) -> None:
    store.put_json(layout.status("run"), RunStatus(0.0, (row,)).to_json())


def test_a_reader_reads_only_what_is_new(store: Store) -> None:
    add_run(store, "run", [Row(State.RUNNING)])
    counted = Counted(store.url)
    reader = MetricsReader(counted, "run", 0)
    assert reader.read() == Measured({}, ())
    put_chunk(store, 0, 0, loss=points([9.0, 8.0]))
    put_chunk(store, 0, 1, loss=points([7.0], first=2))
    assert reader.read().curves["loss"].values == (9.0, 8.0, 7.0)
    assert counted.taken() == [chunk(0, 0), chunk(0, 1)]
    # As many bytes as before.
    put_chunk(store, 0, 1, loss=points([6.0], first=2))
    put_summary(store, AttemptName("run", 0, 0), loss=summary(9.0, 8.0, 6.0))
    found = reader.read()
    assert found == Measured(metrics.curves(store, "run", 0), ("a note",))
    assert counted.taken() == [chunk(0, 1)]
    assert reader.read() is found and counted.taken() == []


def test_a_reader_goes_on_with_the_next_attempt(store: Store) -> None:
    add_run(store, "run", [Row(State.RUNNING)])
    put_chunk(store, 0, 0, loss=points([9.0, 8.0]))
    counted = Counted(store.url)
    reader = MetricsReader(counted, "run", 0)
    reader.read()
    put_chunk(store, 0, 1, loss=points([7.0], first=2))
    put_chunk(store, 1, 0, loss=points([5.0], first=1))
    set_row(store, Row(State.RUNNING, attempt=1))
    counted.taken()
    assert reader.read().curves["loss"].values == (9.0, 5.0)
    assert reader.read().curves == metrics.curves(store, "run", 0)
    assert counted.taken() == [chunk(0, 1), chunk(1, 0)]


def test_a_reader_forgets_a_run_whose_name_another_one_has(store: Store) -> None:
    add_run(store, "run", [Row(State.RUNNING)])
    put_chunk(store, 0, 0, loss=points([9.0]))
    reader = MetricsReader(store, "run", 0)
    assert list(reader.read().curves) == ["loss"]
    store.delete(layout.run_record("run"))
    with pytest.raises(NotFoundError, match="no run 'run'"):
        reader.read()
    another = run_record("run", 1, identity="another")
    store.put_json(layout.run_record("run"), another.to_json())
    assert reader.read() == Measured({}, ())


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
