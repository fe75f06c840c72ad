"""What ECharts is told: curves, scatter plots and parallel coordinates, as plain data."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from gridray.readers.metrics import Curve

COLORS = (
    "#3e63dd", "#e5484d", "#30a46c", "#f5a524", "#8e4ec6",
    "#12a594", "#d6409f", "#ad7f58", "#0091ff", "#7c8694",
)  # fmt: skip
# As legible on the light ground as on the dark one.
INK = "#787c88"
LINE = "rgba(128,132,144,0.22)"
RAMP = ("#3e63dd", "#12a594", "#e5a50a", "#e5484d")
# Points that the curves of a page have together, and one curve, at most: of each, some 20 bytes are
# sent. A curve has so many at least.
ROOM = 24_000
MOST_POINTS = 2_000
FEWEST_POINTS = 24
# An axis of no more values than these shows each of them.
FEW_VALUES = 12
# Largest by smallest.
DECADES = 50

Options = dict[str, Any]
Place = tuple[float, float | None]


@dataclass(frozen=True)
class Look:
    """How curves are drawn: `smoothing` from 0 to below 1, `by_time` in place of by step."""

    smoothing: float = 0.0
    log_x: bool = False
    log_y: bool = False
    by_time: bool = False


def smoothed(values: Sequence[float], weight: float) -> list[float]:
    """Return an exponential moving average, without the bias to 0 of its beginning.

    What is no finite number stays as it is, and is not averaged in. Source: Kingma and Ba, Adam,
    2014, section 3, on the correction of the bias.
    """
    if weight <= 0:
        return list(values)
    mean, seen, found = 0.0, 0, []
    for value in values:
        if not math.isfinite(value):
            found.append(value)
            continue
        mean = weight * mean + (1 - weight) * value
        seen += 1
        found.append(mean / (1 - weight**seen))
    return found


def room(charts: int, curves: int) -> int:
    """Return how many points a curve has, in so many charts of so many curves each."""
    share = ROOM // max(1, charts * curves)
    return max(FEWEST_POINTS, min(MOST_POINTS, share))


def told_of_thinning(curves: Iterable[Curve], most: int) -> list[str]:
    """Return what is said where curves have more points than are drawn of them."""
    if all(len(curve.steps) <= most for curve in curves):
        return []
    return [
        f"Points are thinned: of a curve at most {most:,} are drawn, its extremes among them. "
        "`gridray export` has all."
    ]


@dataclass(frozen=True)
class Chart:
    """A chart and its title; the `words` are in its place where nothing can be drawn."""

    title: str
    options: Options
    words: str = ""


def chart(title: str, curves: Mapping[str, Curve], look: Look, most: int) -> Chart:
    """Return the curves of one metric, as `lines` draws them, or why none can be drawn."""
    options = lines(curves, look, most)
    points = [point for series in options["series"] for point in series["data"]]
    is_blank = all(y is None for _, y in points)
    return Chart(title, options, _why_blank(curves.values()) if is_blank else "")


def _why_blank(curves: Iterable[Curve]) -> str:
    values = [value for curve in curves for value in curve.values]
    if any(map(math.isfinite, values)):
        return "Nothing can be drawn: a logarithmic axis has no place for 0 and what is below it."
    kinds = " and ".join(sorted({str(value) for value in values}))
    if len(values) == 1:
        return f"Nothing can be drawn: its only value is {kinds}."
    return f"Nothing can be drawn: all of its {len(values):,} values are {kinds}."


def lines(curves: Mapping[str, Curve], look: Look, most: int = MOST_POINTS) -> Options:
    """Return a chart of one metric's curves, by the names of the experiments.

    Args:
        most: points of each that are drawn.
    """
    series = [_line(name, curve, look, most) for name, curve in curves.items()]
    options = _base()
    options["legend"] = {
        "type": "scroll", "bottom": 0, "icon": "roundRect", "itemWidth": 10, "itemHeight": 10,
        "textStyle": {"color": INK, "fontSize": 11}, "pageIconColor": INK,
        "pageTextStyle": {"color": INK}, "show": len(series) > 1,
    }  # fmt: skip
    options["tooltip"] |= {"trigger": "axis", "order": "valueAsc"}
    options["grid"] |= {"top": 12, "bottom": 56 if len(series) > 1 else 24}
    x_name = "seconds" if look.by_time else "step"
    options["xAxis"] = _axis(x_name, is_log=look.log_x, is_bottom=True)
    options["yAxis"] = _axis("", is_log=look.log_y)
    options["dataZoom"] = [{"type": "inside", "filterMode": "none"}]
    return options | {"series": series}


def _line(name: str, curve: Curve, look: Look, most: int) -> Options:
    start = curve.times[0] if curve.times else 0.0
    xs = [time - start for time in curve.times] if look.by_time else curve.steps
    ys = smoothed(curve.values, look.smoothing)
    points = [
        (x, y if _is_drawn(y, look.log_y) else None)
        for x, y in zip(xs, ys, strict=True)
        if _is_drawn(x, look.log_x)
    ]
    kept = thinned(points, most, is_log=look.log_x)
    return {
        "type": "line",
        "name": name,
        "data": [[_short(x), None if y is None else _short(y)] for x, y in kept],
        "showSymbol": sum(y is not None for _, y in kept) == 1,
        "symbolSize": 6,
        "lineStyle": {"width": 1.6},
        "emphasis": {"focus": "series"},
    }


def thinned(points: Sequence[Place], most: int, *, is_log: bool) -> Sequence[Place]:
    """Return so many of a line's points: first, last, and the extremes of each part of the axis.

    Args:
        points: x and y; where y is None there is a gap, of which each part keeps one.
        is_log: the axis of x, all of which are greater than 0, is logarithmic.
    """
    if len(points) <= most:
        return points
    has_gaps = any(y is None for _, y in points)
    count = max(1, (most - 2) // (3 if has_gaps else 2))
    parts: dict[int, list[Place]] = {}
    inner = points[1:-1]
    for part, point in zip(_parts([x for x, _ in inner], count, is_log), inner, strict=True):
        parts.setdefault(part, []).append(point)
    kept = [each for part in parts.values() for each in _extremes(part)]
    return [points[0], *kept, points[-1]]


def _parts(xs: Sequence[float], count: int, is_log: bool) -> list[int]:
    """Return in which of so many equal parts of the axis each point is.

    Where x goes back, or nowhere, the parts have equally many points.
    """
    places = [math.log(x) for x in xs] if is_log else xs
    begin, width = places[0], places[-1] - places[0]
    if width <= 0 or any(after < before for before, after in pairwise(places)):
        return [place * count // len(xs) for place in range(len(xs))]
    return [min(count - 1, int(count * ((place - begin) / width))) for place in places]


def _extremes(part: Sequence[Place]) -> list[Place]:
    """Return the least, the greatest and the first that is a gap, in their order."""
    known = [(y, place) for place, (_, y) in enumerate(part) if y is not None]
    wanted = {min(known)[1], max(known)[1]} if known else set()
    gap = next((place for place, (_, y) in enumerate(part) if y is None), None)
    wanted |= set() if gap is None else {gap}
    return [part[place] for place in sorted(wanted)]


@dataclass(frozen=True)
class Dot:
    """An experiment in a plot of values: what it has on each axis, by the axis's name."""

    name: str
    values: Mapping[str, float | str]


