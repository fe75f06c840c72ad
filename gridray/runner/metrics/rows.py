"""Metrics in lines of text: `metrics.jsonl`, and tables like Lightning's `metrics.csv`."""

import csv
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from gridray.metricrecords import Step
from gridray.runner.metrics.growing import LATEST, GrowingFile, Sample

# What scripts call the step; the first that a row has is taken.
STEPS = ("step", "global_step", "_step", "iteration", "iter", "epoch")
# What they call the time, if it is one: after 2001.
TIMES = ("time", "timestamp", "_timestamp", "wall_time")
EARLIEST = 1e9
NOT_FINITE = ("nan", "inf", "-inf", "infinity", "-infinity")
LONGEST_LINE = 1024 * 1024
DEEPEST = 4


class LineFile(GrowingFile):
    """A file of lines, each of them a row."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._rows = 0

    def _skip(self, file: BinaryIO) -> None:
        for line in iter(lambda: file.readline(LONGEST_LINE), b""):
            self.offset += len(line)
            if line.endswith(b"\n"):
                self._row(line)

    def _begin_anew(self) -> None:
        self._rows = 0

    def _read(self, file: BinaryIO, size: int, is_last: bool) -> Iterator[Sample]:
        while line := file.readline(LONGEST_LINE):
            if not line.endswith(b"\n"):
                if len(line) == LONGEST_LINE:
                    self.complaint = f"line {self._rows + 1:,} is too long"
                    self.offset += len(line)
                    continue
                if not is_last:
                    return
            self.offset += len(line)
            yield from self._row(line)

    def _row(self, line: bytes) -> Iterable[Sample]:
        """Return what a line has, and count it."""
        raise NotImplementedError

    def _complain(self) -> None:
        if self.complaint is None:
            self.complaint = f"line {self._rows + 1:,} cannot be understood"


# Above, not every whole number is one of JSON's, whose numbers are doubles.
EXACT = 2.0**53


class JsonLines(LineFile):
    """A JSON object a line; numbers below others get names like `val/loss`."""

    def _row(self, line: bytes) -> Iterable[Sample]:
        try:
            raw = json.loads(line) if line.strip() else {}
        except (ValueError, RecursionError):
            raw = None
        if not isinstance(raw, dict):
            self._complain()
            raw = {}
        self._rows += 1
        return _samples(dict(_flat(raw)), self._rows - 1)


class CsvTable(LineFile):
    """A table whose first line names its columns; empty cells are no values."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._names: list[str] = []
        self._last: Mapping[str, str] = {}
        self._before: tuple[int, Mapping[str, str]] | None = None

    def _begin_anew(self) -> None:
        """Read it from its beginning: rows that were there before are passed over.

        Lightning writes all of its rows anew when another column comes.
        """
        self._before = self._rows, self._last
        self._rows, self._names, self._last = 0, [], {}

    def _read(self, file: BinaryIO, size: int, is_last: bool) -> Iterator[Sample]:
        if self._before is not None:
            self._pass_over(file, *self._before)
            self._before = None
        yield from super()._read(file, size, is_last)

    def _pass_over(self, file: BinaryIO, count: int, last: Mapping[str, str]) -> None:
        """Move behind the rows that have been read, if they are there."""
        begin = file.tell()
        while self._rows < count and (line := file.readline(LONGEST_LINE)).endswith(b"\n"):
            self.offset += len(line)
            self._row(line)
        if self._rows < count or not last.items() <= self._last.items():
            self.offset, self._rows, self._names, self._last = 0, 0, [], {}
            file.seek(begin)

    def _row(self, line: bytes) -> Iterable[Sample]:
        try:
            cells = next(csv.reader([line.decode(errors="replace").rstrip("\r\n")]), [])
        except csv.Error:
            self._complain()
            cells = []
        if not self._names:
            self._names = [cell.strip() for cell in cells]
            return ()
        if not cells:
            return ()
        found = {name: cell for name, cell in zip(self._names, cells, strict=False) if cell.strip()}
        self._last = found
        self._rows += 1
        return _samples(found, self._rows - 1)


def _samples(row: Mapping[str, Any], number: int) -> Iterator[Sample]:
    """Yield the numbers of a row; the number of the row is its step if it names none."""
    found = {name: value for name, cell in row.items() if (value := _number(cell)) is not None}
    steps = {name.lower(): value for name, value in found.items() if math.isfinite(value)}
    step = next((steps[name] for name in STEPS if name in steps), float(number))
    times = {name: value for name, value in found.items() if _is_time(name, value)}
    time = next(iter(times.values()), None)
    for name, value in found.items():
        if name.lower() not in STEPS and name not in times:
            yield Sample(name, _step(step), time, value)


def _is_time(name: str, value: float) -> bool:
    return name.lower() in TIMES and EARLIEST < value < LATEST


def _step(value: float) -> Step:
    """Return a whole number as one, unless it is too large for all that will read it."""
    return int(value) if value == int(value) and abs(value) < EXACT else value


def _number(value: Any) -> float | None:
    """Return what is a number, or text that is one in a table; None for all else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        try:
            return float(value)
        except OverflowError:
            return float("inf") if value > 0 else float("-inf")
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return None


def _flat(raw: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    for name, value in raw.items():
        if isinstance(value, dict) and depth < DEEPEST:
            yield from _flat(value, f"{prefix}{name}/", depth + 1)
        elif not isinstance(value, str) or value.lower() in NOT_FINITE:
            yield f"{prefix}{name}", value
