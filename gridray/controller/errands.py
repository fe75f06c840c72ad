"""What the controller asks of Ray's core, which may never answer: each in a thread of its own."""

import threading
import time
from collections.abc import Callable, Mapping

from gridray.errors import ClusterError, GridrayError

# Seconds that a look waits for all that it has begun: what was done is done then before what
# depends on it, and what hangs holds up nothing else.
PATIENCE = 5.0


class Errands:
    """Does each errand once, and never the same one twice at a time."""

    def __init__(self, tell: Callable[[GridrayError], None], patience: float = PATIENCE) -> None:
        """Name who is told of what went wrong, and how many seconds `run` takes at most."""
        self._tell = tell
        self._patience = patience
        self._threads: dict[str, threading.Thread] = {}
        self._done: set[str] = set()

    def run(self, errands: Mapping[str, Callable[[], None]]) -> None:
        """Begin those that are neither done nor under way, and wait for them for a while.

        Args:
            errands: what is done, in words, and what does it. One that fails is begun again the
                next time that it is named.
        """
        begun = {what: self._begin(what, do) for what, do in errands.items() if self._is_due(what)}
        deadline = time.monotonic() + self._patience
        for what, thread in begun.items():
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                self._tell(ClusterError(f"{what}: no answer after {self._patience:g} s"))

    def _is_due(self, what: str) -> bool:
        thread = self._threads.get(what)
        return what not in self._done and (thread is None or not thread.is_alive())

    def _begin(self, what: str, do: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=self._do, args=(what, do), name=what, daemon=True)
        self._threads[what] = thread
        thread.start()
        return thread

    def _do(self, what: str, do: Callable[[], None]) -> None:
        try:
            do()
        except GridrayError as error:
            self._tell(ClusterError(f"{what}: {error.message}"))
        except Exception as error:
            # Ray's core raises what it likes, and nothing here may end the controller.
            self._tell(ClusterError(f"{what}: {error!r}"))
        else:
            self._done.add(what)
        finally:
            self._threads.pop(what, None)
