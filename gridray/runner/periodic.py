"""Work that is done in a thread of its own: again and again, or once without being waited for."""

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from gridray.errors import StoreError

T = TypeVar("T")

# How often who waits for work heeds others, and how long the work may take to be given up.
HEED_INTERVAL = 0.2
PATIENCE = 2.0


class Periodically:
    """A context in which something is done after each pause, or when it is asked for.

    A failure of the store waits for the next time. Leaving the context waits for what is being
    done, so that nothing of it happens later.
    """

    def __init__(
        self,
        pauses: Sequence[float],
        action: Callable[[], object],
        asked: threading.Event | None = None,
    ) -> None:
        """Name the work.

        Args:
            pauses: seconds before each time; the last one holds from then on.
            asked: is set to have it done at once.
        """
        self._pauses = pauses
        self._action = action
        self._asked = asked or threading.Event()
        self._is_over = False
        self._thread = threading.Thread(target=self._loop, name="periodic", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self._asked.set()
        self._thread.join()

    def _loop(self) -> None:
        count = 0
        while True:
            self._asked.wait(self._pauses[min(count, len(self._pauses) - 1)])
            self._asked.clear()
            count += 1
            if self._is_over:
                return
            try:
                self._action()
            except StoreError:
                continue


class Aside:
    """Something done once by a thread that need not be waited for; what it raises comes back."""

    def __init__(self, action: Callable[[], object]) -> None:
        self._action = action
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._do, name="aside", daemon=True)
        self._thread.start()

    def is_over(self, timeout: float) -> bool:
        """Wait for its end for so many seconds at most, and return whether it has come.

        Raises:
            Exception: what the action has raised.
        """
        self.wait(timeout)
        if self._error is not None:
            raise self._error
        return not self._thread.is_alive()

    def wait(self, timeout: float) -> None:
        """Wait for its end for so many seconds at most, however it ends."""
        self._thread.join(timeout)

    def _do(self) -> None:
        try:
            self._action()
        except Exception as error:
            self._error = error


class GivenUpError(Exception):
    """Nobody waits for this work any more."""


def attended(work: Callable[[Callable[[], None]], T], heed: Callable[[], None]) -> T:
    """Do what may take long in a thread, and return what comes of it.

    Args:
        work: gets what it has to call before each part; that raises when the work is given up.
        heed: called meanwhile, by the caller's thread; what it raises gives the work up.

    Raises:
        Exception: what the work or `heed` raises. What hangs is left to hang.
    """
    is_given_up = threading.Event()
    results: list[T] = []

    def check() -> None:
        if is_given_up.is_set():
            raise GivenUpError

    doing = Aside(lambda: results.append(work(check)))
    try:
        while not doing.is_over(HEED_INTERVAL):
            heed()
    except BaseException:
        is_given_up.set()
        doing.wait(PATIENCE)
        raise
    return results[0]
