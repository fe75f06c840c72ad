"""The logs of experiments, finished or not."""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from gridray import layout, logformat
from gridray.backoff import outlast
from gridray.layout import AttemptName
from gridray.logformat import PART, LogLine
from gridray.readers import runs
from gridray.records import AttemptState, decode
from gridray.states import Reason, State
from gridray.store import Store

POLL_INTERVAL = 0.5
# So much of a log (bytes) is looked at in one go, from its end.
PIECE = 64 * 1024
# An attempt that is to be, or has no place yet.
WAITING = (State.QUEUED, State.PENDING)


def attempt_of(store: Store, run: str, index: int, stream: str = "stdout") -> AttemptName | None:
    """Return the latest attempt that has written a log.

    Raises:
        NotFoundError: there is no such experiment.
    """
    return runs.latest_attempt(store, run, index, lambda name: layout.log(name, stream))


def has_log(store: Store, name: AttemptName, stream: str = "stdout") -> bool:
    return bool(store.names(layout.log(name, stream)))


def read(store: Store, name: AttemptName, stream: str = "stdout") -> Iterator[list[LogLine]]:
    """Yield the lines that are in the store now, some at a time."""
    keys = [entry.key for entry in store.entries(layout.log(name, stream))]
    return _lines(_chunks(store, keys))


def tail(store: Store, name: AttemptName, count: int, stream: str = "stdout") -> list[LogLine]:
    """Return the last lines that are in the store now; only what they need is read and decoded."""
    if count <= 0:
        return []
    pieces: deque[bytes] = deque()
    records, wanted = 0, count
    for piece in _backwards(store, name, stream):
        pieces.appendleft(piece)
        records += piece.count(b"\n")
        if records <= wanted:
            continue
        lines = [*chain.from_iterable(_lines(pieces))]
        # The first one may be the end of a line that begins before, and a line has many records.
        if len(lines) > count:
            return lines[-count:]
        wanted *= 2
    return [*chain.from_iterable(_lines(pieces))][-count:]


def raw(store: Store, name: AttemptName, stream: str = "stdout") -> Iterator[bytes]:
    """Yield the exact bytes that the script wrote, in pieces."""
    for entry in store.entries(layout.log(name, stream)):
        yield logformat.raw(store.get(entry.key))


def attempts(store: Store, run: str, index: int) -> range:
    """Return the numbers of the attempts that there have been, or are.

    Raises:
        NotFoundError: there is no such experiment.
    """
    view = runs.experiment_view(store, run, index, time.time())
    return range(view.attempt if view.state is State.QUEUED else view.attempt + 1)


def follow(
    store: Store, run: str, index: int, stream: str = "stdout", last: int | None = None
) -> Iterator[LogLine]:
    """Yield the lines of an experiment as they come, attempt by attempt, until it is over.

    Args:
        last: begin with so many lines of what there is; None: with all.

    Raises:
        NotFoundError: there is no such experiment (any more).
        StoreError: the store stays out of reach.
    """
    follower = Follower(store, run, index, stream, last)
    while True:
        look = outlast(follower.look)
        for part in look.parts:
            yield from part.lines
        if look.is_over:
            return
        time.sleep(POLL_INTERVAL)


@dataclass(frozen=True)
class Part:
    """New lines of one attempt. `begins` tells that it is the next one, `reason` why there is one.

    The reason is why the attempt before has ended, as far as the store knows.
    """

    attempt: int
    lines: Sequence[LogLine]
    begins: bool = False
    reason: Reason | None = None


@dataclass(frozen=True)
class Look:
    """What is new since the last look, and whether the experiment is over, or held."""

    parts: Sequence[Part]
    is_over: bool
    is_held: bool = False


