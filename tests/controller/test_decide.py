"""What the controller decides, for each thing that it can see."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridray import exitcodes
from gridray.backoff import REQUEUE, STEADY
from gridray.controller.decide import PENDING_LIMIT, PENDING_SHARE, STARTS, decide
from gridray.controller.decisions import (
    Change,
    Decision,
    Drain,
    Fence,
    RunView,
    Snapshot,
    Stop,
    Submit,
    Tell,
    Withdraw,
)
from gridray.layout import AttemptName
from gridray.placement import InstanceRecord
from gridray.rayshapes import Job, JobError, JobStatus
from gridray.records import (
    AttemptState,
    ClusterRecord,
    EnvironmentRecord,
    Resources,
    Row,
    RunRecord,
    SourceRecord,
)
from gridray.requests import RetryRequest, StopRequest, applied
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
    hold_after: int | None = 5,
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
        hold_after=hold_after,
    )


def job(status: JobStatus, error: JobError | None = None, exit_code: int | None = None) -> Job:
    return Job("run-exp0-a0", status, error, exit_code)


def asked(rows: list[Row], stops: tuple[StopRequest, ...]) -> list[Row]:
    for stop in stops:
        rows = applied(rows, stop)
    return rows


def decide_one(
    row: Row,
    ray: Job | None = None,
    attempt: AttemptState | None = None,
    stops: tuple[StopRequest, ...] = (),
    **options: Any,
) -> list[Decision]:
    view = RunView(record(**options), asked([row], stops))
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
    return changes[-1].row if changes else asked([row], stops)[0]


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
        (job(JobStatus.FAILED, JobError.RUNNER_LOST), STARTED, Reason.RUNNER_LOST),
        (job(JobStatus.FAILED, JobError.EXIT_CODE, 137), STARTED, Reason.RUNNER_LOST),
        (job(JobStatus.FAILED, JobError.EXIT_CODE, 97), None, Reason.STORE_UNREACHABLE),
        (job(JobStatus.FAILED, JobError.START_FAILED), None, Reason.START_FAILED),
        (job(JobStatus.SUCCEEDED), None, Reason.RUNNER_LOST),
    ],
)
def test_without_a_last_word_rays_counts(
    ray: Job | None, attempt: AttemptState | None, reason: Reason
) -> None:
    after = row_after(replace(RUNNING, false_starts=STARTS), ray, attempt)
    assert (after.state, after.reason) == (State.FAILED, reason)


SUPERVISOR_DIED = """Job supervisor actor died: The actor died unexpectedly.
\tclass_name: JobSupervisor
\tactor_id: 8b9f
Its worker process has died. Worker exit detail: End of file."""
KILLED_LOG = """Job entrypoint command failed with exit code 137, last available logs \
(truncated to 20,000 chars):
epoch 1"""


@pytest.mark.parametrize("attempt", [STARTED, None], ids=["started", "silent"])
@pytest.mark.parametrize(
    ("ray", "told"),
    [
        (job(JobStatus.SUCCEEDED, None, 0), "SUCCEEDED, exit code 0"),
        (
            replace(job(JobStatus.FAILED, JobError.RUNNER_LOST), message=SUPERVISOR_DIED),
            "FAILED: Job supervisor actor died: The actor died unexpectedly. "
            "Its worker process has died. Worker exit detail: End of file.",
        ),
        (
            replace(job(JobStatus.FAILED, JobError.EXIT_CODE, 137), message=KILLED_LOG),
            "FAILED, exit code 137: Job entrypoint command failed with exit code 137",
        ),
        (job(JobStatus.FAILED, JobError.RUNNER_LOST), "FAILED"),
    ],
    ids=["over", "supervisor", "killed", "silent"],
)
def test_rays_word_on_a_lost_runner_is_told(
    ray: Job, told: str, attempt: AttemptState | None
) -> None:
    for auto_resume in (False, True):
        decisions = decide_one(RUNNING, ray, attempt, auto_resume=auto_resume)
        words = [each.word for each in decisions if isinstance(each, Tell)]
        (changed,) = [each.row for each in decisions if isinstance(each, Change)]
        assert [word.message for word in words] == [f"Ray calls its job {told}"]
        if changed.state is State.FAILED:
            assert (changed.reason, changed.message) == (Reason.RUNNER_LOST, words[0].message)


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


def test_what_is_interrupted_before_its_script_began_is_queued_again() -> None:
    preparing = replace(PENDING, state=State.BUILDING)
    after = row_after(preparing, OVER, replace(INTERRUPTED, exit_code=None, started_at=None))
    assert (after.state, after.attempt, after.reason) == (State.QUEUED, 1, Reason.INTERRUPTED)


@pytest.mark.parametrize("exit_code", [-9, 137])
def test_a_runner_that_is_killed_before_it_says_anything_is_replaced(exit_code: int) -> None:
    killed = job(JobStatus.FAILED, JobError.EXIT_CODE, exit_code)
    after = row_after(PENDING, killed)
    assert (after.state, after.attempt, after.reason) == (State.QUEUED, 1, Reason.RUNNER_LOST)


def test_a_runner_that_cannot_begin_tells_why() -> None:
    log = "Job entrypoint command failed, last logs:\n  File x\nImportError: no obstore"
    ray = replace(job(JobStatus.FAILED, JobError.EXIT_CODE, 1), message=log)
    # Attempts that were interrupted do not count.
    after = replace(PENDING, setbacks=STARTS)
    for _ in range(STARTS - 1):
        after = row_after(after, ray)
        assert (after.state, after.reason) == (State.QUEUED, Reason.START_FAILED)
        after = replace(after, state=State.PENDING)
    after = row_after(after, ray)
    assert after.state is State.FAILED
    assert (after.reason, after.message) == (Reason.START_FAILED, "ImportError: no obstore")


def test_the_next_attempt_waits_until_ray_calls_the_last_one_over() -> None:
    decisions = decide_one(RUNNING, job(JobStatus.RUNNING), INTERRUPTED, auto_resume=True)
    assert decisions == []


@pytest.mark.parametrize("reason", [Reason.EXIT_CODE, Reason.ACTION_FAILED])
def test_retries_are_for_the_scripts_own_failures(reason: Reason) -> None:
    failed = AttemptState(State.FAILED, reason, 3, 5.0, 6.0)
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
    view = RunView(record(count=2), applied([Row(), Row()], StopRequest((1,), 0)))
    decisions = decide(Snapshot([view], {}, {}), NOW)
    changed = [each.index for each in decisions if isinstance(each, Change)]
    assert changed == [1] and Submit(AttemptName("run", 0, 0)) in decisions


def submitted(decisions: list[Decision]) -> list[str]:
    return [str(each.name) for each in decisions if isinstance(each, Submit)]


def withdrawn(decisions: list[Decision]) -> list[str]:
    return [each.submission_id for each in decisions if isinstance(each, Withdraw)]


def test_only_so_many_wait_in_ray_and_runs_take_turns() -> None:
    views = [RunView(record(name, 100), [Row()] * 100) for name in ("a", "b", "c")]
    names = submitted(decide(Snapshot(views, {}, {}), NOW))
    assert len(names) == PENDING_LIMIT
    assert names[:4] == ["a-exp0-a0", "b-exp0-a0", "c-exp0-a0", "a-exp1-a0"]


def test_a_run_that_waits_for_ever_does_not_keep_the_others_back() -> None:
    stuck = [PENDING] * PENDING_LIMIT + [Row()]
    jobs = {f"a-exp{i}-a0": job(JobStatus.PENDING) for i in range(PENDING_LIMIT)}
    views = [RunView(record("a", len(stuck)), stuck), RunView(record("b", 9), [Row()] * 9)]
    names = submitted(decide(Snapshot(views, jobs, {}), NOW))
    assert names == [f"b-exp{i}-a0" for i in range(PENDING_SHARE)]


def test_what_can_never_run_says_so_and_goes_on_waiting() -> None:
    jobs = {"run-exp0-a0": job(JobStatus.PENDING)}
    view = RunView(record(), [PENDING])
    (change,) = decide(Snapshot([view], jobs, {}, {("run", False): "no GPU"}), NOW)
    assert isinstance(change, Change)
    expected = replace(PENDING, reason=Reason.INFEASIBLE, message="no GPU")
    assert change.row == expected
    # A larger node type has been added.
    view = RunView(record(), [expected])
    assert decide(Snapshot([view], jobs, {}), NOW) == [Change("run", 0, PENDING)]


def test_what_ray_kills_for_memory_is_the_scripts_own_failure() -> None:
    killed = job(JobStatus.FAILED, JobError.OUT_OF_MEMORY)
    after = row_after(RUNNING, killed, STARTED, auto_resume=True)
    assert (after.state, after.reason, after.failures) == (
        State.FAILED,
        Reason.OUT_OF_MEMORY,
        1,
    )
    assert row_after(RUNNING, killed, STARTED, retries=1).state is State.QUEUED


def test_max_parallel_holds() -> None:
    rows = [RUNNING, Row(State.SUCCEEDED), PENDING, *[Row()] * 10]
    jobs = {
        "run-exp0-a0": job(JobStatus.RUNNING),
        "run-exp2-a0": job(JobStatus.PENDING),
    }
    view = RunView(record(count=len(rows), max_parallel=4), rows)
    assert submitted(decide(Snapshot([view], jobs, {}), NOW)) == ["run-exp3-a0", "run-exp4-a0"]


def failed(exit_code: int, at: float = 5.0, reason: Reason = Reason.EXIT_CODE) -> Row:
    return Row(State.FAILED, reason, exit_code=exit_code, submitted_at=1.0, ended_at=at)


def held_after(rows: list[Row], jobs: dict[str, Job] | None = None, **options: Any) -> list[int]:
    """Return which experiments are held then."""
    view = RunView(record(count=len(rows), **options), rows)
    after = {each.index: each.row for each in changes(view, jobs or {})}
    return [i for i, row in enumerate(rows) if after.get(i, row).reason is Reason.HELD]


def changes(view: RunView, jobs: dict[str, Job]) -> list[Change]:
    decisions = decide(Snapshot([view], jobs, {}), NOW)
    return [each for each in decisions if isinstance(each, Change)]


def test_the_rest_is_held_when_the_first_ones_fail_alike() -> None:
    rows = [failed(3)] * 5 + [Row()] * 3
    assert held_after(rows) == [5, 6, 7]
    assert submitted(decide(Snapshot([RunView(record(count=8), rows)], {}, {}), NOW)) == []


@pytest.mark.parametrize(
    "ended",
    [
        [failed(3)] * 4,
        [failed(3)] * 4 + [failed(4)],
        [failed(3)] * 4 + [failed(3, reason=Reason.OUT_OF_MEMORY)],
        [failed(3)] * 4 + [failed(3, reason=Reason.NODE_LOST)],
        [failed(3)] * 5 + [Row(State.SUCCEEDED, ended_at=9.0)],
        [failed(3, at=7.0)] * 4 + [failed(4, at=2.0)] + [failed(3, at=8.0)] * 3,
        [replace(failed(3), is_pardoned=True)] * 5,
    ],
)
def test_what_is_no_reason_to_hold(ended: list[Row]) -> None:
    assert held_after([*ended, Row()]) == []


def test_how_many_failures_hold_is_the_users_choice() -> None:
    assert held_after([failed(3)] * 9 + [Row()], hold_after=None) == []
    assert held_after([failed(3)] * 2 + [Row()], hold_after=2) == [2]


def test_what_waits_in_ray_is_held_too_and_comes_back() -> None:
    rows = [*[failed(3)] * 5, PENDING, RUNNING]
    waiting = replace(job(JobStatus.PENDING), submission_id="run-exp5-a0")
    jobs = {"run-exp5-a0": waiting, "run-exp6-a0": job(JobStatus.RUNNING)}
    view = RunView(record(count=len(rows)), rows)
    decisions = decide(Snapshot([view], jobs, {}), NOW)
    assert held_after(rows, jobs) == [5]
    assert [each for each in decisions if isinstance(each, Fence)] == [
        Fence(AttemptName("run", 5, 0))
    ]
    assert withdrawn(decisions) == ["run-exp5-a0"]


@pytest.mark.parametrize(
    "ended",
    [
        # Its runner was started, and has ended at once.
        job(JobStatus.FAILED, JobError.EXIT_CODE, exitcodes.FENCED),
        job(JobStatus.FAILED, JobError.WITHDRAWN),
    ],
)
def test_what_has_left_rays_queue_is_held_in_ours(ended: Job) -> None:
    rows = [*[failed(3)] * 5, replace(PENDING, reason=Reason.HELD, setbacks=1)]
    jobs = {"run-exp5-a0": ended}
    (change,) = changes(RunView(record(count=len(rows)), rows), jobs)
    assert (change.row.state, change.row.attempt, change.row.reason) == (
        State.QUEUED,
        1,
        Reason.HELD,
    )
    assert (change.row.setbacks, change.row.not_before) == (1, None)


def test_what_was_held_goes_on_after_a_success() -> None:
    held = Row(reason=Reason.HELD)
    rows = [*[failed(3)] * 5, Row(State.SUCCEEDED), held]
    view = RunView(record(count=len(rows)), rows)
    decisions = decide(Snapshot([view], {}, {}), NOW)
    assert submitted(decisions) == ["run-exp6-a0"]
    assert Change("run", 6, Row()) in decisions


def test_a_container_that_does_not_start_says_why() -> None:
    told = "runtime_env setup failed: Failed\nTraceback\nFileNotFoundError: 'podman'\n"
    ended = replace(job(JobStatus.FAILED, JobError.START_FAILED), message=told)
    row = replace(PENDING, false_starts=STARTS - 1)
    image = EnvironmentRecord(image="team/image:1")
    view = RunView(replace(record(), environment=image), [row])
    (change,) = changes(view, {"run-exp0-a0": ended})
    message = str(change.row.message)
    assert change.row.reason is Reason.START_FAILED
    assert message.startswith("Ray starts team/image:1 with podman")
    assert message.endswith("FileNotFoundError: 'podman'")


NOT_BUILT = AttemptState(State.FAILED, Reason.BUILD_FAILED, ended_at=6.0, message="no such package")


def without_environment(rows: list[Row], jobs: dict[str, Job], **options: Any) -> list[Decision]:
    """Return what follows when the runner of the first says that it could not build."""
    view = RunView(record(count=len(rows), **options), rows)
    return decide(Snapshot([view], jobs, {view.attempt(0): NOT_BUILT}), NOW)


def test_a_build_that_fails_ends_all_that_has_not_begun() -> None:
    building = replace(PENDING, state=State.BUILDING)
    ended = Row(State.SUCCEEDED, ended_at=5.0)
    rows = [building, ended, RUNNING, building, PENDING, Row(), Row(reason=Reason.HELD)]
    jobs = {f"run-exp{index}-a0": job(JobStatus.RUNNING) for index in (0, 2, 3)}
    jobs["run-exp4-a0"] = replace(job(JobStatus.PENDING), submission_id="run-exp4-a0")
    decisions = without_environment(rows, jobs, max_parallel=9)
    after = {each.index: each.row for each in decisions if isinstance(each, Change)}
    assert sorted(after) == [0, 4, 5, 6]
    assert all(row.state is State.FAILED for row in after.values())
    assert all(row.reason is Reason.BUILD_FAILED for row in after.values())
    assert after[0].message == "no such package"
    assert "run-exp0," in str(after[4].message) and after[4].ended_at == NOW
    assert [each for each in decisions if isinstance(each, Fence)] == [
        Fence(AttemptName("run", 4, 0))
    ]
    assert withdrawn(decisions) == ["run-exp4-a0"]
    assert submitted(decisions) == []


def test_a_build_that_failed_before_is_no_news() -> None:
    before = Row(State.FAILED, Reason.BUILD_FAILED, submitted_at=1.0, ended_at=2.0)
    view = RunView(record(count=2), [before, Row()])
    assert submitted(decide(Snapshot([view], {}, {}), NOW)) == ["run-exp1-a0"]


def test_other_runs_go_on_when_a_build_fails() -> None:
    broken = RunView(record("broken"), [PENDING])
    other = RunView(record("other"), [Row()])
    words = {broken.attempt(0): NOT_BUILT}
    decisions = decide(Snapshot([broken, other], {}, words), NOW)
    assert submitted(decisions) == ["other-exp0-a0"]


def test_after_a_retry_the_build_is_tried_again() -> None:
    rows = [PENDING, Row()]
    decisions = without_environment(rows, {"run-exp0-a0": job(JobStatus.FAILED)})
    for each in decisions:
        if isinstance(each, Change):
            rows[each.index] = each.row
    rows = applied(rows, RetryRequest(frozenset({0, 1}), NOW))
    view = RunView(record(count=2), rows)
    assert submitted(decide(Snapshot([view], {}, {}), NOW)) == ["run-exp0-a1", "run-exp1-a0"]


def test_attempts_that_never_run_for_long_come_ever_later() -> None:
    row, waits = Row(), []
    timed_out = job(JobStatus.FAILED, JobError.START_TIMEOUT)
    for _ in range(len(REQUEUE) + 2):
        row = row_after(replace(row, state=State.PENDING), timed_out)
        waits.append(0.0 if row.not_before is None else row.not_before - NOW)
    assert waits == [*REQUEUE[1:], *[REQUEUE[-1]] * 3]
    assert decide_one(row) == []
    assert row.not_before is not None
    later = decide(Snapshot([RunView(record(), [row])], {}, {}), row.not_before)
    assert submitted(later) == [f"run-exp0-a{row.attempt}"]


def test_an_attempt_that_ran_for_long_starts_the_count_anew() -> None:
    began = replace(RUNNING, setbacks=7)
    long = replace(INTERRUPTED, started_at=100.0, ended_at=100.0 + STEADY)
    assert row_after(began, OVER, long, auto_resume=True).setbacks == 0
    short = replace(long, ended_at=100.0 + STEADY / 2)
    assert row_after(began, OVER, short, auto_resume=True).setbacks == 8


def test_no_attempt_starts_while_the_one_before_is_there() -> None:
    row = Row(attempt=1)
    view = RunView(record(), [row])
    for status in JobStatus:
        jobs = {"run-exp0-a0": job(status)}
        expected = ["run-exp0-a1"] if status.is_terminal else []
        assert submitted(decide(Snapshot([view], jobs, {}), NOW)) == expected


JOBS = st.one_of(
    st.none(),
    st.sampled_from(JobStatus).flatmap(
        lambda status: st.builds(
            lambda error, code: job(status, error if status is JobStatus.FAILED else None, code),
            st.sampled_from(JobError),
            st.sampled_from([None, 0, 1, 97, 99, 137]),
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
    current = asked([row], stops)[0]
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


@pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.RUNNING])
def test_what_is_stopped_while_it_waits_leaves_rays_queue(status: JobStatus) -> None:
    stop = StopRequest(None, 5.0)
    decisions = decide_one(PENDING, job(status), stops=(stop,))
    is_waiting = status is JobStatus.PENDING
    assert withdrawn(decisions) == (["run-exp0-a0"] if is_waiting else [])
    after = row_after(PENDING, job(status), stops=(stop,))
    assert (after.state is State.CANCELLED) is is_waiting


def test_what_was_stopped_and_has_left_rays_queue_is_cancelled() -> None:
    ended = job(JobStatus.FAILED, JobError.WITHDRAWN)
    after = row_after(PENDING, ended, stops=(StopRequest(None, 5.0),))
    assert (after.state, after.reason) == (State.CANCELLED, Reason.STOPPED)


@pytest.mark.parametrize(
    ("doomed_at", "error", "is_drained"),
    [
        (NOW + 1, None, True),
        (NOW + 1, JobError.EXIT_CODE, True),
        (NOW + 1, JobError.NODE_LOST, False),
        (NOW, None, False),
    ],
)
def test_a_node_is_drained_while_it_is_there(
    doomed_at: float, error: JobError | None, is_drained: bool
) -> None:
    status = JobStatus.RUNNING if error is None else JobStatus.FAILED
    ray = replace(job(status, error), node_id="n1")
    attempt = replace(STARTED, doomed_at=doomed_at)
    drains = [each for each in decide_one(RUNNING, ray, attempt) if isinstance(each, Drain)]
    assert drains == ([Drain("n1", doomed_at)] if is_drained else [])


def told(decisions: list[Decision]) -> list[Tell]:
    return [each for each in decisions if isinstance(each, Tell)]


def test_how_an_attempt_ended_that_said_nothing_is_told() -> None:
    ray = job(JobStatus.FAILED, JobError.RUNNER_LOST)
    decisions = decide_one(RUNNING, ray, STARTED, auto_resume=True)
    word = AttemptState(
        State.FAILED,
        Reason.RUNNER_LOST,
        started_at=5.0,
        ended_at=NOW,
        message="Ray calls its job FAILED",
    )
    tell = Tell(AttemptName("run", 0, 0), word)
    assert told(decisions) == [tell]
    changed = next(each for each in decisions if isinstance(each, Change))
    assert decisions.index(tell) < decisions.index(changed)
    # A retry forgets the row of one that is over, too.
    assert told(decide_one(RUNNING, ray, STARTED)) == [tell]
    (never,) = told(decide_one(PENDING, job(JobStatus.FAILED, JobError.START_TIMEOUT)))
    assert (never.word.reason, never.word.started_at) == (Reason.START_TIMEOUT, None)


@pytest.mark.parametrize(
    ("ray", "attempt"),
    [
        (OVER, INTERRUPTED),
        (job(JobStatus.RUNNING), STARTED),
        (job(JobStatus.FAILED, JobError.WITHDRAWN), None),
    ],
)
def test_nothing_is_told_of_what_has_said_so_itself_or_goes_on(
    ray: Job, attempt: AttemptState | None
) -> None:
    row = replace(PENDING, reason=Reason.NODE_LOST, attempt=0)
    assert told(decide_one(row, ray, attempt, auto_resume=True)) == []


def test_the_time_in_the_queue_is_not_that_of_earlier_attempts() -> None:
    after = row_after(RUNNING, OVER, INTERRUPTED, auto_resume=True)
    assert (after.state, after.queued_at) == (State.QUEUED, INTERRUPTED.ended_at)
    after = row_after(RUNNING, LOST, STARTED, auto_resume=True)
    assert after.queued_at == NOW


MACHINE = InstanceRecord("i-1", "m5.large", "spot", "a", 1.0, 3600.0, 3600.0, NOW - 10)
COSTS = replace(STARTED, instance=MACHINE)
# 10 s at a dollar a second.
SPENT = replace(RUNNING, rate=3600.0, placed_at=NOW - 10)


def limited(rows: list[Row], jobs: dict[str, Job], max_cost: float) -> list[Decision]:
    made = replace(record(count=len(rows)), max_cost=max_cost)
    return decide(Snapshot([RunView(made, rows)], jobs, {}), NOW)


def ray_job(index: int, status: JobStatus) -> dict[str, Job]:
    name = f"run-exp{index}-a0"
    return {name: Job(name, status)}


def test_nothing_starts_once_a_run_has_cost_enough_and_what_runs_is_stopped() -> None:
    jobs = ray_job(0, JobStatus.RUNNING) | ray_job(1, JobStatus.PENDING)
    decisions = limited([SPENT, PENDING, Row()], jobs, 10.0)
    rows = {each.index: each.row for each in decisions if isinstance(each, Change)}
    assert (rows[0].state, rows[0].stop_grace) == (State.RUNNING, 30.0)
    assert [(rows[i].state, rows[i].reason) for i in (1, 2)] == [
        (State.CANCELLED, Reason.MAX_COST)
    ] * 2
    assert Stop(AttemptName("run", 0, 0), 30.0) in decisions
    assert Withdraw("run-exp1-a0") in decisions and Fence(AttemptName("run", 1, 0)) in decisions
    assert not [each for each in decisions if isinstance(each, Submit)]


def test_below_its_limit_a_run_goes_on() -> None:
    decisions = limited([SPENT, Row()], ray_job(0, JobStatus.RUNNING), 10.01)
    assert decisions == [Submit(AttemptName("run", 1, 0))]


def test_what_was_spent_before_counts_too() -> None:
    over = Row(State.SUCCEEDED, spent=6.0)
    decisions = limited([over, Row()], {}, 6.0)
    assert [(each.index, each.row.reason) for each in decisions if isinstance(each, Change)] == [
        (1, Reason.MAX_COST)
    ]


def test_a_run_whose_cost_is_not_known_goes_on() -> None:
    assert limited([RUNNING, Row()], ray_job(0, JobStatus.RUNNING), 0.01) == [
        Submit(AttemptName("run", 1, 0))
    ]


@pytest.mark.parametrize(
    ("is_overspent", "reason"), [(True, Reason.MAX_COST), (False, Reason.STOPPED)]
)
def test_who_has_stopped_it_is_told(is_overspent: bool, reason: Reason) -> None:
    row = replace(SPENT, stop_grace=30.0, is_overspent=is_overspent)
    ended = replace(COSTS, state=State.CANCELLED, reason=Reason.STOPPED, ended_at=NOW)
    after = row_after(row, OVER, ended)
    assert (after.state, after.reason) == (State.CANCELLED, reason)
    assert after.spent == pytest.approx(10.0)


def test_what_is_interrupted_while_it_is_stopped_for_its_cost_does_not_go_on() -> None:
    row = replace(SPENT, stop_grace=30.0, is_overspent=True)
    after = row_after(row, LOST, COSTS, auto_resume=True)
    assert (after.state, after.reason) == (State.CANCELLED, Reason.MAX_COST)
    assert after.spent == after.wasted == pytest.approx(10.0)


def test_an_attempt_is_charged_when_it_is_over_and_once() -> None:
    row = row_after(PENDING, job(JobStatus.RUNNING), COSTS)
    assert (row.rate, row.placed_at, row.spent) == (3600.0, NOW - 10, None)
    again = row_after(row, LOST, COSTS, auto_resume=True)
    assert (again.state, again.attempt) == (State.QUEUED, 1)
    assert again.spent == again.wasted == pytest.approx(10) and again.rate is None
    assert row_after(again).spent == pytest.approx(10)


def test_what_was_fenced_off_before_it_began_costs_nothing() -> None:
    fenced = job(JobStatus.FAILED, JobError.EXIT_CODE, exitcodes.FENCED)
    building = replace(COSTS, state=State.BUILDING, started_at=None)
    assert row_after(PENDING, fenced, building).spent is None
    # A script may end with that code, too.
    ended = replace(COSTS, state=State.FAILED, reason=Reason.EXIT_CODE, exit_code=exitcodes.FENCED)
    assert row_after(RUNNING, fenced, replace(ended, ended_at=NOW)).spent == pytest.approx(10)


def test_a_cluster_that_was_gone_for_long_has_not_cost_all_that_time() -> None:
    attempts = {AttemptName("run", 0, 0): COSTS}
    view = RunView(record(auto_resume=True), [SPENT])
    decisions = decide(Snapshot([view], {}, attempts, heard_before=NOW - 4), NOW + 9000)
    (change,) = [each for each in decisions if isinstance(each, Change)]
    assert change.row.spent == pytest.approx(6)
    (tell,) = told(decisions)
    assert tell.word.ended_at == NOW - 4


def test_a_users_stop_stays_one_when_a_run_has_cost_enough() -> None:
    row = replace(SPENT, stop_grace=3.0)
    decisions = limited([row], ray_job(0, JobStatus.RUNNING), 1.0)
    assert decisions == [Stop(AttemptName("run", 0, 0), 3.0)]
