"""What waits for spot for too long goes to on-demand nodes, and comes back to spot after that."""

from dataclasses import replace
from typing import Any

import pytest

from gridray.controller.decide import decide
from gridray.controller.decisions import (
    Change,
    Decision,
    Fence,
    RunView,
    Snapshot,
    Submit,
    Withdraw,
)
from gridray.layout import AttemptName
from gridray.placement import PlacementRecord
from gridray.rayshapes import Job, JobError, JobStatus
from gridray.records import AttemptState, Row
from gridray.requests import RetryRequest, StopRequest, applied
from gridray.states import Reason, State
from tests.controller.test_decide import record

PATIENCE = 600.0
SPOT = PlacementRecord("g4dn.xlarge", use_spot=True, spot_fallback=PATIENCE)
QUEUED = Row(queued_at=1000.0)
PENDING = replace(QUEUED, state=State.PENDING, submitted_at=1001.0)
IN_TIME = 1000.0 + PATIENCE - 1
TOO_LATE = 1000.0 + PATIENCE


def looked(
    rows: list[Row], jobs: dict[str, Job], now: float, placement: Any = SPOT, **options: Any
) -> list[Decision]:
    run = replace(record(count=len(rows), **options), placement=placement)
    return decide(Snapshot([RunView(run, rows)], jobs, {}), now)


def after(rows: list[Row], jobs: dict[str, Job], now: float, **options: Any) -> list[Row]:
    """Return where experiments are after a look."""
    changes = {
        each.index: each.row
        for each in looked(rows, jobs, now, **options)
        if isinstance(each, Change)
    }
    return [changes.get(index, row) for index, row in enumerate(rows)]


def waiting(index: int = 0, attempt: int = 0, **fields: Any) -> dict[str, Job]:
    name = f"run-exp{index}-a{attempt}"
    return {name: Job(name, **({"status": JobStatus.PENDING} | fields))}


WITHDRAWN: dict[str, Any] = {"status": JobStatus.FAILED, "error": JobError.WITHDRAWN}


def test_it_leaves_rays_queue_and_comes_back_for_on_demand() -> None:
    assert looked([PENDING], waiting(), IN_TIME) == []
    decisions = looked([PENDING], waiting(), TOO_LATE)
    name = AttemptName("run", 0, 0)
    told = replace(PENDING, reason=Reason.SPOT_FALLBACK)
    assert decisions == [Fence(name), Withdraw("run-exp0-a0"), Change("run", 0, told)]
    # It is asked again until Ray has let go of it.
    assert Withdraw("run-exp0-a0") in looked([told], waiting(), TOO_LATE + 1)
    decisions = looked([told], waiting(**WITHDRAWN), TOO_LATE + 2)
    (row,) = after([told], waiting(**WITHDRAWN), TOO_LATE + 2)
    assert (row.state, row.attempt, row.has_fallen_back) == (State.QUEUED, 1, True)
    assert row.reason is Reason.SPOT_FALLBACK and row.queued_at == 1000.0
    assert decisions[-1] == Submit(AttemptName("run", 0, 1))
    on_demand = replace(row, state=State.PENDING, submitted_at=TOO_LATE + 3)
    assert looked([on_demand], waiting(0, 1), TOO_LATE + PATIENCE * 2) == []


def test_a_controller_that_is_new_does_the_same() -> None:
    """The one before was killed after it had the job withdrawn, and before it recorded why."""
    (row,) = after([PENDING], waiting(**WITHDRAWN), TOO_LATE)
    assert row.has_fallen_back and row.attempt == 1


def test_what_ray_does_not_have_yet_goes_there_at_once() -> None:
    (row,) = after([QUEUED], {}, TOO_LATE)
    assert row.has_fallen_back and row.reason is Reason.SPOT_FALLBACK
    assert looked([QUEUED], {}, TOO_LATE)[-1] == Submit(AttemptName("run", 0, 0))
    assert not after([QUEUED], {}, IN_TIME)[0].has_fallen_back


