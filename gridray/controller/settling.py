"""The last look at the runs of a cluster that is gone for good: they are over.

Whoever deletes a cluster, and has seen that it is gone, takes it in the place of its controller.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from gridray import costs, layout, marks
from gridray.controller.activerun import ActiveRun, load, remove_if_deleted
from gridray.controller.pulse import last_beat
from gridray.errors import DamagedError, NotFoundError
from gridray.layout import AttemptName
from gridray.outcome import ended_row, following
from gridray.records import AttemptState, Row, RunRecord, RunStatus, decode
from gridray.requests import applied, decode_request
from gridray.states import Reason, State
from gridray.store import Store, parse_json

Told = Callable[[DamagedError], None]


def settle(store: Store, cluster_key: str, now: float, damaged: Told) -> list[str]:
    """End the runs of a cluster, of which neither the controller nor a runner is left.

    It goes by the runs' markers, which are taken away last: cut off, it can be repeated.

    Args:
        now: Unix time in seconds.
        damaged: told of what cannot be read; such a run is left as it is.

    Returns:
        The names of the runs that were not over.

    Raises:
        StoreError: the store fails.
    """
    prefix = layout.active(cluster_key)
    markers = store.names(prefix)
    heard_at = _heard_at(store, cluster_key, damaged)
    settled = []
    for name, identity in sorted({layout.parse_marker(each) for each in markers}):
        try:
            run = load(store, name)
            if run.record.identity == identity:
                was_over = _settle(store, run, heard_at, now, damaged)
                settled += [] if was_over else [name]
        except NotFoundError:
            # Of a submission that was killed, or has yet to write the rest.
            continue
        except DamagedError as error:
            damaged(error)
            continue
        ours = [each for each in markers if layout.parse_marker(each) == (name, identity)]
        nonces = map(layout.marker_nonce, ours)
        store.delete(*(layout.sealed(name, identity, nonce) for nonce in nonces))
        store.delete(*(prefix + each for each in ours))
    return settled


def over(
    row: Row, attempt: AttemptState | None, heard_at: float | None, now: float
) -> tuple[Row, AttemptState | None]:
    """Return an experiment that is over, and how its attempt has ended if nobody has said so.

    Args:
        attempt: what its runner has said, if it has one.
        heard_at: when its controller was last heard of (Unix, s).
    """
    if row.state.is_terminal:
        return row, None
    attempt = attempt if row.state.is_submitted else None
    reason = Reason.CLUSTER_DELETED
    if row.stop_grace is not None:
        reason = Reason.MAX_COST if row.is_overspent else Reason.STOPPED
    ended = replace(
        row,
        state=State.CANCELLED,
        reason=reason,
        message=None,
        not_before=None,
        started_at=attempt.started_at if attempt else row.started_at,
        ended_at=costs.lost_at(attempt, heard_at, now),
    )
    told = None
    if row.state.is_submitted:
        told = AttemptState(
            ended.state, reason, started_at=ended.started_at, ended_at=ended.ended_at
        )
    return costs.settled(row, ended, attempt, ended.ended_at or now), told


def _heard_at(store: Store, cluster_key: str, damaged: Told) -> float | None:
    try:
        last = last_beat(store, cluster_key)
    except DamagedError as error:
        damaged(error)
        return None
    return last.at if last else None


def _settle(
    store: Store, run: ActiveRun, heard_at: float | None, now: float, damaged: Told
) -> bool:
    """Write that a run is over, and return whether it was so already."""
    record, words = run.record, _words(store, run, damaged)
    rows = [_heard(record, row, words.get(index), now) for index, row in enumerate(run.rows)]
    rows = _asked(store, run, rows, damaged)
    was_over = all(row.state.is_terminal for row in rows)
    for index, row in enumerate(rows):
        rows[index], told = over(row, words.get(index), heard_at, now)
        if told is not None:
            key = layout.attempt_ending(AttemptName(record.name, index, row.attempt))
            store.put_json(key, replace(told, identity=record.identity).to_json())
    if rows != run.rows:
        status = RunStatus(now, tuple(rows), frozenset(run.handled), record.identity)
        store.put_json(layout.status(record.name), status.to_json())
        remove_if_deleted(store, run)
    return was_over


def _words(store: Store, run: ActiveRun, damaged: Told) -> Mapping[int, AttemptState]:
    """Read what the runners have said of the attempts that were not over for the controller."""
    name = run.record.name
    keys = {
        layout.attempt_state(AttemptName(name, index, row.attempt)): index
        for index, row in enumerate(run.rows)
        if row.state.is_submitted
    }
    found = {}
    for key, data in store.get_many(keys).items():
        try:
            word = decode(AttemptState, parse_json(data, key), key)
        except DamagedError as error:
            damaged(error)
            continue
        if marks.is_of(word.identity, run.record.identity):
            found[keys[key]] = word
    return found


def _heard(record: RunRecord, row: Row, word: AttemptState | None, now: float) -> Row:
    """Return an experiment with the last word of its runner, if that has had one."""
    if word is None or not word.state.is_terminal:
        return row
    after = costs.settled(
        row, following(record, ended_row(row, word), now), word, word.ended_at or now
    )
    return costs.limited(row, after)


def _asked(store: Store, run: ActiveRun, rows: list[Row], damaged: Told) -> list[Row]:
    """Return the rows with what users have asked for and the controller has not heard."""
    prefix = layout.requests(run.record.name)
    unheard = [name for name in store.names(prefix) if name not in run.handled]
    for key, data in store.get_many(prefix + name for name in unheard).items():
        try:
            raw = parse_json(data, key)
            request = decode_request(raw, key)
            if marks.is_of(raw.get(marks.IDENTITY), run.record.identity):
                rows = applied(rows, request)
        except DamagedError as error:
            damaged(error)
    run.handled.update(unheard)
    return rows