class Follower:
    """Reads on in the log of an experiment, from attempt to attempt."""

    def __init__(
        self,
        store: Store,
        run: str,
        index: int,
        stream: str = "stdout",
        last: int | None = None,
    ) -> None:
        """Begin with the latest attempt that has written; of it with the `last` lines, or all."""
        self._store = store
        self._run = run
        self._index = index
        self._stream = stream
        self._last = last
        self._place: _Place | None = None
        self._reason: Reason | None = None

    def look(self) -> Look:
        """Return what is new. A look that fails changes nothing, so that it can be repeated.

        Raises:
            NotFoundError: there is no such experiment (any more).
            StoreError: the store cannot be read.
        """
        # Read before the lines: what is over has written all of them.
        view = runs.experiment_view(self._store, self._run, self._index, time.time())
        is_held = view.reason is Reason.HELD
        place = self._place or self._first_place()
        if place is None:
            return Look((), view.state.is_terminal, is_held)
        is_new = self._place is None
        is_told = view.state in WAITING and not is_held
        reason = (view.reason if is_told else None) or self._reason
        is_over = view.state.is_terminal
        part, place = self._read(place, is_complete=is_over or place.attempt < view.attempt)
        if is_new and self._last is not None:
            part = replace(part, lines=part.lines[-self._last :] if self._last else ())
        parts = [part]
        for attempt in range(place.attempt + 1, self._begun(view) + 1):
            part, found = self._read(_Place(attempt), is_complete=is_over or attempt < view.attempt)
            is_here = attempt == view.attempt and (not is_over or view.started_at is not None)
            if part.lines or is_here:
                why = reason if attempt == view.attempt else None
                parts.append(replace(part, begins=True, reason=why or self._ended(attempt - 1)))
                place = found
        self._place, self._reason = place, reason
        return Look(parts, is_over, is_held)

    def _first_place(self) -> "_Place | None":
        name = attempt_of(self._store, self._run, self._index, self._stream)
        return None if name is None else _Place(name.attempt)

    def _begun(self, view: runs.ExperimentView) -> int:
        """Return the number of the latest attempt that has a place, as far as is known."""
        return view.attempt - 1 if view.state in WAITING else view.attempt

    def _ended(self, attempt: int) -> Reason | None:
        """Return why an attempt has ended, if its runner has said so, or the controller knew."""
        name = AttemptName(self._run, self._index, attempt)
        keys = (layout.attempt_state(name), layout.attempt_ending(name))
        found = self._store.get_many_json(keys)
        words = (decode(AttemptState, found[key], key) for key in keys if key in found)
        return next((word.reason for word in words if word.reason), None)

    def _read(self, place: "_Place", *, is_complete: bool) -> "tuple[Part, _Place]":
        """Read on from a place; the end of what is complete is a line too."""
        name = AttemptName(self._run, self._index, place.attempt)
        data = _from(self._store, name, self._stream, place.position)
        joiner = _Joiner(place.pending)
        lines = [*chain.from_iterable(map(joiner.feed, logformat.decode(data)))]
        if is_complete:
            lines += joiner.rest()
        there = _Place(place.attempt, place.position + len(data), joiner.pending)
        return Part(place.attempt, lines), there


@dataclass(frozen=True)
class _Place:
    """A place in the log of an attempt, and what of a line has been read before it."""

    attempt: int
    position: int = 0
    pending: tuple[LogLine, ...] = ()


def _from(store: Store, name: AttemptName, stream: str, position: int) -> bytes:
    """Return what has been stored since `position`; the last chunk may have grown."""
    pieces = []
    for entry in store.entries(layout.log(name, stream)):
        offset = layout.log_chunk_offset(entry.key)
        if offset + entry.size > position:
            piece = store.get(entry.key)[position - offset :]
            pieces.append(piece)
            position += len(piece)
    return b"".join(pieces)


def _backwards(store: Store, name: AttemptName, stream: str) -> Iterator[bytes]:
    """Yield a log in pieces of whole records, the last one first."""
    for entry in reversed(store.entries(layout.log(name, stream))):
        data = store.get(entry.key)
        end = len(data)
        while end:
            start = data.rfind(b"\n", 0, max(end - PIECE, 0)) + 1
            yield data[start:end]
            end = start


def _chunks(store: Store, keys: list[str]) -> Iterator[bytes]:
    batch = 64
    for start in range(0, len(keys), batch):
        wanted = keys[start : start + batch]
        found = store.get_many(wanted)
        yield from (found[key] for key in wanted if key in found)


def _lines(chunks: Iterable[bytes]) -> Iterator[list[LogLine]]:
    joiner = _Joiner()
    for chunk in chunks:
        yield from map(joiner.feed, logformat.decode(chunk))
    yield joiner.rest()


class _Joiner:
    """Puts the parts of lines together."""

    def __init__(self, pending: Iterable[LogLine] = ()) -> None:
        """Begin in the middle of a line, of which these parts are known."""
        self._parts = list(pending)

    @property
    def pending(self) -> tuple[LogLine, ...]:
        """The parts of a line that is not whole yet."""
        return tuple(self._parts)

    def feed(self, records: list[LogLine]) -> list[LogLine]:
        lines: list[LogLine] = []
        start = 0
        # Nearly all are whole lines, which need no look of their own.
        parts = [place for place, record in enumerate(records) if record.tag == PART]
        for place in [*parts, len(records)]:
            whole = records[start:place]
            if self._parts and whole:
                self._parts.append(whole.pop(0))
                lines += self.rest()
            lines += whole
            self._parts += records[place : place + 1]
            start = place + 1
        return lines

    def rest(self) -> list[LogLine]:
        parts, self._parts = self._parts, []
        return [logformat.join(parts)] if parts else []
