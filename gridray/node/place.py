"""Where the watch of a machine is at home: one process at a time, out of everybody's session.

~/.gridray-node/
    watch.lock     held by the watch as long as it lives; its number is in it
    watch.log      what it has said; the one before is watch.log.1
"""

import fcntl
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path

import psutil

from gridray.errors import GridrayError

LOG_BYTES = 1_000_000
POLL_INTERVAL = 0.05
# Seconds that a watch has to end before it is killed, and that a new one has to begin.
TAKE_OVER = 5.0
TAKE_OVER_LIMIT = 15.0
START_LIMIT = 60.0
PROGRAM = "gridray.node"
# How a watch has ended that another one did not let go on.
ENDED = (-signal.SIGTERM, -signal.SIGKILL)


def home() -> Path:
    return Path.home() / ".gridray-node"


def take() -> int:
    """Become the one watch of this machine, ending the one that is; return the lock.

    Raises:
        GridrayError: the place cannot be written, or whoever has it does not end.
    """
    path = _made() / "watch.lock"
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from error
    began, held_by = time.monotonic(), holder()
    while not _try(lock):
        if (number := holder()) != held_by:
            began, held_by = time.monotonic(), number
        waited = time.monotonic() - began
        if waited > TAKE_OVER_LIMIT:
            raise GridrayError(f"{path} is held by a process that does not end")
        _end(held_by, signal.SIGTERM if waited < TAKE_OVER else signal.SIGKILL)
        time.sleep(POLL_INTERVAL)
    try:
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
    except OSError as error:
        raise _unwritable(path, error) from error
    return lock


def holder() -> int | None:
    """Return the number of the process that was the last to become the watch."""
    try:
        return int((home() / "watch.lock").read_text())
    except (OSError, ValueError):
        return None


def start(arguments: Sequence[str]) -> None:
    """Start a watch that outlives this process, its session and its terminal.

    Raises:
        GridrayError: it did not begin.
    """
    path = _made() / "watch.log"
    command = [sys.executable, "-m", PROGRAM, *arguments, "--foreground", f"--log={path}"]
    try:
        output = open(path, "ab")
    except OSError as error:
        raise _unwritable(path, error) from error
    with output:
        process = subprocess.Popen(
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_LIMIT
    while holder() != process.pid:
        # One that ends in peace, or is ended while there is another, was replaced in its turn.
        if process.poll() == 0 or (process.poll() in ENDED and _is_taken()):
            return
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise GridrayError("the watch of this machine did not begin", hint=f"see {path}")
        time.sleep(POLL_INTERVAL)


def log_to(path: str | None) -> None:
    """Have what the watch says go into a file of bounded size, or to the terminal.

    A disk that is full does not stop it.
    """
    logging.raiseExceptions = False
    handler = (
        logging.StreamHandler()
        if path is None
        else RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=1, delay=True)
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger = logging.getLogger(PROGRAM)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def _made() -> Path:
    try:
        home().mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise _unwritable(home(), error) from error
    return home()


def _unwritable(path: Path, error: OSError) -> GridrayError:
    return GridrayError(
        f"{path} cannot be written: {error.strerror}",
        hint="free some of the disk, and see whose the directory is",
    )


def _is_taken() -> bool:
    with open(home() / "watch.lock") as lock:
        return not _try(lock.fileno())


def _try(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _end(pid: int | None, number: signal.Signals) -> None:
    """Signal a watch; a number that has become another process's is left alone."""
    try:
        if pid is not None and PROGRAM in psutil.Process(pid).cmdline():
            os.kill(pid, number)
    except (psutil.Error, ProcessLookupError):
        return
