"""Where the files of a new version come from: a directory or one file of this machine."""

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from gridray.archive import shown
from gridray.datastores.manifest import DataFile
from gridray.errors import DatastoreError

PIECE = 4 * 1024 * 1024
# A file that was written to this shortly before it was read may change once more within one tick of
# the file system's clock, unseen.
CLOCK_TICK_NS = 50_000_000


class Origin(Protocol):
    """Files that can be listed once, and read in pieces."""

    def files(self) -> list[DataFile]:
        """Return all there are, without the hashes of their contents."""

    def identity(self, file: DataFile) -> str | None:
        """Return a text that changes when the file does; None: it is not to be remembered."""

    def content(self, file: DataFile) -> Iterator[bytes]:
        """Yield the content in pieces.

        Raises:
            DatastoreError: it cannot be read, or is not what was listed.
        """


class Directory:
    """The files below a directory, or a single file.

    Symbolic links are kept as what they are, if they lead to something in the directory.
    """

    def __init__(self, path: Path, *, remember: bool = True) -> None:
        """Name it.

        Args:
            remember: whether the same files may be seen again.
        """
        self._root = path.resolve()
        self._single = None if self._root.is_dir() else self._root.name
        self._base = self._root if self._single is None else self._root.parent
        self._remember = remember
        self._seen: dict[str, tuple[int, ...]] = {}
        self._listed_at = 0

    def files(self) -> list[DataFile]:
        self._listed_at = time.time_ns()
        found: list[DataFile] = []
        try:
            if self._single is not None:
                self._add(self._single, self._root.stat(), found)
                return found
            directories = [""]
            while directories:
                directories += self._list(directories.pop(), found)
        except OSError as error:
            raise _unreadable(error.filename or self._root, error) from error
        return found

    def _list(self, prefix: str, found: list[DataFile]) -> list[str]:
        """Add the files of one directory, and return the directories in it."""
        directories = []
        with os.scandir(os.path.join(self._root, prefix)) as entries:
            for entry in entries:
                path = prefix + entry.name
                if entry.is_dir(follow_symlinks=False):
                    directories.append(f"{path}/")
                else:
                    self._add(path, entry.stat(follow_symlinks=False), found)
        return directories

    def _add(self, path: str, status: os.stat_result, found: list[DataFile]) -> None:
        if stat.S_ISLNK(status.st_mode):
            found.append(DataFile(path, 0, link=self._link(path)))
        elif stat.S_ISREG(status.st_mode):
            found.append(DataFile.executable_or_not(path, status.st_size, status.st_mode))
            self._seen[path] = _seen(status)
        else:
            raise DatastoreError(
                f"{shown(path)} is neither a file, a directory nor a link",
                hint="take it out of the directory",
            )

    def _link(self, path: str) -> str:
        """Return the target of a link, relative to where the link is."""
        full = os.path.join(self._base, path)
        target = os.readlink(full)
        top = os.path.realpath(self._base)
        real = os.path.realpath(full)
        if os.path.commonpath([top, real]) != top:
            raise DatastoreError(
                f"the link {shown(path)} leads to {shown(target)}, out of the data set",
                hint="put a copy of what it leads to in its place",
            )
        if not os.path.isabs(target):
            return target
        return os.path.relpath(real, os.path.dirname(os.path.join(top, path)))

    def identity(self, file: DataFile) -> str | None:
        seen = self._seen.get(file.path)
        if seen is None or not self._remember:
            return None
        if max(seen[2], seen[3]) > self._listed_at - CLOCK_TICK_NS:
            return None
        return f"{self._base}/{file.path}\0{seen}"

    def content(self, file: DataFile) -> Iterator[bytes]:
        full = os.path.join(self._base, file.path)
        try:
            with open(full, "rb", buffering=0) as stream:
                while piece := stream.read(PIECE):
                    yield piece
                after = _seen(os.fstat(stream.fileno()))
        except OSError as error:
            raise _unreadable(full, error) from error
        if after != self._seen[file.path]:
            raise DatastoreError(
                f"{shown(file.path)} changed while it was read",
                hint="type the same again when nothing writes to it",
            )


def _seen(status: os.stat_result) -> tuple[int, ...]:
    return (
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_dev,
    )


def _unreadable(path: str | Path, error: OSError) -> DatastoreError:
    return DatastoreError(f"{shown(os.fspath(path))} cannot be read: {error.strerror}")
