"""What the controller does next: a pure function of what it sees.

Ray's word counts for whether an attempt is over, the runner's for how it ended. An experiment is
submitted again only when Ray calls its last attempt over, or has never heard of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gridray.layout import AttemptName
from gridray.outcome import EXIT_STORE_UNREACHABLE, ended_row, following, goes_on, requeued
from gridray.rayjobs import Job, JobError, JobStatus
from gridray.records import AttemptState, Row, RunRecord, StopRequest
from gridray.states import TRANSITIONS, Reason, State

# Jobs that wait for resources at once, over all runs: enough that a free place is taken at once and
# an autoscaler sees the demand, few enough that Ray's queue stays short and a stop is quick.
PENDING_LIMIT = 16

MESSAGE_LIMIT = 300


@dataclass(frozen=True)
class RunView:
    """An active run as it is now."""

    record: RunRecord
    rows: Sequence[Row]
    stops: Sequence[StopRequest] = ()

    def attempt(self, index: int) -> AttemptName:
        return AttemptName(self.record.name, index, self.rows[index].attempt)


@dataclass(frozen=True)
class Snapshot:
    """All that decisions rest on. `attempts` was read after `jobs`."""

    runs: Sequence[RunView]
    jobs: Mapping[str, Job]
    attempts: Mapping[AttemptName, AttemptState]


@dataclass(frozen=True)
class Change:
    """Record that an experiment is somewhere else now."""

    run: str
    index: int
    row: Row


@dataclass(frozen=True)
class Submit:
    """Submit an attempt to Ray."""

    name: AttemptName


@dataclass(frozen=True)
class Stop:
    """Ask an attempt to end, its script within `grace` seconds."""

    name: AttemptName
    grace: float


@dataclass(frozen=True)
class Fence:
    """See to it that an attempt that is over for us writes nothing more, should it still live."""

    name: AttemptName


@dataclass(frozen=True)
class Drain:
    """Place nothing more on a node that goes at a time (Unix, s)."""

    node_id: str
    doomed_at: float


Decision = Change | Submit | Stop | Fence | Drain


def decide(snapshot: Snapshot, now: float) -> list[Decision]:
    """Return what to do, in order."""
    decisions: list[Decision] = []
    views = []
    for view in snapshot.runs:
        rows = list(view.rows)
        for index, row in enumerate(view.rows):
            if row.state.is_terminal:
                continue
            name = view.attempt(index)
            job = snapshot.jobs.get(str(name))
            attempt = snapshot.attempts.get(name)
            if attempt is not None and attempt.doomed_at and job is not None and job.node_id:
                decisions.append(Drain(job.node_id, attempt.doomed_at))
            changed = _observe(view.record, row, job, attempt, now)
            if changed.attempt != row.attempt:
                decisions.append(Fence(name))
            stop = next((stop for stop in view.stops if stop.covers(index)), None)
            if stop is not None:
                if changed.state.is_submitted:
                    decisions.append(Stop(name, stop.grace))
                changed = _cancel_waiting(changed, job, now)
            if changed != row:
                rows[index] = changed
                decisions.append(Change(view.record.name, index, changed))
        views.append(replace(view, rows=rows))
    return decisions + list(_submissions(views))


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
        return following(record, ended) if is_over or not goes_on(record, ended) else row
    if job is None:
        return _lost(record, row, attempt, Reason.NODE_LOST, "the cluster was restarted", now)
    if is_over:
        return _without_last_word(record, row, job, attempt, now)
    if attempt is not None and attempt.state in TRANSITIONS[row.state]:
        return replace(row, state=attempt.state, started_at=attempt.started_at)
    return row


def _without_last_word(
    record: RunRecord, row: Row, job: Job, attempt: AttemptState | None, now: float
) -> Row:
    """Return where an experiment is whose job is over though its runner has not said so."""
    if job.status is JobStatus.STOPPED:
        return replace(row, state=State.CANCELLED, reason=Reason.STOPPED, ended_at=now)
    if job.error is JobError.NODE_LOST:
        return _lost(record, row, attempt, Reason.NODE_LOST, None, now)
    if job.error is JobError.START_TIMEOUT:
        return _lost(record, row, None, Reason.START_TIMEOUT, None, now)
    message = None
    if job.error is JobError.START_FAILED:
        message = _first_line(job.message)
        reason = Reason.START_FAILED
    elif job.exit_code == EXIT_STORE_UNREACHABLE:
        reason = Reason.STORE_UNREACHABLE
    elif attempt is not None and attempt.started_at is not None:
        return _lost(record, row, attempt, Reason.RUNNER_LOST, message, now)
    else:
        reason = Reason.RUNNER_LOST
    return replace(row, state=State.FAILED, reason=reason, ended_at=now, message=message)


def _first_line(text: str) -> str | None:
    """Return what of Ray's message fits into a status; it may hold 20,000 characters of a log."""
    lines = text.strip().splitlines()
    return lines[0][:MESSAGE_LIMIT] if lines else None


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
        return requeued(replace(row, reason=reason))
    ended = replace(
        row,
        state=State.FAILED,
        reason=reason,
        started_at=attempt.started_at,
        ended_at=now,
        message=message,
    )
    return following(record, ended)


def _cancel_waiting(row: Row, job: Job | None, now: float) -> Row:
    """Return a stopped experiment as cancelled, if its runner has not started.

    Ray keeps a job that waits until it has a place for it; its runner then sees the stop at once.
    """
    waits = row.state is State.PENDING and job is not None and job.status is JobStatus.PENDING
    if row.state is not State.QUEUED and not waits:
        return row
    return replace(row, state=State.CANCELLED, reason=Reason.STOPPED, ended_at=now)


def _submissions(views: Sequence[RunView]) -> Iterator[Submit]:
    """Yield what to submit: from each run in turn, so that none starves another."""
    pending = sum(row.state is State.PENDING for view in views for row in view.rows)
    queues = [_queue(view) for view in views]
    while queues and pending < PENDING_LIMIT:
        for queue in list(queues):
            name = next(queue, None)
            if name is None:
                queues.remove(queue)
            elif pending < PENDING_LIMIT:
                pending += 1
                yield Submit(name)


def _queue(view: RunView) -> Iterator[AttemptName]:
    submitted = sum(row.state.is_submitted for row in view.rows)
    limit = view.record.max_parallel or len(view.rows)
    for index, row in enumerate(view.rows):
        if submitted >= limit:
            return
        if row.state is State.QUEUED:
            submitted += 1
            yield view.attempt(index)
