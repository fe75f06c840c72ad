"""What runs and clusters have cost, from a store alone."""

from dataclasses import replace
from pathlib import Path

import pytest

from gridray import layout
from gridray.errors import DamagedError, NotFoundError
from gridray.heartbeats import Heartbeat
from gridray.layout import AttemptName
from gridray.machines import Ledger, NodeRecord
from gridray.placement import InstanceRecord
from gridray.readers import runs
from gridray.readers.costs import NOTHING, Overview, overview, run_cost
from gridray.records import AttemptState, ClusterRecord, Row
from gridray.states import Reason, State
from gridray.store import Store
from tests.builders import add_run

HOUR = 3600.0
START = 1_764_000_000.0
NOW = START + 10 * HOUR
MINE = ClusterRecord("mine", "mine")
MACHINE = InstanceRecord("i-1", "g4dn.xlarge", "spot", "a", 0.5, 0.2, 0.5, START)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def say(
    store: Store,
    name: AttemptName,
    begin: float,
    end: float | None = None,
    reason: Reason | None = None,
) -> None:
    """Record an attempt from an hour to another."""
    state = State.RUNNING if end is None else State.SUCCEEDED if reason is None else State.FAILED
    since = START + begin * HOUR
    ended_at = None if end is None else START + end * HOUR
    instance = replace(MACHINE, since=since)
    word = AttemptState(state, reason, started_at=since, ended_at=ended_at, instance=instance)
    store.put_json(layout.attempt_state(name), word.to_json())


def add_interrupted(store: Store, name: str = "run", created: float = 0.0) -> None:
    """Add a run: an hour that was interrupted and two that were not; half of an hour that runs."""
    done = Row(
        State.SUCCEEDED,
        attempt=1,
        submitted_at=START,
        ended_at=START + 4 * HOUR,
        spent=0.3,
        wasted=0.1,
        saved=0.45,
    )
    busy = Row(State.RUNNING, submitted_at=START, rate=0.1, placed_at=NOW - HOUR / 2)
    created_at = START + created * HOUR
    add_run(store, name, [done, busy, Row()], cluster=MINE, created_at=created_at)
    say(store, AttemptName(name, 0, 0), 0, 1, Reason.INTERRUPTED)
    say(store, AttemptName(name, 0, 1), 2, 4)
    say(store, AttemptName(name, 1, 0), 9.5)


def test_a_run_costs_what_its_attempts_cost(store: Store) -> None:
    add_interrupted(store)
    found = run_cost(store, "run", NOW)
    assert [(each.name.index, each.name.attempt, each.is_lost) for each in found.attempts] == [
        (0, 0, True),
        (0, 1, False),
        (1, 0, False),
    ]
    assert [each.hours for each in found.attempts] == [1, 2, 0.5]
    assert [each.cost for each in found.attempts] == pytest.approx([0.1, 0.2, 0.05])
    assert found.total.cost == pytest.approx(0.35)
    assert found.total.saved == pytest.approx(0.35 / 0.2 * 0.3)
    assert found.total.lost == pytest.approx(0.1)
    view = runs.run_view(store, "run", NOW)
    assert view.summary.cost == pytest.approx(0.35)
    assert [each.cost for each in view.experiments] == [
        pytest.approx(0.3),
        pytest.approx(0.05),
        None,
    ]


@pytest.mark.parametrize(
    ("since", "cost", "lost"),
    [(0, 0.35, 0.1), (0.5, 0.3, 0.05), (1, 0.25, 0), (3, 0.15, 0), (9.75, 0.025, 0)],
)
def test_a_period_counts_what_falls_into_it(
    store: Store, since: float, cost: float, lost: float
) -> None:
    add_interrupted(store)
    found = run_cost(store, "run", NOW, START + since * HOUR)
    assert found.total.cost == pytest.approx(cost)
    assert found.total.lost == pytest.approx(lost)
    (run,) = overview(store, NOW, START + since * HOUR).runs
    assert run.total.cost == pytest.approx(cost)


def test_what_the_controller_has_told_of_an_end_counts(store: Store) -> None:
    row = Row(State.QUEUED, attempt=1, spent=0.2)
    add_run(store, "run", [row], cluster=MINE)
    say(store, AttemptName("run", 0, 0), 0)
    ending = AttemptState(State.FAILED, Reason.NODE_LOST, ended_at=START + 2 * HOUR)
    store.put_json(layout.attempt_ending(AttemptName("run", 0, 0)), ending.to_json())
    (attempt,) = run_cost(store, "run", NOW).attempts
    assert (attempt.hours, attempt.is_lost) == (2, True)


