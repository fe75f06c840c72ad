"""What the controller decides about a run as a whole: it is given up, held, or has cost enough."""

from collections.abc import Iterator
from dataclasses import replace

from gridray import costs
from gridray.controller.decisions import Decision, Fence, RunView, Snapshot, Stop, Withdraw
from gridray.layout import ExperimentName
from gridray.outcome import failed_alike
from gridray.rayshapes import Job, JobStatus
from gridray.records import Row
from gridray.states import Reason, State


def give_up(view: RunView, rows: list[Row], snapshot: Snapshot, now: float) -> Iterator[Decision]:
    """End what has not begun of a run when the environment of one of it could not be built.

    It is the same one for all. Only news counts: after a retry they are tried again.
    """
    news = [index for index, row in enumerate(rows) if _is_without_environment(view, index, row)]
    if not news:
        return
    told = (
        f"nor could that of {ExperimentName(view.record.name, news[0])}, whose build log says why"
    )
    for index, row in enumerate(rows):
        job = snapshot.jobs.get(str(view.attempt(index)))
        is_waiting = waits(row, job)
        if row.state is not State.QUEUED and not is_waiting:
            continue
        if is_waiting:
            yield Fence(view.attempt(index))
            yield from withdrawals(row, job)
        rows[index] = replace(
            row, state=State.FAILED, reason=Reason.BUILD_FAILED, message=told, ended_at=now
        )


def _is_without_environment(view: RunView, index: int, row: Row) -> bool:
    """Whether an experiment has just ended since its environment could not be built."""
    is_news = not view.rows[index].state.is_terminal
    return is_news and row.state is State.FAILED and row.reason is Reason.BUILD_FAILED


def hold(view: RunView, rows: list[Row], snapshot: Snapshot) -> Iterator[Decision]:
    """Mark what does not start since the first experiments failed alike, or that it may again.

    What waits in Ray's queue already leaves it; a runner that starts all the same hears that it is
    fenced off.
    """
    is_held = bool(failed_alike(view.record, rows))
    for index, row in enumerate(rows):
        job = snapshot.jobs.get(str(view.attempt(index)))
        if row.state is State.QUEUED or waits(row, job):
            if is_held and row.reason is not Reason.HELD:
                rows[index] = replace(row, reason=Reason.HELD)
            elif not is_held and row.reason is Reason.HELD:
                rows[index] = replace(row, reason=None)
            if is_held and row.state is State.PENDING:
                yield Fence(view.attempt(index))
                yield from withdrawals(row, job)


def limit(view: RunView, rows: list[Row], snapshot: Snapshot, now: float) -> Iterator[Decision]:
    """End all of a run that has cost as much as it may: what runs with the run's own grace."""
    if not costs.is_reached(view.record, rows, now):
        return
    for index, row in enumerate(rows):
        name = view.attempt(index)
        job = snapshot.jobs.get(str(name))
        if row.state is State.QUEUED or waits(row, job):
            if row.state is State.PENDING:
                yield Fence(name)
                yield from withdrawals(row, job)
            rows[index] = replace(
                row, state=State.CANCELLED, reason=Reason.MAX_COST, message=None, ended_at=now
            )
        elif row.state.is_submitted and row.stop_grace is None:
            rows[index] = replace(row, stop_grace=view.record.grace, is_overspent=True)
            yield Stop(name, view.record.grace)


def withdrawals(row: Row, job: Job | None) -> Iterator[Withdraw]:
    """Yield what takes the job of an experiment that is not wanted out of Ray's queue.

    Ray's own stop of a job does nothing before the job has its place.
    """
    if job is not None and waits(row, job):
        yield Withdraw(job.submission_id)


def waits(row: Row, job: Job | None) -> bool:
    """Whether an attempt was submitted, and has no place yet."""
    return row.state is State.PENDING and job is not None and job.status is JobStatus.PENDING
