"""What the controller does next: a pure function of what it sees.

Ray's word counts for whether an attempt is over, the runner's for how it ended. An experiment is
submitted again only when Ray calls its last attempt over, or has never heard of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from gridray import costs, exitcodes
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
)
from gridray.controller.runwide import give_up, hold, limit, waits, withdrawals
from gridray.controller.spotwait import fall_back
from gridray.layout import AttemptName
from gridray.outcome import (
    FALSE_STARTS,
    ended_row,
    following,
    goes_on,
    is_withdrawn,
    requeued,
    withdrawn,
)
from gridray.rayshapes import Job, JobError, JobStatus
from gridray.records import AttemptState, Row, RunRecord
from gridray.states import TRANSITIONS, Reason, State

# Jobs that wait for resources at once, over all runs: enough that a free place is taken at once and
# an autoscaler sees the demand, few enough that Ray's queue stays short and a stop is quick.
PENDING_LIMIT = 16
# Of these, so many may be of each run in any case: what one run waits for may never come.
PENDING_SHARE = 2

MESSAGE_LIMIT = 300
# Source: ray/dashboard/modules/job/job_supervisor.py, `run`.
LOG_FOLLOWS = ", last available logs"

# How many times in a row an attempt may end before its runner has said anything: what the platform
# could not prepare once it may prepare the next time, but a node without Python stays so.
STARTS = 3

# A shell's exit code of what a signal has killed is this and the signal's number.
SIGNALLED = 128


def decide(snapshot: Snapshot, now: float) -> list[Decision]:
    """Return what to do, in order."""
    decisions: list[Decision] = []
    views = []
    for view in snapshot.runs:
        rows = list(view.rows)
        for index, row in enumerate(view.rows):
            if not row.state.is_terminal:
                rows[index], others = _next(view, index, snapshot, now)
                decisions += others
        decisions += give_up(view, rows, snapshot, now)
        decisions += hold(view, rows, snapshot)
        decisions += limit(view, rows, snapshot, now)
        decisions += fall_back(view, rows, snapshot, now)
        decisions += [
            Change(view.record.name, index, rows[index])
            for index, row in enumerate(view.rows)
            if rows[index] is not row and rows[index] != row
        ]
        views.append(replace(view, rows=rows))
    return decisions + list(_submissions(views, snapshot.jobs, now))


def _next(
    view: RunView, index: int, snapshot: Snapshot, now: float
) -> tuple[Row, Sequence[Decision]]:
    """Return where an experiment is now, and what its last attempt is to hear."""
    row = view.rows[index]
    name = view.attempt(index)
    job = snapshot.jobs.get(str(name))
    if row.state is State.QUEUED and job is None and row.stop_grace is None:
        return row, ()
    attempt = _heard(view.record, row, name, snapshot)
    decisions: list[Decision] = list(_drains(job, attempt, now))
    over_at = costs.over_at(attempt, job, snapshot.heard_before, now)
    changed = _observe(view.record, row, job, attempt, now)
    has_ended = attempt is not None and attempt.state.is_terminal
    has_begun = has_ended or not is_withdrawn(job)
    changed = costs.settled(row, changed, attempt if has_begun else None, over_at)
    # A controller that was killed may have told something else, before the last word came.
    is_corrected = snapshot.heard_before is not None and changed.attempt != row.attempt
    if not has_ended or is_corrected:
        decisions += _endings(name, row, changed, job, attempt, over_at)
    if changed.attempt != row.attempt or (changed.state.is_terminal and not has_ended):
        decisions.append(Fence(name))
    if row.stop_grace is not None:
        if changed.state.is_submitted:
            decisions.append(Stop(name, row.stop_grace))
        decisions += withdrawals(changed, job)
        changed = costs.limited(row, _cancel_waiting(changed, job, now))
    if waits(changed, job):
        changed = _judged(changed, snapshot.infeasible.get((name.run, row.has_fallen_back)))
    return changed, decisions


def _endings(
    name: AttemptName,
    row: Row,
    changed: Row,
    job: Job | None,
    attempt: AttemptState | None,
    over_at: float,
) -> Iterator[Tell]:
    """Yield how an attempt has ended, which its row forgets with the next one."""
    is_over = changed.attempt != row.attempt or changed.state.is_terminal
    if not is_over or changed.reason is None or is_withdrawn(job):
        return
    state = changed.state if changed.state.is_terminal else State.FAILED
    started_at = attempt.started_at if attempt else None
    # A row that is queued again has no message any more.
    is_killed = job is not None and changed.reason is Reason.RUNNER_LOST
    message = changed.message or (_rays_word(job) if job is not None and is_killed else None)
    yield Tell(
        name,
        AttemptState(
            state,
            changed.reason,
            started_at=started_at,
            ended_at=over_at,
            message=message,
        ),
    )


def _drains(job: Job | None, attempt: AttemptState | None, now: float) -> Iterator[Drain]:
    """Yield what to do about a node that goes soon, unless it is gone already."""
    doomed_at = attempt.doomed_at if attempt is not None else None
    if job is None or job.node_id is None or job.error is JobError.NODE_LOST:
        return
    if doomed_at is not None and doomed_at > now:
        yield Drain(job.node_id, doomed_at)


def _judged(row: Row, why_never: str | None) -> Row:
    """Return what waits in Ray's queue with the reason why it always will, if there is one."""
    if why_never is not None:
        return replace(row, reason=Reason.INFEASIBLE, message=why_never)
    is_feasible_again = row.reason is Reason.INFEASIBLE
    return replace(row, reason=None, message=None) if is_feasible_again else row


