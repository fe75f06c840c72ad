"""What keeps a page up to date, and says on it when that fails."""

import asyncio
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from nicegui import background_tasks, run, ui

from gridray.errors import GridrayError, NotFoundError
from gridray.states import State
from gridray.ui.telling import fault, sentence

T = TypeVar("T")

EVERY = 2.0
# A look at something large must not be all that the server does.
IDLE_SHARE = 4
# Seconds from one reading of something that is over to the next, while its fingerprint is the same.
RARELY = 60.0
# Seconds after an end in which last words still come.
SETTLING = 60.0


@dataclass(frozen=True)
class Rest(Generic[T]):
    """When what is shown does not change by itself any more.

    `is_over` tells that of what has been read; from then on it is read anew when `fingerprint`,
    which costs little, is another one.
    """

    is_over: Callable[[T], bool]
    fingerprint: Callable[[], object]


def is_settled(state: State, ended_at: datetime | None) -> bool:
    """Whether all has been heard of a run or experiment that is over."""
    if not state.is_terminal:
        return False
    return ended_at is None or time.time() - ended_at.timestamp() > SETTLING


class _Same:
    """Nothing has changed."""


class Watch(Generic[T]):
    """Reads again and again, in a thread, and shows what has been read.

    Where that fails, what was shown last stays, below a banner that says what is wrong.
    """

    def __init__(
        self,
        read: Callable[[], T],
        show: Callable[[T], None],
        *,
        every: float = EVERY,
        rest: Rest[T] | None = None,
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        """Begin, in the place of the page where the banner is to be.

        Args:
            lost: called when what was shown has been deleted.
        """
        self._read = read
        self._show = show
        self._every = every
        self._rest = rest
        self._lost = lost
        self._fingerprint: object = None
        self._next = 0.0
        self._next_reading = 0.0
        self._is_hurried = False
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
        self._first = background_tasks.create(run.io_bound(self._look), name="first look")
        ui.timer(min(every, 1.0), self._tick)

    def hide_until_seen(self, *elements: ui.element) -> "Watch[T]":
        """Hide elements while there is nothing to be shown in them but what is wrong."""
        self._content = elements
        return self

    def hurry(self) -> None:
        """Look as soon as possible: something has been asked for."""
        self._is_hurried = True

    async def _tick(self) -> None:
        is_time = self._is_hurried or time.monotonic() >= self._next
        # The page of a browser that has left may come back for some seconds.
        is_seen = self._banner.client.has_socket_connection
        if not is_time or not is_seen or self._lock.locked():
            return
        async with self._lock:
            began = time.monotonic()
            if self._is_hurried:
                self._is_hurried, self._next_reading = False, 0.0
            if self._seen is None and not self._first_is_used:
                self._first_is_used = True
                found = await self._first
            else:
                found = await run.io_bound(self._look)
            ended = time.monotonic()
            self._next = ended + max(self._every, IDLE_SHARE * (ended - began))
            self._take(found)

    def _look(self) -> T | _Same | Exception:
        """Read, unless what was read last is over and has not changed; raise nothing."""
        try:
            # Before: what changes while it is read has another fingerprint then.
            fingerprint = None if self._rest is None else self._rest.fingerprint()
            is_early = time.monotonic() < self._next_reading
            if is_early and fingerprint == self._fingerprint:
                return _Same()
            found = self._read()
            is_over = self._rest is not None and self._rest.is_over(found)
        except Exception as error:
            self._next_reading = 0.0
            return error
        self._fingerprint = fingerprint
        self._next_reading = time.monotonic() + RARELY if is_over else 0.0
        return found

    def _take(self, found: T | _Same | Exception | None) -> None:
        # None: the server is about to end.
        if found is None or isinstance(found, _Same):
            return
        self._spinner.set_visibility(False)
        if isinstance(found, Exception):
            self._tell(found)
            return
        for each in self._content:
            each.set_visibility(True)
        try:
            self._show(found)
        except Exception as error:
            self._next_reading = 0.0
            self._tell(error)
            return
        self._seen = datetime.now()
        self._banner.text = ""
        self._banner.set_visibility(False)

    def _tell(self, error: Exception) -> None:
        for each in self._content if self._seen is None else ():
            each.set_visibility(False)
        told = _words(error, self._seen)
        if not isinstance(error, GridrayError) and told != self._banner.text:
            traceback.print_exception(error)
        self._banner.text = told
        self._banner.set_visibility(True)
        if isinstance(error, NotFoundError):
            self._lost()


def _words(error: Exception, seen: datetime | None) -> str:
    if isinstance(error, NotFoundError):
        what = sentence(error.message)
        return what if seen is None else f"{what} It was deleted; this is how it was at {seen:%X}."
    elif isinstance(error, GridrayError):
        what = sentence(error.message)
    else:
        what = fault(error)
    since = "" if seen is None else f" This is how it was at {seen:%X}."
    return f"{what}{since} Trying again."
