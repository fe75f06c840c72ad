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
    found = data(charts.lines("loss", {"a": CURVE}, Look()))
    assert found == [[0, 4.0], [1, None], [2, -1.0], [3, None]]


def test_axes() -> None:
    by_time = data(charts.lines("loss", {"a": CURVE}, Look(by_time=True)))
    assert [each[0] for each in by_time] == [0.0, 1.0, 2.5, 3.0]  # type: ignore[index]
    logged = charts.lines("loss", {"a": CURVE}, Look(log_x=True, log_y=True))
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