def _heard(
    record: RunRecord, row: Row, name: AttemptName, snapshot: Snapshot
) -> AttemptState | None:
    """Return what an attempt's runner has said, but for a last word that came too late.

    Ray has the next attempt already if a controller was killed between submitting it and recording
    that; a runner that was cut off may have had its last word since then.
    """
    attempt = snapshot.attempts.get(name)
    following_one = replace(name, attempt=name.attempt + 1)
    if attempt is None or str(following_one) not in snapshot.jobs:
        return attempt
    if attempt.state.is_terminal and goes_on(record, ended_row(row, attempt)):
        return attempt
    return replace(attempt, state=State.RUNNING, started_at=None)


def _observe(
    record: RunRecord, row: Row, job: Job | None, attempt: AttemptState | None, now: float
) -> Row:
    """Return where an experiment is, by what Ray and its runner say of its attempt."""
    if row.state is State.QUEUED and job is None:
        return row
    if row.state is State.QUEUED:
        # A controller that was killed between submitting and recording it.
        row = replace(row, state=State.PENDING, submitted_at=now)
    is_over = job is None or job.status.is_terminal
    if attempt is not None and attempt.state.is_terminal:
        ended = ended_row(row, attempt)
        # Ray gives the place away, and takes the next attempt, only when it calls the job over.
        return following(record, ended, now) if is_over or not goes_on(record, ended) else row
    if job is None:
        return _lost(record, row, attempt, Reason.NODE_LOST, "the cluster was restarted", now)
    if is_over:
        return _without_last_word(record, row, job, attempt, now)
    if attempt is not None and attempt.state in TRANSITIONS[row.state]:
        return replace(
            row, state=attempt.state, reason=None, message=None, started_at=attempt.started_at
        )
    return row


def _without_last_word(
    record: RunRecord, row: Row, job: Job, attempt: AttemptState | None, now: float
) -> Row:
    """Return where an experiment is whose job is over though its runner has not said so."""
    if job.status is JobStatus.STOPPED:
        return replace(row, state=State.CANCELLED, reason=Reason.STOPPED, ended_at=now)
    if job.error is JobError.NODE_LOST:
        return _lost(record, row, attempt, Reason.NODE_LOST, None, now)
    if job.error is JobError.RUNNER_LOST:
        return _lost(record, row, attempt, Reason.RUNNER_LOST, _rays_word(job), now)
    if job.error is JobError.START_TIMEOUT:
        return _lost(record, row, None, Reason.START_TIMEOUT, None, now)
    if is_withdrawn(job):
        return withdrawn(row)
    if job.error is JobError.OUT_OF_MEMORY:
        told = AttemptState(
            State.FAILED,
            Reason.OUT_OF_MEMORY,
            started_at=attempt.started_at if attempt else None,
            ended_at=now,
            message="Ray ended it, since its node ran low on memory",
        )
        return following(record, ended_row(row, told), now)
    if job.exit_code is not None and (job.exit_code < 0 or job.exit_code > SIGNALLED):
        return _lost(record, row, attempt, Reason.RUNNER_LOST, _rays_word(job), now)
    if attempt is not None and attempt.started_at is not None:
        return _lost(record, row, attempt, Reason.RUNNER_LOST, _rays_word(job), now)
    if job.status is not JobStatus.FAILED:
        reason, message = Reason.RUNNER_LOST, _rays_word(job)
    elif job.exit_code == exitcodes.STORE_UNREACHABLE:
        reason, message = Reason.STORE_UNREACHABLE, None
    else:
        reason, message = Reason.START_FAILED, _gist(job, record.environment.image)
    if reason in FALSE_STARTS and row.false_starts < STARTS - 1:
        return requeued(replace(row, reason=reason), now)
    return replace(row, state=State.FAILED, reason=reason, ended_at=now, message=message)