def scatter(dots: Iterable[Dot], x: str, y: str, *, log_x: bool, log_y: bool) -> Options:
    """Return a chart with a point an experiment that has both values."""
    found = [dot for dot in dots if x in dot.values and y in dot.values]
    is_named = any(isinstance(dot.values[x], str) for dot in found)
    data = [
        {"name": dot.name, "value": [dot.values[x], dot.values[y]]}
        for dot in found
        if _is_drawn(dot.values[y], log_y) and (is_named or _is_drawn(dot.values[x], log_x))
    ]
    options = _base()
    options["tooltip"] |= {"trigger": "item"}
    options["xAxis"] = _axis(x, is_log=log_x and not is_named, is_bottom=True)
    if is_named:
        options["xAxis"] |= {"type": "category", "data": _sorted(dot.values[x] for dot in found)}
        for each in data:
            each["value"] = [_text(each["value"][0]), each["value"][1]]
    options["yAxis"] = _axis(y, is_log=log_y)
    series = {
        "type": "scatter", "name": f"{x}, {y}", "data": data, "symbolSize": 9,
        "itemStyle": {"color": COLORS[0], "opacity": 0.7}, "large": len(data) > 4_000,
    }  # fmt: skip
    return options | {"series": [series]}


def parallel(dots: Sequence[Dot], names: Sequence[str], metric: str) -> Options:
    """Return parallel coordinates: an axis a parameter, and the metric last, which colours."""
    axes = [*names, metric]
    found = [
        dot
        for dot in dots
        if all(name in dot.values for name in axes) and _is_drawn(dot.values[metric], False)
    ]
    options = _base()
    del options["grid"]
    options["parallel"] = {"left": 60, "right": 110, "top": 50, "bottom": 30}
    named = {name for name in names if _is_named(name, found)}
    options["parallelAxis"] = [
        _parallel_axis(place, name, found, named) for place, name in enumerate(axes)
    ]
    data = [
        {"name": dot.name, "value": [_place(dot, each, named) for each in axes]} for dot in found
    ]
    ends = [dot.values[metric] for dot in found]
    options["visualMap"] = {
        "dimension": len(axes) - 1, "min": min(ends, default=0), "max": max(ends, default=1),
        "inRange": {"color": list(RAMP)}, "right": 10, "top": "middle", "itemHeight": 160,
        "textStyle": {"color": INK, "fontSize": 11}, "calculable": True, "precision": 4,
    }  # fmt: skip
    series = {
        "type": "parallel", "name": metric, "data": data, "smooth": False,
        "lineStyle": {"width": 1.6, "opacity": 0.55 if len(data) < 300 else 0.15},
        "emphasis": {"lineStyle": {"width": 3, "opacity": 1}},
    }  # fmt: skip
    return options | {"series": [series]}


