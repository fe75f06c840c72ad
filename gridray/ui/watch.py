"""What keeps a page up to date, and says on it when that fails."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from typing import Generic, TypeVar

from nicegui import background_tasks, run, ui

from gridray.errors import GridrayError, NotFoundError
from gridray.store import Store

T = TypeVar("T")

EVERY = 2.0
# A look at something large must not be all that the server does.
IDLE_SHARE = 4


class Watch(Generic[T]):
    """Reads again and again, in a thread, and shows what has been read.

    Where that fails, what was shown last stays, below a banner that says what is wrong.
    """

    def __init__(
        self,
        store: Store,
        read: Callable[[], T],
        show: Callable[[T], None],
        *,
        every: float = EVERY,
    ) -> None:
        """Begin, in the place of the page where the banner is to be."""
        self._store = store
        self._read = read
        self._show = show
        self._every = every
        self._next = 0.0
        self._seen: datetime | None = None
        self._first_is_used = False
        self._content: tuple[ui.element, ...] = ()
        self._lock = asyncio.Lock()
        self._spinner = (
            ui.element("div").classes("loading").props('role=status aria-label="Loading"')
        )
        self._banner = ui.label().classes("banner").props("role=alert")
        self._banner.set_visibility(False)
        # While the browser still loads what the page is made of.
        self._first = background_tasks.create(run.io_bound(self._safely), name="first look")
        ui.timer(min(every, 1.0), self._tick)

    def hide_until_seen(self, *elements: ui.element) -> "Watch[T]":
        """Hide elements while there is nothing to be shown in them but what is wrong."""
        self._content = elements
        return self

    def hurry(self) -> None:
        """Look as soon as possible: something has been asked for."""
        self._next = 0.0

    async def _tick(self) -> None:
        is_time = time.monotonic() >= self._next and not self._lock.locked()
        # The page of a browser that has left may come back for some seconds.
        if not is_time or not self._banner.client.has_socket_connection:
            return
        async with self._lock:
            began = time.monotonic()
            if self._seen is None and not self._first_is_used:
                self._first_is_used = True
                found = await self._first
            else:
                found = await run.io_bound(self._safely)
            ended = time.monotonic()
            self._next = ended + max(self._every, IDLE_SHARE * (ended - began))
            self._take(found)

    def _safely(self) -> T | GridrayError:
        try:
            return self._read()
        except GridrayError as error:
            return error

    def _take(self, found: T | GridrayError | None) -> None:
        if found is None:  # The server is about to end.
            return
        self._spinner.set_visibility(False)
        if isinstance(found, GridrayError):
            self._tell(found)
            return
        self._seen = datetime.now()
        for each in self._content:
            each.set_visibility(True)
        self._banner.set_visibility(False)
        self._show(found)

    def _tell(self, error: GridrayError) -> None:
        for each in self._content if self._seen is None else ():
            each.set_visibility(False)
        self._banner.text = _words(self._store, error, self._seen)
        self._banner.set_visibility(True)


def _words(store: Store, error: GridrayError, seen: datetime | None) -> str:
    if store.directory is not None and not store.directory.exists():
        what = f"The store {store.url} is gone."
    elif isinstance(error, NotFoundError):
        what = sentence(error.message)
        return what if seen is None else f"{what} It was deleted; this is how it was at {seen:%X}."
    else:
        what = sentence(error.message)
    since = "" if seen is None else f" This is how it was at {seen:%X}."
    return f"{what}{since} Trying again."


def sentence(message: str) -> str:
    """Return an error's message as a sentence."""
    return f"{message[:1].upper()}{message[1:]}."
