"""Metrics as the store keeps them: points in chunks, and what they come to, by name.

JSON has no NaN and no infinities, so these are strings. Times are Unix times in seconds.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

# What the runner itself measures is below this, so that no script's name is taken for it.
SYSTEM = "system/"

Step = int | float


class Point(NamedTuple):
    """One value of a metric; it stands for itself and those before it that thinning left out."""

    step: Step
    time: float
    value: float
    stands_for: int = 1


@dataclass(frozen=True)
class Summary:
    """What the values of one metric come to.

    `least` and `greatest` leave out NaN, unless there is nothing else. `count` is of all values
    that were there, also of those that thinning has left out, but not of those whose steps a later
    attempt did again; where such steps begin among values that were left out, it goes by their
    steps being evenly spaced.
    """

    first: float
    last: float
    least: float
    greatest: float
    count: int
    last_step: Step
    least_step: Step
    greatest_step: Step

    def and_then(self, later: "Summary") -> "Summary":
        """Return what these values and later ones come to together."""
        least = _better(self, later, "least", 1)
        greatest = _better(self, later, "greatest", -1)
        return Summary(
            first=self.first,
            last=later.last,
            least=least.least,
            greatest=greatest.greatest,
            count=self.count + later.count,
            last_step=later.last_step,
            least_step=least.least_step,
            greatest_step=greatest.greatest_step,
        )

    def to_json(self) -> list[Any]:
        values = map(to_number, (self.first, self.last, self.least, self.greatest))
        return [*values, self.count, self.last_step, self.least_step, self.greatest_step]

    @classmethod
    def from_json(cls, raw: Sequence[Any]) -> "Summary":
        *values, count, last_step, least_step, greatest_step = raw
        first, last, least, greatest = map(float, values)
        return cls(first, last, least, greatest, count, last_step, least_step, greatest_step)


Summaries = Mapping[str, Summary]


def of_point(point: Point) -> Summary:
    """Return the summary of a single value."""
    step, _, value, count = point
    return Summary(value, value, value, value, count, step, step, step)


def summarize(points: Iterable[Point]) -> Summary | None:
    """Return what points come to, in their order; None: there are none."""
    found: Summary | None = None
    for point in points:
        one = of_point(point)
        found = one if found is None else found.and_then(one)
    return found


def _by_step(points: Iterable[Point]) -> dict[Step, Point]:
    """Return the points of an attempt by step; the last of a step stands for all of them."""
    found: dict[Step, Point] = {}
    for point in points:
        old = found.get(point.step)
        found[point.step] = (
            point._replace(stands_for=point.stands_for + old.stands_for) if old else point
        )
    return found


def until(points: Mapping[Step, Point], first: Step) -> tuple[dict[Step, Point], int]:
    """Return those of an experiment's points that are before the first step of a later attempt.

    Returns:
        The points, and how many values were left out between the last of them and that step.
    """
    kept = {step: each for step, each in points.items() if step < first}
    if len(kept) == len(points) or not kept:
        return kept, 0
    last, beyond = max(kept), points[min(step for step in points if step >= first)]
    # Rounded up, and without the error of a quotient of large numbers.
    share = -int(-beyond.stands_for * (first - last) // (beyond.step - last))
    return kept, share - 1


def joined(before: Mapping[Step, Point], points: Sequence[Point]) -> dict[Step, Point]:
    """Return an experiment's points after another attempt, which replaces what it did again."""
    own = _by_step(points)
    first = min(own)
    kept, left_out = until(before, first)
    own[first] = own[first]._replace(stands_for=own[first].stands_for + left_out)
    return kept | own


def _better(one: Summary, other: Summary, name: str, sign: int) -> Summary:
    """Return the summary that has the smaller value of a name (the greater one: `sign` -1)."""
    mine, theirs = getattr(one, name), getattr(other, name)
    if math.isnan(mine):
        return other
    return other if sign * theirs < sign * mine else one


def to_number(value: float) -> float | str:
    """Return a number as JSON has it."""
    return value if math.isfinite(value) else str(float(value))


def summaries_to_json(summaries: Summaries) -> dict[str, list[Any]]:
    return {name: each.to_json() for name, each in summaries.items()}


def summaries_from_json(raw: Mapping[str, Any]) -> dict[str, Summary]:
    return {name: Summary.from_json(each) for name, each in raw.items()}


@dataclass(frozen=True)
class Chunk:
    """`metrics/<i>.json` of an attempt: points by name, in the order in which they came."""

    points: Mapping[str, Sequence[Point]]

    def to_json(self) -> dict[str, Any]:
        return {"points": {name: _columns(points) for name, points in self.points.items()}}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Chunk":
        found = {}
        for name, (steps, times, values, *counts) in raw["points"].items():
            rows = zip(steps, times, map(float, values), *counts, strict=True)
            found[name] = [Point(*row) for row in rows]
        return cls(found)


def _columns(points: Sequence[Point]) -> list[list[Any]]:
    """Return steps, times and values; and counts, where thinning has begun."""
    columns: list[list[Any]] = [
        [point.step for point in points],
        [round(point.time, 3) for point in points],
        [to_number(point.value) for point in points],
    ]
    counts = [point.stands_for for point in points]
    return [*columns, counts] if any(count > 1 for count in counts) else columns


@dataclass(frozen=True)
class AttemptMetrics:
    """`summary.json` of an attempt: what all metrics of its experiment come to until then.

    `notes` tell what could not be read. `directories` are those of the files that metrics of this
    attempt were read from, with the names of the metrics; what is printed or measured has none.
    """

    metrics: Summaries
    notes: tuple[str, ...] = ()
    directories: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "metrics": summaries_to_json(self.metrics),
            "notes": list(self.notes),
            "directories": self.directories,
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "AttemptMetrics":
        summaries = summaries_from_json(raw["metrics"])
        directories = dict(raw.get("directories", {}).items())
        return cls(summaries, tuple(raw.get("notes", ())), directories)


@dataclass(frozen=True)
class ExperimentMetrics:
    """What an experiment's metrics come to, with all attempts until `attempt` in them."""

    attempt: int
    metrics: Summaries

    def to_json(self) -> list[Any]:
        return [self.attempt, summaries_to_json(self.metrics)]

    @classmethod
    def from_json(cls, raw: Sequence[Any]) -> "ExperimentMetrics":
        attempt, metrics = raw
        return cls(attempt, summaries_from_json(metrics))


@dataclass(frozen=True)
class RunMetrics:
    """`metrics.json` of a run: of the experiments that have had an attempt, by their numbers."""

    experiments: Mapping[int, ExperimentMetrics] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"experiments": {str(i): each.to_json() for i, each in self.experiments.items()}}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "RunMetrics":
        found = raw["experiments"].items()
        return cls({int(index): ExperimentMetrics.from_json(each) for index, each in found})