@pytest.mark.parametrize("placement", [None, replace(SPOT, spot_fallback=None)])
def test_who_does_not_ask_for_it_waits(placement: PlacementRecord | None) -> None:
    assert looked([PENDING], waiting(), 1e9, placement) == []


@pytest.mark.parametrize(
    "row",
    [
        replace(PENDING, state=State.RUNNING, started_at=1002.0),
        replace(QUEUED, not_before=TOO_LATE + 1),
        replace(QUEUED, not_before=IN_TIME),
        replace(QUEUED, queued_at=None),
    ],
)
def test_what_runs_or_backs_off_does_not_wait_for_spot(row: Row) -> None:
    jobs = waiting(status=JobStatus.RUNNING) if row.state is State.RUNNING else {}
    (found,) = after([row], jobs, TOO_LATE)
    assert not found.has_fallen_back and found.reason is None


def test_what_max_parallel_keeps_does_not_wait_for_spot() -> None:
    running = replace(PENDING, state=State.RUNNING, started_at=1002.0)
    jobs = waiting(status=JobStatus.RUNNING)
    rows = after([running, QUEUED], jobs, TOO_LATE, max_parallel=1)
    assert not rows[1].has_fallen_back
    ended = replace(running, state=State.SUCCEEDED, ended_at=IN_TIME)
    rows = after([ended, QUEUED], {}, TOO_LATE, max_parallel=1)
    assert not rows[1].has_fallen_back
    rows = after([ended, QUEUED], {}, IN_TIME + PATIENCE, max_parallel=1)
    assert rows[1].has_fallen_back


def test_what_is_held_has_not_waited_when_it_is_let_go() -> None:
    failed = Row(State.FAILED, Reason.EXIT_CODE, exit_code=1, ended_at=1100.0)
    rows = [failed, replace(QUEUED, reason=Reason.HELD)]
    assert not after(rows, {}, TOO_LATE, hold_after=1)[1].has_fallen_back
    rows = applied(rows, RetryRequest(frozenset(), TOO_LATE))
    assert not after(rows, {}, TOO_LATE + 1, hold_after=1)[1].has_fallen_back
    assert after(rows, {}, TOO_LATE + PATIENCE, hold_after=1)[1].has_fallen_back


def test_what_is_stopped_does_not_come_back() -> None:
    rows = applied([PENDING], StopRequest(None, 30.0))
    (row,) = after(rows, waiting(), TOO_LATE)
    assert (row.state, row.reason) == (State.CANCELLED, Reason.STOPPED)


@pytest.mark.parametrize("has_begun", [True, False])
def test_an_interruption_is_followed_by_spot_if_it_had_begun(has_begun: bool) -> None:
    began = 1700.0 if has_begun else None
    row = Row(
        State.RUNNING if has_begun else State.PENDING,
        attempt=1,
        queued_at=1000.0,
        submitted_at=1650.0,
        started_at=began,
        has_fallen_back=True,
    )
    name = AttemptName("run", 0, 1)
    said = {name: AttemptState(State.RUNNING, started_at=began)} if has_begun else {}
    jobs = waiting(0, 1, status=JobStatus.FAILED, error=JobError.NODE_LOST)
    run = replace(record(auto_resume=True), placement=SPOT)
    decisions = decide(Snapshot([RunView(run, [row])], jobs, said), 1800.0)
    (change,) = [each for each in decisions if isinstance(each, Change)]
    assert (change.row.state, change.row.attempt) == (State.QUEUED, 2)
    assert change.row.has_fallen_back is not has_begun
    assert change.row.queued_at == (1800.0 if has_begun else 1000.0)


def test_why_it_can_never_run_is_told_of_the_nodes_that_it_is_for() -> None:
    view = RunView(replace(record(), placement=SPOT), [PENDING])
    never = {("run", False): "no spot nodes"}
    (change,) = decide(Snapshot([view], waiting(), {}, never), IN_TIME)
    assert isinstance(change, Change) and change.row.reason is Reason.INFEASIBLE
    fallen = replace(PENDING, has_fallen_back=True)
    assert decide(Snapshot([replace(view, rows=[fallen])], waiting(), {}, never), IN_TIME) == []