def _place(dot: Dot, name: str, named: set[str]) -> float | str:
    return _text(dot.values[name]) if name in named else dot.values[name]


def _parallel_axis(place: int, name: str, dots: Sequence[Dot], named: set[str]) -> Options:
    axis = {"dim": place, "name": name} | {
        "nameTextStyle": {"color": INK, "fontSize": 12},
        "axisLabel": {"color": INK, "fontSize": 11},
        "axisLine": {"lineStyle": {"color": INK}},
    }
    if name in named:
        return axis | {"type": "category", "data": _sorted(dot.values[name] for dot in dots)}
    values = [float(dot.values[name]) for dot in dots]
    return axis | {"type": "log" if spans_decades(values) else "value", "scale": True}


def spans_decades(values: Sequence[float]) -> bool:
    """Whether values are better told apart by their logarithms, as learning rates are."""
    return bool(values) and min(values) > 0 and max(values) / min(values) >= DECADES


def _is_named(name: str, dots: Sequence[Dot]) -> bool:
    """Whether the values of an axis are names, or so few numbers that they are like names."""
    values = {dot.values[name] for dot in dots}
    return any(isinstance(each, str) for each in values) or len(values) <= FEW_VALUES


def _sorted(values: Iterable[float | str]) -> list[str]:
    """Return values as texts, each once; numbers by their size come before names."""
    found = sorted(set(values), key=lambda each: (isinstance(each, str), each))
    return [_text(each) for each in found]


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _is_drawn(value: float | str, is_log: bool) -> bool:
    return isinstance(value, str) or (math.isfinite(value) and (value > 0 or not is_log))


def _short(value: float) -> float:
    """Return a number in no more digits than a chart can tell apart."""
    return value if isinstance(value, int) else float(f"{value:.9g}")


def _base() -> Options:
    return {
        "animation": False,
        "color": list(COLORS),
        "backgroundColor": "transparent",
        "tooltip": {"confine": True, "textStyle": {"fontSize": 12}},
        "grid": {"left": 8, "right": 20, "top": 34, "bottom": 24, "containLabel": True},
    }


def _axis(name: str, *, is_log: bool, is_bottom: bool = False) -> Options:
    found: Options = {
        "type": "log" if is_log else "value",
        "scale": True,
        "name": name,
        "nameTextStyle": {"color": INK, "fontSize": 11},
        "axisLabel": {"color": INK, "fontSize": 11, "hideOverlap": True},
        "axisLine": {"show": is_bottom, "lineStyle": {"color": LINE}},
        "splitLine": {"show": not is_bottom, "lineStyle": {"color": LINE}},
    }
    if is_bottom:
        found |= {"nameLocation": "middle", "nameGap": 26}
    return found
