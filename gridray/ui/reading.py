"""What a part of a page shows: read in a thread when it is asked for, and never twice at once."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from nicegui import run, ui

from gridray.errors import GridrayError

T = TypeVar("T")


class Reading(Generic[T]):
    """Reads when it is told to, and shows what has been read, or tells what is wrong."""

    def __init__(
        self,
        read: Callable[[], T | None],
        show: Callable[[T], None],
        tell: Callable[[GridrayError], None],
    ) -> None:
        """Read nothing yet.

        Args:
            read: called in a thread; None: there is nothing to be shown.
        """
        self._read = read
        self._show = show
        self._tell = tell
        self._lock = asyncio.Lock()
        self._is_outdated = False

    def begin(self) -> None:
        """Read, unless that is being done."""
        ui.timer(0.01, self._look, once=True)

    def renew(self) -> None:
        """Read what is wanted from now on; what is being read is not shown any more."""
        self._is_outdated = True
        self.begin()

    async def _look(self) -> None:
        if self._lock.locked():
            return
        async with self._lock:
            found = await self._latest()
        if isinstance(found, GridrayError):
            self._tell(found)
        elif found is not None:
            self._show(found)

    async def _latest(self) -> T | GridrayError | None:
        while True:
            self._is_outdated = False
            found: T | GridrayError | None
            try:
                found = await run.io_bound(self._read)
            except GridrayError as error:
                found = error
            if not self._is_outdated:
                return found
