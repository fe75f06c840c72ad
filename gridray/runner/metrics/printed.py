"""Metrics that a script prints, chosen by their names with `--metric NAME[=REGEX]`."""

import re
import threading
import time
from collections.abc import Mapping

from gridray.metricrecords import Point
from gridray.runner.metrics.matching import Found, pair, search
from gridray.runner.metrics.searching import Searcher
from gridray.runner.metrics.thinning import Series

LINE_END = re.compile(rb"[\r\n]")
LONGEST_LINE = 4096


class Printed:
    """Finds the values in what comes through a pipe, which another thread takes."""

    def __init__(self, expressions: Mapping[str, str | None]) -> None:
        """Name the metrics, each with its regular expression; None: pairs of its name."""
        self._pairs = {name: pair(name) for name, text in expressions.items() if not text}
        own = {name: text for name, text in expressions.items() if text}
        self._searcher = Searcher(own, self._add) if own else None
        self._rest = b""
        self._lock = threading.Lock()
        self.series = {name: Series() for name in expressions}
        self._counts = dict.fromkeys(expressions, 0)

    @property
    def lock(self) -> threading.Lock:
        """To be held by who takes points from `series`."""
        return self._lock

    @property
    def complaint(self) -> str | None:
        """Why some metrics are not looked for any more."""
        return None if self._searcher is None else self._searcher.complaint

    def feed(self, data: bytes) -> None:
        """Take what was printed."""
        *lines, rest = LINE_END.split(self._rest + data)
        self._rest = rest[-LONGEST_LINE:]
        for line in lines:
            if line:
                self._look_at(line[-LONGEST_LINE:].decode(errors="replace"))

    def finish(self) -> None:
        """Take a last line that has no end, and wait until all of them have been looked at."""
        rest, self._rest = self._rest, b""
        if rest:
            self._look_at(rest.decode(errors="replace"))
        if self._searcher is not None:
            self._searcher.finish()

    def _look_at(self, line: str) -> None:
        # A name that is not in a line need not be looked for in earnest.
        named = {name: each for name, each in self._pairs.items() if name in line}
        for found in search(named, line):
            self._add(found)
        if self._searcher is not None:
            self._searcher.feed(line)

    def _add(self, found: Found) -> None:
        with self._lock:
            count = self._counts[found.name]
            step = count if found.step is None else found.step
            self.series[found.name].add(Point(step, time.time(), found.value))
            self._counts[found.name] = count + 1
