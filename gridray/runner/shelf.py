"""The environments of a node: each is built by one attempt, and shared by all that live.

<private directory>/environments/
    <key>/          the environment; it is whole once it has `complete` in it
    <key>.lock      held alone by who builds, together by who uses it
    <key>.log       what the last build has printed
    <key>.failed    why the last build failed, and when
"""

import fcntl
import json
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from gridray.errors import BuildError
from gridray.runner.workspace import remove_tree

POLL_INTERVAL = 0.1
# Below the home of an environment; where it is missing, the node has all that is needed.
ENVIRONMENT = "env"
# Below it as well: the source that was built in, where something of it is needed.
SOURCE = "source"
# How many environments stay on a node, beyond those that are in use.
KEPT = 8


class Place:
    """Where one environment is, or will be; to be used in one attempt."""

    def __init__(self, shelf: Path, key: str) -> None:
        shelf.mkdir(mode=0o700, exist_ok=True)
        self._shelf = shelf
        self.home = shelf / key
        self.log = shelf / f"{key}.log"
        self._failure = shelf / f"{key}.failed"
        self._lock_file = shelf / f"{key}.lock"
        self._complete = self.home / "complete"
        self.lock = -1

    def take(self, stack: ExitStack, heed: Callable[[], None]) -> dict[str, Any] | None:
        """Wait until the environment is whole, and share it; or until it is ours to build.

        The lock is held until the stack is closed.

        Args:
            heed: called while somebody else builds it.

        Returns:
            What `keep` was given; None if it is to be built.

        Raises:
            BuildError: who was building it when we came has failed.
        """
        since = time.time()
        self.lock = os.open(self._lock_file, os.O_CREAT | os.O_RDWR, 0o600)
        stack.callback(self._let_go)
        while True:
            if self._complete.exists() and self._try(fcntl.LOCK_SH):
                if self._complete.exists():
                    return self._shared()
                fcntl.flock(self.lock, fcntl.LOCK_UN)
            elif self._try(fcntl.LOCK_EX):
                if not self._complete.exists():
                    self._check_failure(since)
                    remove_tree(self.home)
                    self.home.mkdir(mode=0o700)
                    return None
                fcntl.flock(self.lock, fcntl.LOCK_UN)
                continue
            heed()
            time.sleep(POLL_INTERVAL)

    def _let_go(self) -> None:
        """Free the place, also from what a build has left running, which shares the lock."""
        fcntl.flock(self.lock, fcntl.LOCK_UN)
        os.close(self.lock)

    def keep(self, what: dict[str, Any]) -> None:
        """Say that the environment is whole; from here on it is shared.

        Raises:
            OSError: the disk does not take it.
        """
        partial = self.home / "partial"
        partial.write_text(json.dumps(what))
        os.replace(partial, self._complete)
        self._failure.unlink(missing_ok=True)
        os.utime(self._lock_file)
        # For a moment nobody has it. Who takes it alone then sees that there is nothing to build,
        # and that it is not what was used longest ago.
        fcntl.flock(self.lock, fcntl.LOCK_SH)
        try:
            self._trim()
        except OSError:
            # What is too much today is removed another day.
            return

    def fail(self, message: str) -> None:
        """Tell those who wait that the build has failed, and leave nothing of it but its log."""
        try:
            remove_tree(self.home)
            self._failure.write_text(json.dumps({"at": time.time(), "message": message}))
        except OSError:
            # A full disk, most likely: those who wait find out for themselves.
            pass
        finally:
            fcntl.flock(self.lock, fcntl.LOCK_UN)

    def leave(self) -> None:
        """Let somebody else build it."""
        try:
            remove_tree(self.home)
        finally:
            fcntl.flock(self.lock, fcntl.LOCK_UN)

    def _shared(self) -> dict[str, Any]:
        os.utime(self._lock_file)
        what: dict[str, Any] = json.loads(self._complete.read_text())
        return what

    def _try(self, how: int) -> bool:
        try:
            fcntl.flock(self.lock, how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _check_failure(self, since: float) -> None:
        try:
            failure = json.loads(self._failure.read_text())
        except (OSError, ValueError):
            return
        if failure["at"] >= since:
            fcntl.flock(self.lock, fcntl.LOCK_UN)
            raise BuildError(failure["message"])

    def _trim(self) -> None:
        """Remove what was used longest ago, and is not being used."""
        used = {}
        for path in self._shelf.glob("*.lock"):
            home = path.with_suffix("")
            if (home / ENVIRONMENT).exists() or (home / SOURCE).exists():
                used[path] = path.stat().st_mtime
        for path in sorted(used, key=lambda path: -used[path])[KEPT:]:
            place = Place(self._shelf, path.stem)
            place.lock = os.open(path, os.O_RDWR)
            try:
                if place._try(fcntl.LOCK_EX):
                    place._complete.unlink(missing_ok=True)
                    remove_tree(place.home)
                    place.log.unlink(missing_ok=True)
            finally:
                os.close(place.lock)
