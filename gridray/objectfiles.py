"""Objects of the store brought into files: large ones in parts, several at once."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gridray.errors import ExistsError, NotFoundError, StoreError
from gridray.spread import spread, until
from gridray.store import Store, Tagged

if TYPE_CHECKING:
    from gridray.store import Pieces

# Objects up to this come through one connection.
PART = 32 * 1024 * 1024
PARTS_AT_ONCE = 8
# How often an object that is replaced while it is read is begun anew.
ATTEMPTS = 3
# How often it is checked by who waits (s).
CHECK_INTERVAL = 0.3

Check = Callable[[], None]


def bring(
    store: Store,
    key: str,
    path: Path,
    size: int,
    check: Check = lambda: None,
    turns: threading.Semaphore | None = None,
) -> None:
    """Write an object into a file, which is whole, and as it was at one moment, when this returns.

    Args:
        size: its bytes, as far as they are known; a large one is brought in parts.
        check: called before each piece, by several threads; what it raises ends this.
        turns: taken for each connection, where all files together may have so many only.

    Raises:
        NotFoundError: there is no such object.
        StoreError: the store cannot be read, or the object was replaced again and again meanwhile.
        OSError: the disk does not take it.
    """
    turns = turns or threading.Semaphore(PARTS_AT_ONCE)
    if size <= PART:
        with _turn(turns, check), open(path, "wb", buffering=0) as file:
            write_all(file.fileno(), store.stream(key), 0, check)
        return
    for _ in range(ATTEMPTS):
        found = store.find_tagged(key)
        if found is None:
            raise NotFoundError(f"{store.location(key)} does not exist")
        with suppress(ExistsError):
            _bring_parts(store, found, path, check, turns)
            return
    raise StoreError(
        f"{store.location(key)} was replaced {ATTEMPTS} times while it was read",
        hint="try again when it is written less often",
    )


def _bring_parts(
    store: Store, found: Tagged, path: Path, check: Check, turns: threading.Semaphore
) -> None:
    stop = threading.Event()
    check_all = until(stop, check)
    with open(path, "wb", buffering=0) as file:

        def part(start: int) -> None:
            end = min(start + PART, found.size)
            with _turn(turns, check_all):
                pieces = store.stream_tagged(found, start, end)
                write_all(file.fileno(), pieces, start, check_all)

        starts = range(0, found.size, PART)
        for _ in spread(part, starts, min(PARTS_AT_ONCE, len(starts)), stop=stop):
            continue


@contextmanager
def _turn(turns: threading.Semaphore, check: Check) -> Iterator[None]:
    """Wait for one's turn, and go on checking: those whose turn it is may have long to go."""
    while not turns.acquire(timeout=CHECK_INTERVAL):
        check()
    try:
        check()
        yield
    finally:
        turns.release()


def write_all(descriptor: int, pieces: "Pieces", place: int, check: Check) -> None:
    """Write pieces one behind the other, from a place on.

    Args:
        check: called before each; what it raises ends this.
    """
    # Closed, so that no connection stays when an error is seen.
    with closing(pieces):
        for piece in pieces:
            check()
            left = memoryview(piece)
            while left:
                written = os.pwrite(descriptor, left, place)
                left, place = left[written:], place + written
