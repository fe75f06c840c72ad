"""What follows from how an attempt has ended, for the controller and for those who read over it."""

from dataclasses import replace

from gridray.records import AttemptState, Row, RunRecord
from gridray.states import State

# The runner's exit code for a store that its node cannot reach.
EXIT_STORE_UNREACHABLE = 97


def goes_on(record: RunRecord, ended: Row) -> bool:
    """Whether another attempt follows one that has ended so."""
    if ended.state is not State.FAILED or ended.reason is None:
        return False
    if ended.reason.is_interruption:
        return record.auto_resume
    return ended.reason.is_scripts_own and ended.failures <= record.retries


def following(record: RunRecord, ended: Row) -> Row:
    """Return an experiment whose attempt has ended: over, or queued for another attempt."""
    return requeued(ended) if goes_on(record, ended) else ended


def requeued(row: Row) -> Row:
    return Row(
        attempt=row.attempt + 1,
        queued_at=row.queued_at,
        reason=row.reason,
        failures=row.failures,
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
