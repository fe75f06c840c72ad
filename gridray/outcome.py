"""What follows from how an attempt has ended, for the controller and for those who read over it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from gridray import exitcodes
from gridray.backoff import STEADY, requeue_delay
from gridray.rayshapes import Job, JobError
from gridray.records import AttemptState, Row, RunRecord
from gridray.states import DESCRIPTIONS, Reason, State

# What Ray or the node could not prepare, so that the runner has not begun.
FALSE_STARTS = (Reason.START_FAILED, Reason.STORE_UNREACHABLE)


def goes_on(record: RunRecord, ended: Row) -> bool:
    """Whether another attempt follows one that has ended so."""
    if ended.state is not State.FAILED or ended.reason is None:
        return False
    if ended.reason.is_interruption:
        return record.auto_resume or ended.started_at is None
    if ended.reason is Reason.STORE_UNREACHABLE and ended.started_at is not None:
        # The store has gone while the script ran: what it has of the files is gone on from.
        return record.auto_resume
    return ended.reason.is_scripts_own and ended.failures <= record.retries


def following(record: RunRecord, ended: Row, now: float) -> Row:
    """Return an experiment whose attempt has ended: over, or queued for another attempt."""
    return requeued(ended, now) if goes_on(record, ended) else ended


def requeued(row: Row, now: float) -> Row:
    """Return an experiment that is queued for another attempt, not before its back-off is over.

    One that has run and had fallen back from spot tries spot again.
    """
    has_run = row.started_at is not None and (row.ended_at or now) - row.started_at >= STEADY
    setbacks = 0 if has_run else row.setbacks + 1
    delay = requeue_delay(setbacks)
    has_waited_only = row.started_at is None
    return Row(
        attempt=row.attempt + 1,
        queued_at=row.queued_at if has_waited_only else row.ended_at or now,
        reason=row.reason,
        failures=row.failures,
        setbacks=setbacks,
        not_before=now + delay if delay else None,
        stop_grace=row.stop_grace,
        false_starts=row.false_starts + 1 if _is_false_start(row) else 0,
        spent=row.spent,
        wasted=row.wasted,
        saved=row.saved,
        has_fallen_back=row.has_fallen_back and has_waited_only,
    )


def _is_false_start(row: Row) -> bool:
    return row.reason in FALSE_STARTS and row.started_at is None


def is_withdrawn(job: Job | None) -> bool:
    """Whether a job has left Ray's queue since it is not wanted, or did so once it was started."""
    return job is not None and (
        job.exit_code == exitcodes.FENCED or job.error is JobError.WITHDRAWN
    )


def withdrawn(row: Row) -> Row:
    """Return an experiment that was asked to leave Ray's queue, and has left it."""
    return Row(
        attempt=row.attempt + 1,
        queued_at=row.queued_at,
        reason=row.reason,
        failures=row.failures,
        setbacks=row.setbacks,
        stop_grace=row.stop_grace,
        spent=row.spent,
        wasted=row.wasted,
        saved=row.saved,
        has_fallen_back=row.has_fallen_back or row.reason is Reason.SPOT_FALLBACK,
    )


def ended_row(row: Row, attempt: AttemptState) -> Row:
    is_own = attempt.reason is not None and attempt.reason.is_scripts_own
    return replace(
        row,
        state=attempt.state,
        reason=attempt.reason,
        exit_code=attempt.exit_code,
        started_at=attempt.started_at,
        ended_at=attempt.ended_at,
        message=attempt.message,
        failures=row.failures + is_own,
    )


def asked_to_stop(row: Row) -> str | None:
    """Tell that an experiment was asked to end that has a runner, which may take a while."""
    if row.stop_grace is None or row.state not in (State.BUILDING, State.RUNNING):
        return None
    why = f", since {DESCRIPTIONS[Reason.MAX_COST]}" if row.is_overspent else ""
    return f"asked to stop{why}; its script may take up to {row.stop_grace:g} s to end"


def failed_alike(record: RunRecord, rows: Sequence[Row]) -> tuple[int, ...]:
    """Return the first experiments of a run if all of them failed in the same way, else none.

    That is what the rest is held for: whatever breaks so many breaks the others too. One that
    succeeds, at any time, shows that it does not.
    """
    count = Counter(row.state for row in rows)
    if record.hold_after is None or count[State.SUCCEEDED] or count[State.FAILED] == 0:
        return ()
    failed = [
        (row.ended_at or 0.0, index)
        for index, row in enumerate(rows)
        if row.state is State.FAILED and not row.is_pardoned and not _is_interrupted(row)
    ]
    first = tuple(index for _, index in sorted(failed)[: record.hold_after])
    ways = {(rows[index].reason, rows[index].exit_code) for index in first}
    return first if len(first) == record.hold_after and len(ways) == 1 else ()


def _is_interrupted(row: Row) -> bool:
    return row.reason is not None and row.reason.is_interruption
