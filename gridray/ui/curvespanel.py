"""Curves of several experiments over each other, a chart a metric."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from nicegui import ui

from gridray.errors import GridrayError, UsageError
from gridray.readers import metrics
from gridray.readers.metrics import Curve
from gridray.readers.runs import ExperimentView, RunView
from gridray.store import Store
from gridray.ui import charts, runtable
from gridray.ui.address import parameter, remember
from gridray.ui.chartgrid import ChartGrid
from gridray.ui.charts import Chart, Look
from gridray.ui.reading import Reading
from gridray.ui.runtable import Names
from gridray.ui.telling import sentence
from gridray.ui.watch import is_settled

# Of experiments in one chart: more lines cannot be told apart.
MOST = 30
AT_FIRST = 10
CHARTS_AT_FIRST = 4
CONCURRENT_READS = 8
# Seconds. Points come every ten.
EVERY = 8.0

Curves = Mapping[str, Mapping[str, Curve]]


@dataclass(frozen=True)
class Drawn:
    """Charts by the names of the metrics, and what is said above them."""

    charts: dict[str, Chart]
    note: str


class CurvesPanel:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._view: RunView | None = None
        self._names: Names | None = None
        self._curves: Curves | None = None
        self._next = 0.0
        with ui.element("div").classes("tools"):
            self._draw_choices()
            self._draw_look()
        self._note = ui.label().classes("muted")
        self._charts = ChartGrid()
        self._reading = Reading(self._read, self._take, self._tell)
        self._drawing = Reading(self._draw, self._put, self._tell)

    def _draw_choices(self) -> None:
        self._experiments = ui.input(label="Experiments", value=parameter("experiments"))
        self._experiments.props('placeholder="0-9, 14" debounce=500').classes("narrow")
        self._experiments.on_value_change(self._chosen)
        asked = [each for each in parameter("metrics").split("\n") if each]
        self._metrics = ui.select(asked, value=asked, multiple=True, label="Metrics")
        self._metrics.classes("metrics").on_value_change(self._chosen)

    def _draw_look(self) -> None:
        ui.label("Smoothing").classes("muted").props("id=smoothing")
        value = min(0.99, max(0.0, runtable.number(parameter("smoothing", "0")) or 0.0))
        self._smoothing = ui.slider(min=0, max=0.99, step=0.01, value=value).classes("slider")
        self._smoothing.props("aria-labelledby=smoothing")
        self._smoothing.on_value_change(self._drawn_otherwise)
        asked = parameter("axes").split(",")
        self._log_x = ui.checkbox("log x", value="x" in asked, on_change=self._drawn_otherwise)
        self._log_y = ui.checkbox("log y", value="y" in asked, on_change=self._drawn_otherwise)
        self._by_time = ui.checkbox(
            "by time", value="time" in asked, on_change=self._drawn_otherwise
        )

    def choose(self, indexes: Sequence[int]) -> None:
        """Draw these experiments' curves."""
        self._experiments.value = ", ".join(map(str, indexes))

    def show(self, view: RunView, names: Names) -> None:
        """Draw what there is; curves are read anew every few seconds."""
        offered = [*names.metrics, *names.system]
        if self._names is None or self._metrics.options != offered:
            value = [each for each in self._metrics.value if each in offered]
            value = value or offered[:CHARTS_AT_FIRST]
            self._metrics.set_options(offered, value=value)
        self._view, self._names = view, names
        is_over = is_settled(view.summary.state, view.summary.ended_at)
        is_drawn = is_over and self._curves is not None
        if time.monotonic() >= self._next and not is_drawn:
            self._next = time.monotonic() + EVERY
            self._reading.begin()

    def _chosen(self) -> None:
        remember(
            experiments=self._experiments.value or None,
            metrics="\n".join(self._metrics.value) or None,
        )
        self._reading.renew()

    def _read(self) -> Curves | None:
        """Return curves by metric and by the experiments' labels."""
        view, known = self._view, self._names
        if view is None or known is None:
            return None
        wanted, names = self._wanted(view), list(self._metrics.value)
        with ThreadPoolExecutor(CONCURRENT_READS) as pool:
            read = pool.map(
                lambda each: metrics.curves_until(
                    self._store, view.record, each.index, each.attempt, names
                ),
                wanted,
            )
            found = list(zip(wanted, read, strict=True))
        return {
            name: {
                label(each, known.constant): curves[name]
                for each, curves in found
                if name in curves
            }
            for name in names
        }

    def _wanted(self, view: RunView) -> list[ExperimentView]:
        """Return the experiments that are asked for; at first those that have begun."""
        text = self._experiments.value or ""
        known = {each.index: each for each in view.experiments}
        if not text.strip():
            return [each for each in view.experiments if each.started_at][:AT_FIRST]
        try:
            return [known[index] for index in runtable.pick(text, list(known))][:MOST]
        except ValueError as error:
            raise UsageError("name experiments by their numbers, as 0-9, 14") from error

    def _take(self, found: Curves) -> None:
        if found != self._curves:
            self._curves = found
            self._drawing.renew()

    def _tell(self, error: GridrayError) -> None:
        self._curves = None
        is_asked_wrongly = isinstance(error, UsageError)
        why = sentence(error.message)
        self._note.text = why if is_asked_wrongly else f"The curves cannot be read now. {why}"

    def _drawn_otherwise(self) -> None:
        look = self._look()
        axes = [("x", look.log_x), ("y", look.log_y), ("time", look.by_time)]
        remember(
            smoothing=f"{look.smoothing:g}" if look.smoothing else None,
            axes=",".join(name for name, is_on in axes if is_on) or None,
        )
        self._drawing.renew()

    def _look(self) -> Look:
        smoothing = float(self._smoothing.value)
        return Look(smoothing, self._log_x.value, self._log_y.value, self._by_time.value)

    def _draw(self) -> Drawn | None:
        return None if self._curves is None else drawn(self._curves, self._look())

    def _put(self, found: Drawn) -> None:
        self._note.text = found.note
        self._charts.show(found.charts)


def drawn(curves: Curves, look: Look) -> Drawn:
    """Return a chart of each metric that has curves."""
    found = {name: each for name, each in curves.items() if each}
    if not found:
        return Drawn({}, "No metric of these experiments has been recorded yet.")
    most = charts.room(len(found), max(map(len, found.values())))
    made = {name: charts.chart(name, each, look, most) for name, each in found.items()}
    every = (curve for each in found.values() for curve in each.values())
    return Drawn(made, "".join(charts.told_of_thinning(every, most)))


def label(each: ExperimentView, constant: frozenset[str]) -> str:
    """Return an experiment's number, and what tells it from the others."""
    told = [f"{name}={value}" for name, value in each.params.items() if name not in constant]
    return " ".join([f"exp{each.index}", *told])[:60]
