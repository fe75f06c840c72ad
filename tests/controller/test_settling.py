"""What becomes of the runs of a cluster that was deleted."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gridray import actions, again, layout
from gridray.controller.settling import settle
from gridray.errors import DamagedError, StoreError
from gridray.heartbeats import Heartbeat
from gridray.layout import AttemptName
from gridray.placement import InstanceRecord
from gridray.readers import costs, runs
from gridray.readers.runs import ExperimentView
from gridray.records import AttemptState, ClusterRecord, Row
from gridray.requests import RetryRequest, StopRequest
from gridray.states import Reason, State
from gridray.store import Store
from tests.builders import add_run

MINE = ClusterRecord("mine", "mine")
START = 1_800_000_000.0
HEARD = START + 1800
NOW = START + 9 * 3600
SPOT = InstanceRecord("i-1", "g4dn.xlarge", "spot", "a", 0.5, 0.2, 0.5, START)
RUNNING = Row(
    State.RUNNING, submitted_at=START, started_at=START + 60, rate=SPOT.rate, placed_at=START
)
QUEUED = Row(queued_at=START)
BUSY = AttemptState(State.RUNNING, started_at=START + 60, instance=SPOT)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store(str(tmp_path / "store"))
    found.put_json(layout.controller("mine"), Heartbeat(HEARD).to_json())
    return found


def refuse(error: DamagedError) -> None:
    raise error


def add(store: Store, name: str, *rows: Row, **fields: Any) -> None:
    record = add_run(store, name, rows, cluster=MINE, created_at=START, **fields)
    actions.announce(store, record, "")


def say(store: Store, run: str, index: int, word: AttemptState, attempt: int = 0) -> None:
    store.put_json(layout.attempt_state(AttemptName(run, index, attempt)), word.to_json())


def end(store: Store) -> list[str]:
    return settle(store, "mine", NOW, refuse)


def seen(store: Store, run: str) -> tuple[ExperimentView, ...]:
    return runs.run_view(store, run, NOW + 1e6).experiments


def test_what_was_not_over_is_cancelled_and_costs_no_more(store: Store) -> None:
    succeeded = Row(State.SUCCEEDED, submitted_at=1.0, started_at=2.0, ended_at=3.0)
    add(store, "run", succeeded, RUNNING, QUEUED, replace(RUNNING, state=State.PENDING))
    say(store, "run", 1, BUSY)
    assert end(store) == ["run"]
    over, ran, waited, pending = seen(store, "run")
    assert over.state is State.SUCCEEDED
    for each in (ran, waited, pending):
        assert (each.state, each.reason) == (State.CANCELLED, Reason.CLUSTER_DELETED)
    assert ran.cost == pytest.approx(0.05) and ran.run_seconds == 1740
    assert costs.run_cost(store, "run", NOW + 1e6).total.cost == pytest.approx(0.05)
    (attempt,) = costs.run_cost(store, "run", NOW + 1e6).attempts
    assert (attempt.until, attempt.is_lost) == (HEARD, False)
    assert store.names(layout.active("mine")) == []
    actions.delete_run(store, "run")
    assert runs.run_names(store) == []


def test_a_last_word_that_nobody_heard_counts(store: Store) -> None:
    add(store, "run", RUNNING)
    say(store, "run", 0, replace(BUSY, state=State.SUCCEEDED, ended_at=START + 3600))
    assert end(store) == []
    (found,) = seen(store, "run")
    assert found.state is State.SUCCEEDED and found.cost == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("auto_resume", "state", "reason", "attempt"),
    [
        (False, State.FAILED, Reason.INTERRUPTED, 0),
        (True, State.CANCELLED, Reason.CLUSTER_DELETED, 1),
    ],
)
def test_what_was_interrupted_by_the_end_gets_no_other_attempt(
    store: Store, auto_resume: bool, state: State, reason: Reason, attempt: int
) -> None:
    add(store, "run", RUNNING, auto_resume=auto_resume)
    lost = replace(BUSY, state=State.FAILED, reason=Reason.INTERRUPTED, ended_at=START + 3600)
    say(store, "run", 0, lost)
    end(store)
    (found,) = seen(store, "run")
    assert (found.state, found.reason, found.attempt) == (state, reason, attempt)
    total = costs.run_cost(store, "run", NOW).total
    assert (total.cost, total.lost, found.cost) == pytest.approx((0.1, 0.1, 0.1))


def test_what_users_have_asked_for_and_nobody_heard_counts(store: Store) -> None:
    failed = Row(State.FAILED, Reason.EXIT_CODE, submitted_at=1.0, ended_at=2.0)
    add(store, "run", RUNNING, replace(RUNNING, is_overspent=True, stop_grace=1.0), failed)
    actions.put_request(store, "run", StopRequest((0,), 5.0), NOW, "identity-of-run")
    retry = RetryRequest(frozenset({2}), START)
    actions.put_request(store, "run", retry, NOW + 1, "identity-of-run")
    end(store)
    stopped, overspent, retried = seen(store, "run")
    assert (stopped.reason, overspent.reason) == (Reason.STOPPED, Reason.MAX_COST)
    assert (retried.state, retried.reason) == (State.CANCELLED, Reason.CLUSTER_DELETED)
    assert retried.attempt == 1
    assert again.to_retry(store, "run") == [0, 1, 2]


def test_it_can_be_cut_off_anywhere_and_repeated(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store, "run", RUNNING, QUEUED)
    say(store, "run", 0, BUSY)
    record = runs.run_view(store, "run", NOW).record
    store.put(layout.sealed("run", record.identity), b"sealed")
    writes, left = (Store.put_json, Store.delete), [0]

    def failing(write: Callable[..., None]) -> Callable[..., None]:
        def fail(*args: Any) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise StoreError("gone")
            write(*args)

        return fail

    # Before what it writes of the attempt, of the run, and before each of what it takes away.
    for count in (0, 1, 2, 1):
        left[0] = count
        with monkeypatch.context() as patched:
            for write in writes:
                patched.setattr(Store, write.__name__, failing(write))
            with pytest.raises(StoreError):
                end(store)
    end(store)
    first, second = seen(store, "run")
    assert first.reason is second.reason is Reason.CLUSTER_DELETED
    assert first.cost == pytest.approx(0.05)
    assert costs.run_cost(store, "run", NOW).total.cost == pytest.approx(0.05)
    assert store.names(layout.active("mine")) == []
    assert store.names(layout.sealed_secrets("run", record.identity)) == []
    assert end(store) == []


def test_others_are_left_alone(store: Store) -> None:
    add(store, "run", QUEUED)
    other = add_run(store, "elsewhere", [RUNNING], cluster=ClusterRecord("moon", "moon"))
    actions.announce(store, other, "")
    store.put(layout.active_run("mine", "unwritten", "1"), b"")
    store.put(layout.active_run("mine", "run", "of-an-earlier-run"), b"")
    assert end(store) == ["run"]
    assert seen(store, "elsewhere")[0].state is State.RUNNING
    assert store.names(layout.active("mine")) == ["unwritten~1"]


def test_what_cannot_be_read_keeps_no_other_run(store: Store) -> None:
    add(store, "broken", RUNNING)
    add(store, "run", RUNNING)
    store.put(layout.status("broken"), b"{")
    store.put(layout.attempt_state(AttemptName("run", 0, 0)), b"{")
    store.put(layout.request("run", int(time.time() * 1000), "ab"), b"[]")
    store.put(layout.controller("mine"), b"{")
    told: list[DamagedError] = []
    assert settle(store, "mine", NOW, told.append) == ["run"]
    assert [name in told[place].message for place, name in enumerate(("mine.json", "broken"))]
    assert len(told) == 4
    assert seen(store, "run")[0].reason is Reason.CLUSTER_DELETED
    assert len(store.names(layout.active("mine"))) == 1
