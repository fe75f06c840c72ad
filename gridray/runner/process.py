"""The script's process: its own session, its output in one pipe, and nothing of it outlives us."""

import os
import select
import shutil
import signal
import subprocess
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

CHUNK = 64 * 1024
# Processes that the script left behind get this long to end once it has.
AFTERMATH = 2.0
POLL_INTERVAL = 0.2

# Whatever kills the runner closes the pipe, and the guard then ends the script's processes. It
# ignores the signals that are meant for the script.
GUARD = 'trap "" HUP INT TERM; read _; kill -9 "-$1"'


class ScriptProcess:
    """A started script."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        signal_group: bool,
        within: Sequence[str] = (),
        descriptors: Collection[int] = (),
    ) -> None:
        """Start it.

        Args:
            signal_group: SIGTERM goes to all processes of the script at first, not to the first
                only: what a shell runs never hears of a signal that the shell gets.
            within: the words of a program that becomes the command.
            descriptors: files that it holds open as long as it lives.

        Raises:
            OSError: it cannot be started; the message names the program that is missing.
        """
        if "/" not in command[0] and shutil.which(command[0], path=env.get("PATH")) is None:
            raise FileNotFoundError(f"this node has no program {command[0]!r} on its PATH")
        self._signal_group = signal_group
        self._is_closed = threading.Event()
        self._process = subprocess.Popen(
            [*within, *command],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=tuple(descriptors),
            bufsize=0,
        )
        self._guard = subprocess.Popen(
            ["sh", "-c", GUARD, "guard", str(self._process.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The number of its first process, of its session and of its group."""
        return self._process.pid

    def output(self) -> Iterator[bytes]:
        """Yield the output as it comes, until every process of the script has closed it.

        After `close` that is until the pipe is empty: a process that has left the script's session
        may hold it for ever.
        """
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        while True:
            is_last = self._is_closed.is_set()
            ready, _, _ = select.select([descriptor], [], [], 0 if is_last else POLL_INTERVAL)
            if not ready and is_last:
                return
            if ready:
                data = os.read(descriptor, CHUNK)
                if not data:
                    return
                yield data

    def wait(self, timeout: float) -> int | None:
        """Return the exit code (negative: the signal that killed it), or None: still running."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def terminate(self) -> None:
        """Ask it to end."""
        if self._signal_group:
            self._signal_all(signal.SIGTERM)
        else:
            self._process.terminate()

    def kill(self) -> None:
        """End it and everything that it started."""
        self._signal_all(signal.SIGKILL)

    def end_group(self) -> None:
        """Ask what the script left running to end."""
        self._signal_all(signal.SIGTERM)

    def close(self) -> None:
        """Let go of a script that has ended."""
        self.kill()
        self._is_closed.set()
        self._guard.kill()
        self._guard.communicate()

    def _signal_all(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):
            # PermissionError is what macOS says of a group of zombies.
            return
