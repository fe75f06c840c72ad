"""However many points there are: the first, the last and the extremes stay, and few others."""

import math
import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gridray.metricrecords import Chunk, Point, summarize
from gridray.runner.metrics.thinning import UNTHINNED, Series


def series(values: list[float]) -> Series:
    made = Series()
    for step, value in enumerate(values):
        made.add(Point(step, float(step), value))
    return made


def test_few_points_are_all_kept() -> None:
    values = [float(step) for step in range(UNTHINNED)]
    assert [point.value for point in series(values).points()] == values


def test_a_million_points_become_some_thousand() -> None:
    made = Series()
    noise = random.Random(7)
    extremes = {123_457: 50.0, 777_777: -50.0}
    most = 0
    kept: list[Point] = []
    for step in range(1_000_000):
        made.add(Point(step, 0.0, extremes.get(step, noise.random())))
        most = max(most, len(made.points()) if step % 4096 == 0 else 0)
        if len(made.kept) > 4096:
            kept += made.taken()
    kept += made.points()
    assert most < 8192 and len(kept) < 25_000
    assert (kept[0].step, kept[-1].step) == (0, 999_999)
    assert {point.step for point in kept} >= extremes.keys()
    steps = [point.step for point in kept]
    assert steps == sorted(set(steps))
    later = [step for step in steps if step >= 500_000]
    assert len(later) >= 1000 and max(b - a for a, b in pairwise(later)) < 2000
    summary = made.summary()
    assert summary is not None and summary.count == 1_000_000
    assert (summary.greatest_step, summary.least_step) == (123_457, 777_777)


@given(st.lists(st.floats(), min_size=1))
def test_the_summary_is_that_of_all_points(values: list[float]) -> None:
    points = [Point(step, 0.0, value) for step, value in enumerate(values)]
    found, expected = series(values).summary(), summarize(points)
    assert found is not None and expected is not None
    assert found.to_json() == expected.to_json()


def test_nan_hides_no_extreme() -> None:
    values = [math.nan if step % 2 else float(step) for step in range(10_000)]
    kept = [point.value for point in series(values).points()]
    assert 9998.0 in kept and 0.0 in kept and math.isnan(kept[-1])


def test_those_that_are_kept_stand_for_all() -> None:
    noise = random.Random(7)
    found = series([noise.random() for _ in range(100_000)]).points()
    counted = 0
    for point in found:
        counted += point.stands_for
        assert point.step == counted - 1
    assert counted == 100_000 and Chunk.from_json(Chunk({"n": found}).to_json()).points["n"] == [
        point._replace(time=round(point.time, 3)) for point in found
    ]
