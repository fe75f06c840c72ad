"""A file that a script writes its metrics to, and that is read on as it grows."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from gridray.metricrecords import Step

# Unix times (s) end here, in the year 5138.
LATEST = 1e11
# So much of what was read last tells a file that goes on from one that was written anew.
MARK = 64


class Sample(NamedTuple):
    """One value as a script has written it; without a step or a time where it gave none."""

    name: str
    step: Step
    time: float | None
    value: float


class DamagedFileError(Exception):
    """The rest of a file cannot be understood."""


class GrowingFile:
    """A file, and how much of it has been read; kinds of files differ in `_read`.

    `complaint` is what of it could not be understood, if the rest can be.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0
        self.complaint: str | None = None
        self._mark = b""
        self._seen: tuple[int, int, int] | None = None

    def skip(self) -> None:
        """Leave out what is there.

        Raises:
            OSError: it cannot be read.
        """
        with open(self.path, "rb") as file:
            self._skip(file)
            self._remember(file)

    def samples(self, *, is_last: bool = False) -> Iterator[Sample]:
        """Yield what is new; what is written only in part waits, unless this is the last time.

        Raises:
            DamagedFileError: the rest cannot be understood.
            OSError: it cannot be read.
        """
        status = os.lstat(self.path)
        seen = (status.st_size, status.st_mtime_ns, status.st_ino)
        if not stat.S_ISREG(status.st_mode) or (seen == self._seen and not is_last):
            return
        with open(self.path, "rb") as file:
            if not self._goes_on(file, status.st_size):
                self.offset = 0
                self._begin_anew()
            file.seek(self.offset)
            yield from self._read(file, status.st_size, is_last)
            self._remember(file)
        self._seen = seen

    def _goes_on(self, file: BinaryIO, size: int) -> bool:
        """Whether what was read before is still there."""
        if size < self.offset:
            return False
        file.seek(self.offset - len(self._mark))
        return file.read(len(self._mark)) == self._mark

    def _remember(self, file: BinaryIO) -> None:
        length = min(MARK, self.offset)
        file.seek(self.offset - length)
        self._mark = file.read(length)

    def _skip(self, file: BinaryIO) -> None:
        self.offset = file.seek(0, os.SEEK_END)

    def _begin_anew(self) -> None:
        """Take a file that was written anew for another one."""

    def _read(self, file: BinaryIO, size: int, is_last: bool) -> Iterator[Sample]:
        """Yield what comes after `offset`, of a file that had `size` bytes, and move `offset`."""
        raise NotImplementedError
