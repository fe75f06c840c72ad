"""Objects of the store brought into files: large ones in parts, several at once."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gridray.errors import ExistsError, NotFoundError, StoreError
from gridray.spread import spread
from gridray.store import Store, Tagged

if TYPE_CHECKING:
    from obstore import Bytes

# Objects up to this are read at once.
LARGE = 8 * 1024 * 1024
PART = 32 * 1024 * 1024
PARTS_AT_ONCE = 4
# How often an object that is replaced while it is read is begun anew.
ATTEMPTS = 3


def bring(
    store: Store, key: str, path: Path, size: int, check: Callable[[], None] = lambda: None
) -> None:
    """Write an object into a file, which is whole, and as it was at one moment, when this returns.

    Args:
        size: its bytes, as far as they are known; a large one is brought in parts.
        check: called before each piece, by several threads; what it raises ends this.

    Raises:
        NotFoundError: there is no such object.
        StoreError: the store cannot be read, or the object was replaced again and again meanwhile.
        OSError: the disk does not take it.
    """
    if size <= LARGE:
        check()
        with open(path, "wb", buffering=0) as file:
            _write(file.fileno(), store.get(key), 0)
        return
    for _ in range(ATTEMPTS):
        found = store.find_tagged(key)
        if found is None:
            raise NotFoundError(f"{store.location(key)} does not exist")
        with suppress(ExistsError):
            _bring_parts(store, found, path, check)
            return
    raise StoreError(
        f"{store.location(key)} was replaced {ATTEMPTS} times while it was read",
        hint="try again when it is written less often",
    )


def _bring_parts(store: Store, found: Tagged, path: Path, check: Callable[[], None]) -> None:
    stop = threading.Event()
    with open(path, "wb", buffering=0) as file:

        def part(start: int) -> None:
            place = start
            for piece in store.stream_tagged(found, start, min(start + PART, found.size)):
                check()
                if stop.is_set():
                    return
                place = _write(file.fileno(), piece, place)

        starts = range(0, found.size, PART)
        for _ in spread(part, starts, min(PARTS_AT_ONCE, len(starts)), stop=stop):
            continue


def _write(descriptor: int, data: "bytes | Bytes", place: int) -> int:
    """Write what there is from a place on, and return the place after it."""
    left = memoryview(data)
    while left:
        written = os.pwrite(descriptor, left, place)
        left, place = left[written:], place + written
    return place
