"""Plots of what experiments were given against what came of it."""

from nicegui import ui

from gridray.readers.runs import ExperimentView, RunView
from gridray.ui import charts, runtable
from gridray.ui.address import parameter, remember
from gridray.ui.chartgrid import put
from gridray.ui.charts import Dot
from gridray.ui.runtable import Names, Summaries

DURATION = "duration (s)"
COST = "cost ($)"
# Of axes in parallel coordinates.
MOST_AXES = 10


class PlotsPanel:
    def __init__(self) -> None:
        self._dots: list[Dot] = []
        self._names: Names | None = None
        with ui.element("div").classes("tools"):
            self._metric = self._choice("Metric", "y")
            self._x = self._choice("Against", "x")
            asked = parameter("plot_axes").split(",")
            self._is_asked = bool(parameter("plot_axes"))
            self._log_x = ui.checkbox("log x", value="x" in asked, on_change=self._changed)
            self._log_y = ui.checkbox("log y", value="y" in asked, on_change=self._changed)
        self._note = ui.label().classes("muted")
        self._place = ui.element("div").classes("charts wide")
        with self._place:
            with ui.element("div").classes("panel"):
                self._scatter = ui.echart({}, on_point_click=self._open).classes("chart tall")
            with ui.element("div").classes("panel"):
                self._parallel = ui.echart({}, on_point_click=self._open).classes("chart tall")

    def _choice(self, title: str, name: str) -> ui.select:
        asked = parameter(name)
        choice = ui.select([asked] if asked else [], value=asked or None, label=title)
        return choice.classes("narrow").on_value_change(self._changed)

    def show(self, view: RunView, summaries: Summaries, names: Names) -> None:
        """Draw what there is."""
        dots = [dot(each, summaries, names) for each in view.experiments]
        if names != self._names:
            own = [_end(each, names.parameters) for each in names.metrics]
            ends = [*own, DURATION, COST, *names.system]
            varying = [each for each in names.parameters if each not in names.constant]
            _offer(self._metric, ends)
            _offer(self._x, [*(varying or names.parameters), *ends])
            if not self._is_asked:
                self._log_x.value = _spans_decades(dots, self._x.value)
        is_new = dots != self._dots or names != self._names
        self._dots, self._names = dots, names
        if is_new:
            self._draw()

    def _changed(self) -> None:
        axes = [("x", self._log_x.value), ("y", self._log_y.value)]
        remember(
            y=self._metric.value,
            x=self._x.value,
            plot_axes=",".join(name for name, is_on in axes if is_on) or None,
        )
        self._draw()

    def _draw(self) -> None:
        names, metric, x = self._names, self._metric.value, self._x.value
        if names is None or not metric or not x:
            return
        drawn = charts.scatter(
            self._dots, x, metric, log_x=self._log_x.value, log_y=self._log_y.value
        )
        put(self._scatter, drawn)
        axes = [each for each in names.parameters if each not in names.constant][:MOST_AXES]
        put(self._parallel, charts.parallel(self._dots, axes, metric))
        is_empty = not drawn["series"][0]["data"]
        self._note.text = f"No experiment has {metric} yet." if is_empty else ""
        self._place.set_visibility(not is_empty)

    def _open(self, event: object) -> None:
        name = getattr(event, "name", "")
        if any(dot.name == name for dot in self._dots):
            ui.navigate.to(f"/experiments/{name}")


def dot(each: ExperimentView, summaries: Summaries, names: Names) -> Dot:
    """Return an experiment's values; a parameter is a number where it is one for all of them."""
    values: dict[str, float | str] = {}
    for name, text in each.params.items():
        number = runtable.number(text) if name in names.numeric else None
        values[name] = str(text) if number is None else number
    for name, summary in summaries.get(each.index, {}).items():
        values[_end(name, names.parameters)] = summary.last
    if each.run_seconds is not None and each.ended_at is not None:
        values[DURATION] = each.run_seconds
    if each.cost is not None:
        values[COST] = each.cost
    return Dot(each.name, values)


def _end(metric: str, params: tuple[str, ...]) -> str:
    """Return what a metric is called beside parameters, of which one may have its name."""
    return f"{metric} (metric)" if metric in params else metric


def _offer(choice: ui.select, options: list[str]) -> None:
    value = choice.value if choice.value in options else options[0]
    choice.set_options(options, value=value)


def _spans_decades(dots: list[Dot], name: str) -> bool:
    values = [dot.values[name] for dot in dots if name in dot.values]
    numbers = [each for each in values if not isinstance(each, str)]
    return len(numbers) == len(values) and charts.spans_decades(numbers)
