"""What ECharts is told."""

import json
import math

import pytest

from gridray.readers.metrics import Curve
from gridray.ui import charts
from gridray.ui.charts import Dot, Look

CURVE = Curve("loss", (0, 1, 2, 3), (10.0, 11.0, 12.5, 13.0), (4.0, math.nan, -1.0, math.inf))
DOTS = [
    Dot("a", {"lr": 0.1, "loss": 1.0, "kind": "big"}),
    Dot("b", {"lr": 0.001, "loss": 0.5, "kind": "small"}),
    Dot("c", {"lr": 0.01, "loss": math.nan, "kind": "small"}),
    Dot("d", {"lr": 0.01}),
]


def data(options: charts.Options) -> list[object]:
    json.dumps(options, allow_nan=False)
    found: list[object] = options["series"][0]["data"]
    return found


def test_what_is_no_number_leaves_a_gap() -> None:
    found = data(charts.lines({"a": CURVE}, Look()))
    assert found == [[0, 4.0], [1, None], [2, -1.0], [3, None]]


@pytest.mark.parametrize(
    "values, look, words",
    [
        ((math.nan,), Look(), "its only value is nan."),
        ((math.inf, math.nan, -math.inf), Look(), "all of its 3 values are -inf and inf and nan."),
        ((-1.0, 0.0), Look(log_y=True), "a logarithmic axis has no place for 0"),
        ((1.0, math.nan), Look(), ""),
    ],
)
def test_why_nothing_can_be_drawn(values: tuple[float, ...], look: Look, words: str) -> None:
    times = tuple(float(step) for step in range(len(values)))
    curve = Curve("loss", tuple(range(len(values))), times, values)
    found = charts.chart("loss", {"a": curve}, look, 100)
    assert words in found.words and bool(words) == bool(found.words)


def test_axes() -> None:
    by_time = data(charts.lines({"a": CURVE}, Look(by_time=True)))
    assert [each[0] for each in by_time] == [0.0, 1.0, 2.5, 3.0]  # type: ignore[index]
    logged = charts.lines({"a": CURVE}, Look(log_x=True, log_y=True))
    assert data(logged) == [[1, None], [2, None], [3, None]]
    assert logged["xAxis"]["type"] == logged["yAxis"]["type"] == "log"


def test_smoothing_begins_at_the_first_value_and_skips_what_is_no_number() -> None:
    assert charts.smoothed([1.0, 2.0], 0) == [1.0, 2.0]
    found = charts.smoothed([2.0, math.nan, 4.0], 0.5)
    assert found[0] == 2.0 and math.isnan(found[1])
    assert found[2] == pytest.approx((2.0 + 2 * 4.0) / 3)
    assert charts.smoothed([3.0] * 50, 0.9) == pytest.approx([3.0] * 50)


def test_a_point_for_each_experiment_that_has_both_values() -> None:
    found = charts.scatter(DOTS, "lr", "loss", log_x=True, log_y=False)
    assert data(found) == [
        {"name": "a", "value": [0.1, 1.0]},
        {"name": "b", "value": [0.001, 0.5]},
    ]
    named = charts.scatter(DOTS, "kind", "loss", log_x=True, log_y=False)
    assert named["xAxis"]["data"] == ["big", "small"]
    json.dumps(named, allow_nan=False)


def test_parallel_axes_show_each_of_few_values_in_order() -> None:
    found = charts.parallel(DOTS, ["lr", "kind"], "loss")
    assert [axis["name"] for axis in found["parallelAxis"]] == ["lr", "kind", "loss"]
    assert found["parallelAxis"][0]["data"] == ["0.001", "0.1"]
    assert data(found) == [
        {"name": "a", "value": ["0.1", "big", 1.0]},
        {"name": "b", "value": ["0.001", "small", 0.5]},
    ]
    data(charts.parallel([], ["lr"], "loss"))


def test_learning_rates_span_decades() -> None:
    assert charts.spans_decades([0.1, 0.001]) and not charts.spans_decades([16, 64])
    assert not charts.spans_decades([]) and not charts.spans_decades([0, 100])


def test_long_curves_are_thinned_and_keep_first_last_and_extremes() -> None:
    steps = range(15_000)
    values = [math.sin(step / 700) for step in steps]
    values[7_123], values[9_001] = 50.0, -50.0
    curve = Curve("loss", tuple(steps), tuple(map(float, steps)), tuple(values))
    curves = {f"exp{index}": curve for index in range(30)}
    most = charts.room(4, len(curves))
    for look in (Look(), Look(log_x=True), Look(by_time=True), Look(smoothing=0.9)):
        found = charts.lines(curves, look, most)
        # Four such charts are what a page has at first.
        assert 4 * len(json.dumps(found)) < 700_000
        points = found["series"][0]["data"]
        assert 100 < len(points) <= most
        assert [each[0] for each in points] == sorted(each[0] for each in points)
        assert (points[0][0], points[-1][0]) == (1 if look.log_x else 0, 14_999)
        if not look.smoothing:
            assert [7_123, 50.0] in points and [9_001, -50.0] in points
    assert charts.told_of_thinning([curve], most) and not charts.told_of_thinning([CURVE], most)


def test_a_thinned_curve_is_dense_everywhere_on_a_logarithmic_axis_and_keeps_its_gaps() -> None:
    points = [(step, None if 400 <= step < 500 else 1.0 / step) for step in range(1, 10_001)]
    found = charts.thinned(points, 302, is_log=True)
    assert len(found) <= 302 and sum(x <= 100 for x, _ in found) > 50
    assert any(y is None for _, y in found)
    # Where time goes back, as after a change of the clock, parts have equally many points.
    back = [(abs(step - 5_000), float(step)) for step in range(10_000)]
    assert len(charts.thinned(back, 100, is_log=False)) <= 100
    still = [(0.0, float(step)) for step in range(1_000)]
    assert len(charts.thinned(still, 100, is_log=False)) <= 100
