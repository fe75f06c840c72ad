"""Work that is done in a thread of its own: again and again, or once without being waited for."""

import threading
from collections.abc import Callable, Sequence

from gridray.errors import StoreError


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
        self._thread.join(timeout)
        if self._error is not None:
            raise self._error
        return not self._thread.is_alive()

    def _do(self) -> None:
        try:
            self._action()
        except Exception as error:
            self._error = error
