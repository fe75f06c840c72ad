"""What the controller decides about experiments that wait for spot instances for too long."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gridray.controller.decisions import Decision, Fence, RunView, Snapshot
from gridray.controller.runwide import waits, withdrawals
from gridray.records import Row
from gridray.states import Reason, State


def fall_back(view: RunView, rows: list[Row], snapshot: Snapshot, now: float) -> Iterator[Decision]:
    """Let what has waited for spot for too long go to on-demand nodes.

    What waits in Ray's queue leaves it first, and its next attempt goes there; a runner that starts
    all the same hears that it is fenced off. What is held, backs off or is kept by `max_parallel`
    does not wait for spot.
    """
    placement = view.record.placement
    if placement is None or placement.spot_fallback is None:
        return
    limit = view.record.max_parallel
    is_full = limit is not None and sum(row.state.is_submitted for row in rows) >= limit
    for index, row in enumerate(rows):
        if row.has_fallen_back or row.stop_grace is not None or row.reason is Reason.HELD:
            continue
        job = snapshot.jobs.get(str(view.attempt(index)))
        is_in_ray = waits(row, job)
        is_in_line = row.state is State.QUEUED and not is_full
        waited = now - _since(view, rows, row, now)
        if not (is_in_ray or is_in_line) or waited < placement.spot_fallback:
            continue
        if is_in_ray:
            rows[index] = replace(row, reason=Reason.SPOT_FALLBACK, message=None)
            yield Fence(view.attempt(index))
            yield from withdrawals(row, job)
        else:
            rows[index] = replace(row, reason=Reason.SPOT_FALLBACK, has_fallen_back=True)


def _since(view: RunView, rows: Sequence[Row], row: Row, now: float) -> float:
    """Return since when an experiment has waited for a spot node (Unix, s).

    With `max_parallel` it does so since another one has made room for it.
    """
    began = max(now if row.queued_at is None else row.queued_at, row.not_before or 0)
    if view.record.max_parallel is None:
        return began
    return max(began, *(each.ended_at or 0 for each in rows))
