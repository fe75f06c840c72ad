"""The log of a build: live in the store, and on the node for those who find it built."""

import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from gridray.errors import BuildError, StoreError
from gridray.layout import AttemptName
from gridray.runner.log import LogWriter
from gridray.runner.periodic import Aside
from gridray.store import Store

STREAM = "build"
LOOK_INTERVAL = 0.2
# Seconds that are given to what was printed last when the attempt is to end.
LAST_FLUSH = 2.0
# What of a long log is written again.
REPLAYED = 256 * 1024
TAIL = 8 * 1024
LINES_TOLD = 4
LENGTH_TOLD = 600


class BuildLog:
    """A context, at whose end all of it is in the store."""

    def __init__(self, store: Store, name: AttemptName, heed: Callable[[], None]) -> None:
        self._writer = LogWriter(store, name, STREAM)
        self._heed = heed
        self._file: BinaryIO | None = None
        self._tail = b""

    def __enter__(self) -> "BuildLog":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()
        closing = Aside(self._writer.close)
        if error is None or isinstance(error, BuildError):
            while not closing.is_over(LOOK_INTERVAL):
                self._heed()
            return
        try:
            closing.is_over(LAST_FLUSH)
        except StoreError:
            return

    def keep_in(self, path: Path) -> None:
        """Write what comes into a file as well."""
        self._file = path.open("wb", buffering=0)

    def write(self, data: bytes) -> None:
        self._writer.write(data)
        self._tail = (self._tail + data)[-TAIL:]
        if self._file is not None:
            try:
                self._file.write(data)
            except OSError:
                # A full disk. The store has it.
                self._file = None

    def tell(self, line: str) -> None:
        """Write a line of our own."""
        self.write(f"{line}\n".encode(errors="surrogateescape"))

    def replay(self, path: Path, title: str) -> None:
        """Write what another attempt has kept."""
        self.tell(title)
        try:
            with path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - REPLAYED))
                self.write(file.read())
        except OSError:
            return

    def begin_part(self) -> None:
        """Let the last lines be those of what comes."""
        self._tail = b""

    def last_lines(self) -> str:
        """Return what a part has printed last, or of its error, as one line for a message."""
        lines = [line.strip() for line in self._tail.decode(errors="replace").splitlines()]
        told = [line for line in lines if line]
        errors = [place for place, line in enumerate(told) if line.startswith("error:")]
        return "; ".join(told[errors[-1] if errors else -LINES_TOLD :])[-LENGTH_TOLD:]
