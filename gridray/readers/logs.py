"""The logs of experiments, finished or not."""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gridray import layout, logformat
from gridray.layout import AttemptName
from gridray.readers import runs
from gridray.states import State
from gridray.store import Store

POLL_INTERVAL = 0.5


@dataclass(frozen=True)
class LogLine:
    """A line as the script wrote it, with its newline if it has one, and when (RFC 3339)."""

    time: str
    stream: str
    content: bytes

    @property
    def text(self) -> str:
        """The line without its newline; bytes that are not UTF-8 are replaced."""
        return self.content.removesuffix(b"\n").decode(errors="replace")


def attempt_of(store: Store, run: str, index: int, stream: str = "stdout") -> AttemptName | None:
    """Return the latest attempt that has written a log.

    Raises:
        NotFoundError: there is no such experiment.
    """
    return runs.latest_attempt(store, run, index, lambda name: layout.log(name, stream))


def read(store: Store, name: AttemptName, stream: str = "stdout") -> Iterator[LogLine]:
    """Yield the lines that are in the store now."""
    keys = [entry.key for entry in store.entries(layout.log(name, stream))]
    return _lines(_chunks(store, keys), stream)


def tail(store: Store, name: AttemptName, count: int, stream: str = "stdout") -> list[LogLine]:
    """Return the last lines that are in the store now; only the chunks they need are read."""
    if count <= 0:
        return []
    keys = [entry.key for entry in store.entries(layout.log(name, stream))]
    for taken in _doubling(len(keys)):
        lines = deque(_lines(_chunks(store, keys[-taken:]), stream), maxlen=count + 1)
        # The first line may be the end of one that begins in a chunk before.
        if taken == len(keys) or len(lines) > count:
            return list(lines)[-count:]
    return []


def raw(store: Store, name: AttemptName, stream: str = "stdout") -> Iterator[bytes]:
    """Yield the exact bytes that the script wrote, in pieces."""
    for entry in store.entries(layout.log(name, stream)):
        yield logformat.raw(store.get(entry.key))


def follow(
    store: Store, run: str, index: int, stream: str = "stdout", last: int | None = None
) -> Iterator[LogLine]:
    """Yield the lines of an experiment as they come, until it is over.

    Args:
        last: begin with so many lines of what there is; None: with all.
    """
    while (name := attempt_of(store, run, index, stream)) is None:
        if _is_over(store, run, index):
            return
        time.sleep(POLL_INTERVAL)
    position = 0
    joiner = _Joiner(stream)
    skipped = last is None
    while True:
        is_over = _is_over(store, run, index)
        data = _from(store, name, stream, position)
        position += len(data)
        lines = list(joiner.feed(logformat.decode(data)))
        if is_over:
            lines += joiner.rest()
        if not skipped and last is not None:
            lines = lines[-last:] if last else []
            skipped = True
        yield from lines
        if is_over:
            return
        time.sleep(POLL_INTERVAL)


def _is_over(store: Store, run: str, index: int) -> bool:
    state: State = runs.experiment_view(store, run, index, time.time()).state
    return state.is_terminal


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


def _doubling(total: int) -> Iterator[int]:
    taken = 1
    while taken < total:
        yield taken
        taken *= 2
    if total:
        yield total


def _chunks(store: Store, keys: list[str]) -> Iterator[bytes]:
    batch = 64
    for start in range(0, len(keys), batch):
        wanted = keys[start : start + batch]
        found = store.get_many(wanted)
        yield from (found[key] for key in wanted if key in found)


def _lines(chunks: Iterable[bytes], stream: str) -> Iterator[LogLine]:
    joiner = _Joiner(stream)
    for chunk in chunks:
        yield from joiner.feed(logformat.decode(chunk))
    yield from joiner.rest()


class _Joiner:
    """Puts the parts of a line together; its time is that of its first part."""

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._time = ""
        self._parts: list[bytes] = []

    def feed(self, records: Iterable[logformat.Record]) -> Iterator[LogLine]:
        for record in records:
            if record.full and not self._parts:
                yield LogLine(record.time, self._stream, record.content + b"\n")
                continue
            self._time = self._time if self._parts else record.time
            self._parts.append(record.content)
            if record.full:
                self._parts.append(b"\n")
                yield from self.rest()

    def rest(self) -> Iterator[LogLine]:
        if self._parts:
            yield LogLine(self._time, self._stream, b"".join(self._parts))
            self._parts = []
