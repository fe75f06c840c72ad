"""The private directory of an experiment: on the node's own disk, and gone with the attempt."""

import os
import shutil
import stat
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gridray.errors import GridrayError
from gridray.records import SCRATCH_PATH, ScratchRecord
from gridray.runner import mounting

VARIABLE = "GRIDRAY_SCRATCH"
PROBE_TIMEOUT = 10


@dataclass(frozen=True)
class Scratch:
    """A directory that is there; `place` is where the script finds it besides, if anywhere."""

    directory: Path
    place: str | None

    @property
    def env(self) -> dict[str, str]:
        return {VARIABLE: str(self.directory)}

    @property
    def within(self) -> tuple[str, ...]:
        """The words before a command that is to find the directory in its place."""
        return () if self.place is None else _mounting(self.directory, self.place)


def make(wanted: ScratchRecord, directory: Path) -> Scratch:
    """Make the directory, and find out whether scripts can have it where they expect it.

    Raises:
        GridrayError: the disk has less free than is wanted, or a place that a user has chosen
            cannot be had.
        OSError: the directory cannot be made.
    """
    directory.mkdir(mode=0o700)
    free = shutil.disk_usage(directory).free
    if free < wanted.size:
        raise GridrayError(
            f"--scratch_size asks for {_size(wanted.size)}, but {directory} has {_size(free)} free"
        )
    trouble = _trouble(directory, wanted.mount_path)
    if trouble is None:
        return Scratch(directory, wanted.mount_path)
    if wanted.mount_path != SCRATCH_PATH:
        raise GridrayError(
            f"this node cannot put scratch space at --scratch_mount_path {wanted.mount_path}: "
            f"{trouble}; leave the option out, and use ${VARIABLE}"
        )
    return Scratch(directory, None)


def _trouble(directory: Path, place: str) -> str | None:
    """Return why the directory cannot be put at a place; None: it can."""
    for needed in (directory, Path(sys.executable).resolve(), Path(mounting.__file__)):
        if needed.is_relative_to(place):
            return f"{needed} is below it"
    is_new = not os.path.lexists(place)
    try:
        # What does not see the mount shall not be able to take the place for its own.
        Path(place).mkdir(mode=0o555, parents=True, exist_ok=True)
        if not stat.S_ISDIR(os.lstat(place).st_mode):
            return "it is a link"
    except OSError as error:
        return f"it cannot be made: {error.strerror}"
    trouble = _probe(directory, place)
    if trouble is not None and is_new:
        with suppress(OSError):
            os.rmdir(place)
    return trouble


def _probe(directory: Path, place: str) -> str | None:
    """Return why a directory cannot be mounted here, and be lived with; None: it can."""
    try:
        done = subprocess.run(
            (*_mounting(directory, place), sys.executable, "-I", "-S", "-c", ""),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PROBE_TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        return "that took too long"
    if done.returncode == 0:
        return None
    if done.returncode != mounting.CANNOT_MOUNT:
        return "it would hide what programs need"
    return done.stderr.decode("utf-8", "replace").strip().rpartition(": ")[2] or "it failed"


def _mounting(directory: Path, place: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", mounting.__file__, str(directory), place)


def _size(count: int) -> str:
    return f"{count / 10**9:,.1f} GB"
