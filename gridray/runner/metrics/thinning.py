"""The points of one metric, thinned as they come: first, last and extremes are kept."""

import math

from gridray.metricrecords import Point, Step, Summary

# Up to here every point is kept. From then on, buckets of as many points as there have been of
# these; of each, the least, the greatest and the last point are kept. So what was stored is never
# touched again, and the latest half of a curve is always as dense as a picture needs.
UNTHINNED = 1024


class Series:
    """A metric.

    `kept` are those of its points that are decided about and were not taken; `count` and
    `first_step`, the least one, are of all.
    """

    def __init__(self) -> None:
        self.kept: list[Point] = []
        self.first_step: Step = math.inf
        self.count = 0
        self._first: Point | None = None
        self._last: Point | None = None
        self._least: Point | None = None
        self._greatest: Point | None = None
        self._room = 1
        self._thin_from = UNTHINNED
        self._bucket: list[Point] = []
        self._filled = 0

    def add(self, point: Point) -> None:
        if self.count >= self._thin_from:
            self._room *= 2
            self._thin_from *= 2
        self.count += 1
        self.first_step = min(self.first_step, point.step)
        self._first = self._first or point
        self._last = point
        value = point.value
        if self._least is None or value < self._least.value or _is_nan(self._least):
            self._least = point
        if self._greatest is None or value > self._greatest.value or _is_nan(self._greatest):
            self._greatest = point
        if self._room == 1:
            self.kept.append(point)
            return
        self._filled += 1
        self._bucket = _thinned(self._bucket, point)
        if self._filled >= self._room:
            self.kept += self._bucket
            self._bucket, self._filled = [], 0

    def taken(self) -> list[Point]:
        """Take what is kept away."""
        taken, self.kept = self.kept, []
        return taken

    def points(self) -> list[Point]:
        """Return what is kept, and what is until now of those that are not decided about."""
        return self.kept + self._bucket

    def summary(self) -> Summary | None:
        """Return what all points come to; None: there are none."""
        first, last, least, greatest = self._first, self._last, self._least, self._greatest
        if first is None or last is None or least is None or greatest is None:
            return None
        return Summary(
            first.value,
            last.value,
            least.value,
            greatest.value,
            self.count,
            last.step,
            least.step,
            greatest.step,
        )


def _thinned(bucket: list[Point], point: Point) -> list[Point]:
    """Return the least, the greatest and the last of a bucket's points, in their order."""
    together = [*bucket, point]
    if len(together) <= 2:
        return together
    finite = [each for each in together if not _is_nan(each)] or together
    least = min(finite, key=lambda each: each.value)
    greatest = max(finite, key=lambda each: each.value)
    kept, left_out = [], 0
    for each in together:
        if each is least or each is greatest or each is point:
            kept.append(each._replace(stands_for=each.stands_for + left_out) if left_out else each)
            left_out = 0
        else:
            left_out += each.stands_for
    return kept


def _is_nan(point: Point) -> bool:
    return point.value != point.value
