"""Metrics that a script prints, chosen by their names with `--metric NAME[=REGEX]`."""

import re
import threading
import time
from collections.abc import Mapping

from gridray.metricrecords import Point, Step
from gridray.runner.metrics.thinning import Series

NUMBER = r"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|(?i:nan|inf(?:inity)?)\b)"
# `NAME: 1.2`, `NAME=1.2`, `NAME 1.2`; the name not as the end of another one.
PAIR = r"(?<![\w./-]){name}[\"']?\s*[:=\s]\s*({number})"
STEP = re.compile(r"(?i)(?<![\w./-])(?:(?:global_?)?step|iter(?:ation)?|epoch)\b\s*[:=#\s]\s*(\d+)")
LINE_END = re.compile(rb"[\r\n]")
LONGEST_LINE = 4096
VALUE_GROUP, STEP_GROUP = "value", "step"


class Printed:
    """Finds the values in what comes through a pipe, which another thread takes."""

    def __init__(self, expressions: Mapping[str, str | None]) -> None:
        """Name the metrics, each with its regular expression; None: pairs of its name."""
        self._patterns = {
            name: re.compile(text or PAIR.format(name=re.escape(name), number=NUMBER))
            for name, text in expressions.items()
        }
        # A name that is not in a line need not be looked for in earnest.
        self._needed = {name: name for name, text in expressions.items() if not text}
        self._rest = b""
        self._lock = threading.Lock()
        self.series = {name: Series() for name in expressions}
        self._counts = dict.fromkeys(expressions, 0)

    @property
    def lock(self) -> threading.Lock:
        """To be held by who takes points from `series`."""
        return self._lock

    def feed(self, data: bytes) -> None:
        """Take what was printed."""
        *lines, rest = LINE_END.split(self._rest + data)
        self._rest = rest[-LONGEST_LINE:]
        for line in lines:
            if line:
                self._look_at(line[-LONGEST_LINE:].decode(errors="replace"))

    def finish(self) -> None:
        """Take a last line that has no end."""
        rest, self._rest = self._rest, b""
        self._look_at(rest.decode(errors="replace"))

    def _look_at(self, line: str) -> None:
        for name, pattern in self._patterns.items():
            if self._needed.get(name, "") not in line:
                continue
            for match in pattern.finditer(line):
                value = _value(match)
                if value is not None:
                    self._add(name, self._step(name, match, line), value)

    def _add(self, name: str, step: Step, value: float) -> None:
        with self._lock:
            self.series[name].add(Point(step, time.time(), value))
            self._counts[name] += 1

    def _step(self, name: str, match: "re.Match[str]", line: str) -> Step:
        """Return the step that the line names; one that names none is counted."""
        named = match.groupdict().get(STEP_GROUP)
        found = STEP.search(line) if named is None else None
        text = named if found is None else found[1]
        return int(text) if text and text.isdecimal() else self._counts[name]


def _value(match: "re.Match[str]") -> float | None:
    """Return the number of a group `value`, or of the first group, or of the whole match."""
    groups = match.groupdict()
    if VALUE_GROUP in groups:
        text = groups[VALUE_GROUP]
    else:
        text = match[1] if match.re.groups else match[0]
    try:
        return float(text)
    except (TypeError, ValueError):
        return None