def _rays_word(job: Job) -> str:
    """Return what Ray says of a job that is over, without names of actors and the log."""
    code = "" if job.exit_code is None else f", exit code {job.exit_code}"
    lines = job.message.split(LOG_FOLLOWS)[0].splitlines()
    said = " ".join(line.strip() for line in lines if line[:1].strip())
    what = f"Ray calls its job {job.status.value}{code}"
    return (f"{what}: {said}" if said else what)[:MESSAGE_LIMIT]


def _gist(job: Job, image: str | None) -> str | None:
    """Return what of Ray's message fits into a status; a log may follow its first line.

    Where a container does not start, the last line says why, and it takes podman to start one.
    """
    lines = job.message.strip().splitlines()
    if not lines:
        return None
    if image is not None and job.error is JobError.START_FAILED:
        return f"Ray starts {image} with podman, which has to be on the node: {lines[-1]}"[
            :MESSAGE_LIMIT
        ]
    return lines[-1 if job.error is JobError.EXIT_CODE else 0][:MESSAGE_LIMIT]


def _lost(
    record: RunRecord,
    row: Row,
    attempt: AttemptState | None,
    reason: Reason,
    message: str | None,
    now: float,
) -> Row:
    """Return where an experiment is whose attempt the platform has ended.

    What had not started goes back into the queue; what had is not repeated unasked.
    """
    if attempt is None or attempt.started_at is None:
        return requeued(replace(row, reason=reason), now)
    ended = replace(
        row,
        state=State.FAILED,
        reason=reason,
        started_at=attempt.started_at,
        ended_at=now,
        message=message,
    )
    return following(record, ended, now)


def _cancel_waiting(row: Row, job: Job | None, now: float) -> Row:
    """Return a stopped experiment as cancelled, if its runner has not started.

    One that starts all the same sees the stop at once.
    """
    if row.state is not State.QUEUED and not waits(row, job):
        return row
    return replace(row, state=State.CANCELLED, reason=Reason.STOPPED, ended_at=now)


def _submissions(views: Sequence[RunView], jobs: Mapping[str, Job], now: float) -> Iterator[Submit]:
    """Yield what to submit: from each run in turn, so that none starves another."""
    waiting = [sum(row.state is State.PENDING for row in view.rows) for view in views]
    queues = [_queue(view, jobs, now) for view in views]
    is_open = [True] * len(views)
    while any(is_open):
        for place, queue in enumerate(queues):
            has_room = sum(waiting) < PENDING_LIMIT or waiting[place] < PENDING_SHARE
            name = next(queue, None) if is_open[place] and has_room else None
            is_open[place] = name is not None
            if name is not None:
                waiting[place] += 1
                yield Submit(name)


def _queue(view: RunView, jobs: Mapping[str, Job], now: float) -> Iterator[AttemptName]:
    submitted = sum(row.state.is_submitted for row in view.rows)
    limit = view.record.max_parallel or len(view.rows)
    for index, row in enumerate(view.rows):
        if submitted >= limit:
            return
        if row.state is State.QUEUED and _may_start(view.attempt(index), row, jobs, now):
            submitted += 1
            yield view.attempt(index)


def _may_start(name: AttemptName, row: Row, jobs: Mapping[str, Job], now: float) -> bool:
    """Whether nothing keeps an experiment back: the hold, its back-off, an attempt still there."""
    if row.reason is Reason.HELD or (row.not_before is not None and now < row.not_before):
        return False
    if name.attempt == 0:
        return True
    before = jobs.get(str(replace(name, attempt=name.attempt - 1)))
    return before is None or before.status.is_terminal