def test_what_runs_on_a_cluster_that_is_silent_does_not_cost_for_ever(store: Store) -> None:
    row = Row(State.RUNNING, submitted_at=START, rate=0.1, placed_at=START)
    add_run(store, "run", [row], cluster=MINE, created_at=START)
    say(store, AttemptName("run", 0, 0), 0)
    beat = Heartbeat(START + HOUR)
    store.put_json(layout.controller("mine"), beat.to_json())
    assert run_cost(store, "run", NOW).total.cost == pytest.approx(0.1)
    (summary,) = runs.summaries(store, NOW)
    assert summary.cost == pytest.approx(0.1)
    assert overview(store, NOW).total == pytest.approx(0.1)
    assert runs.run_view(store, "run", NOW).experiments[0].cost == pytest.approx(0.1)
    assert run_cost(store, "run", START + HOUR + 60).total.cost == pytest.approx(0.1 * 61 / 60)


def test_what_a_deleted_experiment_has_cost_stays_in_the_sum(store: Store) -> None:
    add_interrupted(store)
    store.put(layout.deletion("run", 0), b"")
    store.delete_prefix(layout.experiment_prefix("run", 0))
    found = run_cost(store, "run", NOW)
    assert [each.name.index for each in found.attempts] == [1]
    assert found.total.cost == pytest.approx(0.35)


def test_a_run_on_no_known_machine_has_no_cost(store: Store) -> None:
    add_run(store, "run", [Row(State.SUCCEEDED, submitted_at=1.0, started_at=2.0, ended_at=9.0)])
    assert run_cost(store, "run", NOW).total == NOTHING
    assert overview(store, NOW) == Overview((), (), None)
    assert runs.run_view(store, "run", NOW).summary.cost is None


def node(name: str, begin: float, end: float, price: float | None, **fields: bool) -> NodeRecord:
    values = {"is_head": False, "is_gone": True} | fields
    return NodeRecord(
        name,
        "g4dn.xlarge",
        "spot",
        "a",
        values["is_head"],
        START + begin * HOUR,
        START + end * HOUR,
        price,
        values["is_gone"],
    )


HEAD = node("i-0", 0, 10, 0.05, is_head=True, is_gone=False)


def keep(store: Store, *nodes: NodeRecord, key: str = "mine") -> None:
    store.put_json(layout.node_ledger(key, "2025-11"), Ledger(nodes).to_json())


def test_what_of_a_cluster_was_not_used_is_idle(store: Store) -> None:
    add_interrupted(store)
    keep(store, HEAD, node("i-1", 0, 4, 0.2), node("i-2", 9, 10, 0.2), node("i-3", 0, 9, None))
    (cluster,) = overview(store, NOW).clusters
    assert (cluster.key, cluster.machines, cluster.unpriced) == ("mine", 4, 1)
    assert cluster.head == pytest.approx(0.5)
    assert cluster.workers == pytest.approx(1.0)
    assert cluster.used == pytest.approx(0.35)
    assert cluster.idle == pytest.approx(0.65)
    assert overview(store, NOW).total == pytest.approx(1.5)


def test_a_cluster_costs_in_a_period_what_falls_into_it(store: Store) -> None:
    add_interrupted(store)
    keep(store, HEAD, node("i-1", 0, 4, 0.2), node("i-2", 9, 10, 0.2))
    found = overview(store, NOW, START + 3 * HOUR)
    (cluster,) = found.clusters
    assert cluster.head == pytest.approx(0.35)
    assert cluster.workers == pytest.approx(0.4)
    assert cluster.used == pytest.approx(0.15)
    assert cluster.idle == pytest.approx(0.25)
    (nothing,) = overview(store, NOW, NOW - HOUR / 100).clusters
    assert nothing.machines == 2


def test_a_cluster_is_told_from_others(store: Store) -> None:
    add_interrupted(store)
    add_interrupted(store, "other", 1.0)
    key = layout.run_record("other")
    raw = store.get_json(key)
    store.put_json(key, {**raw, "cluster": {"name": "theirs", "key": "theirs"}})
    keep(store, HEAD, node("i-1", 0, 4, 0.2))
    both = overview(store, NOW)
    assert [each.record.name for each in both.runs] == ["other", "run"]
    # The machines of one, and what the run on the other has cost, of which no machine is known.
    assert both.total == pytest.approx(0.5 + 0.8 + 0.35)
    mine = overview(store, NOW, cluster="mine")
    assert [each.record.name for each in mine.runs] == ["run"]
    assert mine.total == pytest.approx(0.5 + 0.8)
    with pytest.raises(NotFoundError, match="elsewhere"):
        overview(store, NOW, cluster="elsewhere")


def test_what_is_damaged_is_told_and_left_out(store: Store) -> None:
    add_interrupted(store)
    keep(store, HEAD)
    store.put(layout.node_ledger("broken", "2025-11"), b'{"nodes": [[1]]}')
    store.put(layout.status("run"), b"{")
    told: list[DamagedError] = []
    found = overview(store, NOW, damaged=told.append)
    assert (found.runs, [each.key for each in found.clusters]) == ((), ["mine"])
    assert len(told) == 2
