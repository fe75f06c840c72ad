"""What a line of output says of metrics."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

NUMBER = r"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|(?i:nan|inf(?:inity)?)\b)"
# `NAME: 1.2`, `NAME=1.2`, `NAME 1.2`; the name not as the end of another one.
PAIR = r"(?<![\w./-]){name}[\"']?(?:\s*[:=]\s*|\s+)({number})"
STEP = re.compile(
    r"(?i)(?<![\w./-])(?:(?:global_?)?step|iter(?:ation)?|epoch)\b(?:\s*[:=#]\s*|\s+)(\d+)"
)
# As many as all that will read a step can take.
STEP_DIGITS = 15
VALUE_GROUP, STEP_GROUP = "value", "step"


class Found(NamedTuple):
    """A value of a metric; `step` is None where the line names none."""

    name: str
    step: int | None
    value: float


Patterns = Mapping[str, "re.Pattern[str]"]


def pair(name: str) -> "re.Pattern[str]":
    """Return the expression for pairs of a name and a number."""
    return re.compile(PAIR.format(name=re.escape(name), number=NUMBER))


def search(patterns: Patterns, line: str) -> Iterator[Found]:
    """Yield what a line says of the metrics that have these expressions."""
    for name, pattern in patterns.items():
        for match in pattern.finditer(line):
            value = _value(match)
            if value is not None:
                yield Found(name, _step(match, line), value)


def _step(match: "re.Match[str]", line: str) -> int | None:
    named = match.groupdict().get(STEP_GROUP)
    found = STEP.search(line) if named is None else None
    text = named if found is None else found[1]
    return int(text) if text and text.isdecimal() and len(text) <= STEP_DIGITS else None


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
