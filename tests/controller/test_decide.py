"""What the controller decides, for each thing that it can see."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridray.controller.decide import (
    PENDING_LIMIT,
    Change,
    Decision,
    Fence,
    RunView,
    Snapshot,
    Stop,
    Submit,
    decide,
)
from gridray.layout import AttemptName
from gridray.rayjobs import Job, JobError, JobStatus
from gridray.records import (
    AttemptState,
    ClusterRecord,
    Resources,
    Row,
    RunRecord,
    SourceRecord,
    StopRequest,
)
from gridray.states import TRANSITIONS, Reason, State

NOW = 1000.0
PENDING = Row(State.PENDING, queued_at=1.0, submitted_at=2.0)
RUNNING = replace(PENDING, state=State.RUNNING, started_at=3.0)


def record(
    name: str = "run",
    count: int = 1,
    max_parallel: int | None = None,
    auto_resume: bool = False,
    retries: int = 0,
) -> RunRecord:
    return RunRecord(
        name=name,
        identity="1",
        created_at=1.0,
        script="main.py",
        args=(),
        sweep={},
        count=count,
        resources=Resources(),
        env={},
        max_parallel=max_parallel,
        source=SourceRecord("0", 0, 0, 0),
        cluster=ClusterRecord("local", "local-1"),
        user="somebody",
        versions={},
        auto_resume=auto_resume,
        retries=retries,
    )


def job(status: JobStatus, error: JobError | None = None, exit_code: int | None = None) -> Job:
    return Job("run-exp0-a0", status, error, exit_code)


def decide_one(
    row: Row,
    ray: Job | None = None,
    attempt: AttemptState | None = None,
    stops: tuple[StopRequest, ...] = (),
    **options: Any,
) -> list[Decision]:
    view = RunView(record(**options), [row], stops)
    name = AttemptName("run", 0, row.attempt)
    jobs = {} if ray is None else {str(name): ray}
    attempts = {} if attempt is None else {name: attempt}
    return decide(Snapshot([view], jobs, attempts), NOW)


def row_after(
    row: Row,
    ray: Job | None = None,
    attempt: AttemptState | None = None,
    stops: tuple[StopRequest, ...] = (),
    **options: Any,
) -> Row:
    decisions = decide_one(row, ray, attempt, stops, **options)
    changes = [each for each in decisions if isinstance(each, Change)]
    return changes[-1].row if changes else row


def test_a_queued_experiment_is_submitted() -> None:
    assert decide_one(Row()) == [Submit(AttemptName("run", 0, 0))]


def test_one_that_ray_has_already_is_adopted() -> None:
    decisions = decide_one(Row(), job(JobStatus.RUNNING))
    assert [type(each) for each in decisions] == [Change]
    assert row_after(Row(), job(JobStatus.RUNNING)).state is State.PENDING


def test_the_runners_words_are_followed() -> None:
    building = AttemptState(State.BUILDING)
    assert row_after(PENDING, job(JobStatus.RUNNING), building).state is State.BUILDING
    running = AttemptState(State.RUNNING, started_at=5.0)
    after = row_after(PENDING, job(JobStatus.RUNNING), running)
    assert (after.state, after.started_at) == (State.RUNNING, 5.0)


@pytest.mark.parametrize("ray", [job(JobStatus.RUNNING), job(JobStatus.SUCCEEDED), None])
def test_the_runners_last_word_counts_whatever_ray_says(ray: Job | None) -> None:
    last = AttemptState(State.FAILED, Reason.EXIT_CODE, 3, 5.0, 6.0, message="m")
    after = row_after(RUNNING, ray, last)
    assert after.state is State.FAILED and after.reason is Reason.EXIT_CODE
    assert (after.exit_code, after.started_at, after.ended_at) == (3, 5.0, 6.0)


LOST = job(JobStatus.FAILED, JobError.NODE_LOST)
STARTED = AttemptState(State.RUNNING, started_at=5.0)


@pytest.mark.parametrize(
    ("ray", "attempt", "reason"),
    [
        (LOST, STARTED, Reason.NODE_LOST),
        (None, STARTED, Reason.NODE_LOST),
        (job(JobStatus.FAILED, JobError.EXIT_CODE, 137), STARTED, Reason.RUNNER_LOST),
        (job(JobStatus.FAILED, JobError.EXIT_CODE, 97), None, Reason.STORE_UNREACHABLE),
        (job(JobStatus.FAILED, JobError.START_FAILED), None, Reason.START_FAILED),
        (job(JobStatus.SUCCEEDED), None, Reason.RUNNER_LOST),
    ],
)
def test_without_a_last_word_rays_counts(
    ray: Job | None, attempt: AttemptState | None, reason: Reason
) -> None:
    after = row_after(RUNNING, ray, attempt)
    assert (after.state, after.reason) == (State.FAILED, reason)


@pytest.mark.parametrize(
    "ray", [LOST, None, job(JobStatus.FAILED, JobError.START_TIMEOUT)], ids=str
)
def test_what_never_started_goes_back_into_the_queue(ray: Job | None) -> None:
    after = row_after(PENDING, ray)
    assert (after.state, after.attempt, after.queued_at) == (State.QUEUED, 1, 1.0)
    assert Submit(AttemptName("run", 0, 1)) in decide_one(PENDING, ray)


INTERRUPTED = AttemptState(State.FAILED, Reason.INTERRUPTED, 0, 5.0, 6.0)
OVER = job(JobStatus.FAILED, JobError.EXIT_CODE, 143)


@pytest.mark.parametrize(
    ("ray", "attempt"),
    [
        (OVER, INTERRUPTED),
        (None, INTERRUPTED),
        (LOST, STARTED),
        (None, STARTED),
        (job(JobStatus.FAILED, JobError.EXIT_CODE, 137), STARTED),
    ],
)
def test_with_auto_resume_an_interruption_costs_an_attempt_only(
    ray: Job | None, attempt: AttemptState
) -> None:
    decisions = decide_one(RUNNING, ray, attempt, auto_resume=True)
    after = row_after(RUNNING, ray, attempt, auto_resume=True)
    assert (after.state, after.attempt, after.failures) == (State.QUEUED, 1, 0)
    assert Fence(AttemptName("run", 0, 0)) in decisions
    assert decisions.index(Fence(AttemptName("run", 0, 0))) < decisions.index(
        Submit(AttemptName("run", 0, 1))
    )
    assert row_after(RUNNING, ray, attempt).state is State.FAILED


def test_the_next_attempt_waits_until_ray_calls_the_last_one_over() -> None:
    decisions = decide_one(RUNNING, job(JobStatus.RUNNING), INTERRUPTED, auto_resume=True)
    assert decisions == []


def test_retries_are_for_the_scripts_own_failures() -> None:
    failed = AttemptState(State.FAILED, Reason.EXIT_CODE, 3, 5.0, 6.0)
    row = RUNNING
    for attempt in range(2):
        row = row_after(row, OVER, failed, retries=2)
        assert (row.state, row.attempt, row.failures) == (State.QUEUED, attempt + 1, attempt + 1)
        row = replace(row, state=State.RUNNING)
    last = row_after(row, OVER, failed, retries=2)
    assert (last.state, last.exit_code, last.failures) == (State.FAILED, 3, 3)
    assert row_after(RUNNING, OVER, INTERRUPTED, retries=2).state is State.FAILED
    resumed = row_after(replace(RUNNING, failures=1), OVER, INTERRUPTED, auto_resume=True)
    assert resumed.failures == 1


def test_a_stop_counts_more_than_a_retry() -> None:
    stops = (StopRequest(None, 7.0),)
    after = row_after(RUNNING, OVER, INTERRUPTED, stops, auto_resume=True)
    assert (after.state, after.reason) == (State.CANCELLED, Reason.STOPPED)


def test_a_stop_cancels_what_waits_and_asks_what_runs() -> None:
    stops = (StopRequest(None, 7.0),)
    assert row_after(Row(), stops=stops).state is State.CANCELLED
    asked = Stop(AttemptName("run", 0, 0), 7.0)
    waiting = decide_one(PENDING, job(JobStatus.PENDING), stops=stops)
    assert asked in waiting
    assert row_after(PENDING, job(JobStatus.PENDING), stops=stops).state is State.CANCELLED
    assert decide_one(RUNNING, job(JobStatus.RUNNING), STARTED, stops)[0] == asked
    after = row_after(RUNNING, job(JobStatus.RUNNING), STARTED, stops)
    assert after.state is State.RUNNING


def test_a_stop_of_one_experiment_leaves_the_others() -> None:
    view = RunView(record(count=2), [Row(), Row()], [StopRequest((1,), 0)])
    decisions = decide(Snapshot([view], {}, {}), NOW)
    changed = [each.index for each in decisions if isinstance(each, Change)]
    assert changed == [1] and Submit(AttemptName("run", 0, 0)) in decisions


def submitted(decisions: list[Decision]) -> list[str]:
    return [str(each.name) for each in decisions if isinstance(each, Submit)]


def test_only_so_many_wait_in_ray_and_runs_take_turns() -> None:
    views = [RunView(record(name, 100), [Row()] * 100) for name in ("a", "b", "c")]
    names = submitted(decide(Snapshot(views, {}, {}), NOW))
    assert len(names) == PENDING_LIMIT
    assert names[:4] == ["a-exp0-a0", "b-exp0-a0", "c-exp0-a0", "a-exp1-a0"]


def test_max_parallel_holds() -> None:
    rows = [RUNNING, Row(State.SUCCEEDED), PENDING, *[Row()] * 10]
    jobs = {
        "run-exp0-a0": job(JobStatus.RUNNING),
        "run-exp2-a0": job(JobStatus.PENDING),
    }
    view = RunView(record(count=len(rows), max_parallel=4), rows)
    assert submitted(decide(Snapshot([view], jobs, {}), NOW)) == ["run-exp3-a0", "run-exp4-a0"]


JOBS = st.one_of(
    st.none(),
    st.sampled_from(JobStatus).flatmap(
        lambda status: st.builds(
            lambda error, code: job(status, error if status is JobStatus.FAILED else None, code),
            st.sampled_from(JobError),
            st.sampled_from([None, 0, 1, 97, 137]),
        )
    ),
)
ATTEMPTS = st.one_of(
    st.none(),
    st.builds(
        lambda state, started: AttemptState(state, started_at=started),
        st.sampled_from([s for s in State if s not in (State.QUEUED, State.PENDING)]),
        st.sampled_from([None, 5.0]),
    ),
)
ROWS = st.builds(
    lambda state, attempt: Row(state, None, attempt), st.sampled_from(State), st.integers(0, 3)
)


@given(ROWS, JOBS, ATTEMPTS, st.booleans())
def test_every_move_is_in_the_table_and_no_two_attempts_live(
    row: Row, ray: Job | None, attempt: AttemptState | None, stop: bool
) -> None:
    stops = (StopRequest(None, 1.0),) if stop else ()
    decisions = decide_one(row, ray, attempt, stops)
    current = row
    for each in decisions:
        if isinstance(each, Change):
            # Two moves in one look: adopted, then ended.
            reachable = TRANSITIONS[current.state] | {current.state}
            reachable |= {s for state in reachable for s in TRANSITIONS[state]}
            assert each.row.state in reachable
            current = each.row
        if isinstance(each, Submit):
            assert current.state is State.QUEUED and each.name.attempt == current.attempt
            assert ray is None or ray.status.is_terminal
    if row.state.is_terminal:
        assert decisions == []
