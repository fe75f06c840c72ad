"""The files below a working directory that scripts write their metrics to, by their names."""

import os
import time
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from gridray.runner.metrics.birth import born_at
from gridray.runner.metrics.events import EventFile
from gridray.runner.metrics.growing import DamagedFileError, GrowingFile, Sample
from gridray.runner.metrics.names import is_event_file
from gridray.runner.metrics.rows import CsvTable, JsonLines

# A directory, and a kind of file in it: two of them never share a name.
Source = tuple[str, str]
# What files are ordered by.
_Age = tuple[int, float, str]


class MetricFiles:
    """Reads on in the files; `complaints` tell what cannot be understood, by path."""

    def __init__(self, root: Path, before: Collection[str]) -> None:
        """Name the working directory, and what was in it (relative paths) before the script."""
        self._root = root
        self._files: dict[str, GrowingFile] = {}
        self._ages: dict[str, _Age] = {}
        self._left: set[str] = set()
        self.complaints: dict[str, str] = {}
        for path in sorted(before):
            # It was made, or brought here, before the script: its own time means nothing.
            self._open(path, 0.0)
            self._skip(path)

    def samples(
        self, paths: Collection[str], *, is_last: bool
    ) -> Iterator[tuple[Source, Iterator[Sample]]]:
        """Yield what is new in files, by source; those that have gone are nothing to speak of."""
        now = time.time()
        for path in paths:
            if path not in self._files:
                self._open(path, born_at(self._root / path) or now)
        for path in sorted(paths, key=self._ages.__getitem__):
            if path not in self._left:
                yield _source(path), self._read(path, is_last)

    def _read(self, path: str, is_last: bool) -> Iterator[Sample]:
        file = self._files[path]
        try:
            yield from file.samples(is_last=is_last)
        except FileNotFoundError:
            return
        except (DamagedFileError, OSError) as error:
            self._leave(path, error)
        if file.complaint is not None and path not in self._left:
            self.complaints[path] = file.complaint

    def _open(self, path: str, born: float) -> None:
        self._ages[path] = _age(path, born)
        name = PurePosixPath(path).name
        kind: type[GrowingFile] = JsonLines if name.endswith(".jsonl") else CsvTable
        self._files[path] = (EventFile if is_event_file(name) else kind)(self._root / path)

    def _skip(self, path: str) -> None:
        try:
            self._files[path].skip()
        except FileNotFoundError:
            return
        except OSError as error:
            self._leave(path, error)

    def _leave(self, path: str, error: Exception) -> None:
        self._left.add(path)
        self.complaints[path] = f"{error}; the rest of it was left out"


def _age(path: str, born: float) -> _Age:
    """Return what brings files into one order, whenever they are seen: when they were made.

    Event files have that in their names, in seconds, as in `events.out.tfevents.1700000000.host`.
    """
    name = os.path.basename(path)
    stamps = name.split("tfevents.")[1:] if is_event_file(name) else []
    stamp = stamps[0].split(".")[0] if stamps else ""
    return (int(stamp) if stamp.isdecimal() else int(born)), born, path


def _source(path: str) -> Source:
    directory, name = os.path.split(path)
    return directory, "events" if is_event_file(name) else name
