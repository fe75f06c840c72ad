"""What attempts cost: pure arithmetic on their machines, times and rows, in US dollars.

An attempt costs its share of its machine, at the price as of its start, from the moment that it has
its place until it ends. What is not known adds nothing, and stays unknown.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gridray.placement import InstanceRecord
from gridray.records import AttemptState, Row, RunRecord
from gridray.states import Reason, State

if TYPE_CHECKING:
    from gridray.rayshapes import Job

HOUR = 3600.0


@dataclass(frozen=True)
class Bill:
    """What an attempt, or a part of its time, has cost: its share of so many hours of a machine.

    `saved` is what more it had cost on demand; None: that is not known.
    """

    hours: float
    cost: float | None
    saved: float | None


def bill(instance: InstanceRecord, since: float, until: float) -> Bill:
    """Return what an attempt costs from a time to another (Unix, s)."""
    hours = max(0.0, until - since) / HOUR
    if instance.price is None:
        return Bill(hours, None, None)
    saved = None
    if instance.on_demand is not None:
        saved = (instance.on_demand - instance.price) * instance.share * hours
    return Bill(hours, instance.price * instance.share * hours, saved)


def so_far(row: Row, now: float) -> float | None:
    """Return what an experiment has cost with what its running attempt costs; None: not known."""
    if row.rate is None or row.placed_at is None:
        return row.spent
    return (row.spent or 0.0) + row.rate * max(0.0, now - row.placed_at) / HOUR


def total(rows: Iterable[Row], now: float) -> float | None:
    """Return what the experiments of a run have cost together; None: of none it is known."""
    return added(so_far(row, now) for row in rows if row.spent is not None or row.rate is not None)


def added(amounts: Iterable[float | None]) -> float | None:
    """Return the sum of what is known; None: nothing is."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known else None


def over_at(
    attempt: AttemptState | None, job: "Job | None", heard_before: float | None, now: float
) -> float:
    """Return when an attempt that is over has ended (Unix, s), as far as can be told.

    Args:
        heard_before: when the controller before this one was last heard of. A job that Ray does not
            know any more was lost with the cluster, from which nothing else has come since then.
    """
    if attempt is not None and attempt.state.is_terminal:
        return attempt.ended_at or now
    since = _since(attempt)
    if job is None and heard_before is not None and since is not None and heard_before > since:
        return min(heard_before, now)
    return now


def lost_at(attempt: AttemptState | None, heard_at: float | None, now: float) -> float:
    """Return when an attempt has ended (Unix, s) whose cluster is gone for good.

    That is when its controller was last heard of, though not before the attempt began.
    """
    since = _since(attempt)
    if attempt is None or since is None or heard_at is None:
        return now
    return min(now, max(heard_at, since, attempt.started_at or since))


def settled(before: Row, after: Row, attempt: AttemptState | None, ended_at: float) -> Row:
    """Return where an experiment is, with what its attempt costs.

    Args:
        before: where it was, with that attempt.
        after: where it is, maybe with the next one.
        ended_at: when the attempt has ended, if it has (Unix, s).
    """
    instance = attempt.instance if attempt is not None else None
    if after.attempt == before.attempt and not after.state.is_terminal:
        if instance is None or (after.rate, after.placed_at) == (instance.rate, instance.since):
            return after
        return replace(after, rate=instance.rate, placed_at=instance.since)
    after = replace(after, rate=None, placed_at=None)
    if instance is None or instance.since is None:
        return after
    due = bill(instance, instance.since, ended_at)
    if due.cost is None:
        return after
    is_lost = after.reason is not None and after.reason.is_interruption
    return replace(
        after,
        spent=(after.spent or 0.0) + due.cost,
        wasted=after.wasted + due.cost * is_lost,
        saved=after.saved + (due.saved or 0.0),
    )


def is_reached(record: RunRecord, rows: Iterable[Row], now: float) -> bool:
    """Whether a run has cost as much as it may."""
    if record.max_cost is None:
        return False
    spent = total(rows, now)
    return spent is not None and spent >= record.max_cost


def limited(row: Row, ended: Row) -> Row:
    """Return an experiment that was asked to end: not by a user, if its run has cost too much."""
    is_end = ended.state is State.CANCELLED and ended.reason is Reason.STOPPED
    return replace(ended, reason=Reason.MAX_COST) if row.is_overspent and is_end else ended


def _since(attempt: AttemptState | None) -> float | None:
    return attempt.instance.since if attempt is not None and attempt.instance else None
