"""Curves of several experiments over each other, a chart a metric."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from nicegui import run, ui

from gridray.errors import GridrayError
from gridray.readers import metrics
from gridray.readers.metrics import Curve
from gridray.readers.runs import ExperimentView, RunView
from gridray.records import RunRecord
from gridray.store import Store
from gridray.ui import charts, runtable
from gridray.ui.address import parameter, remember
from gridray.ui.charts import Look
from gridray.ui.runtable import Names
from gridray.ui.watch import sentence

# Of experiments in one chart: more lines cannot be told apart.
MOST = 30
AT_FIRST = 10
CHARTS_AT_FIRST = 4
CONCURRENT_READS = 8
# Seconds. Points come every ten.
EVERY = 8.0

Curves = Mapping[str, Mapping[str, Curve]]


class CurvesPanel:
    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = name
        self._view: RunView | None = None
        self._names: Names | None = None
        self._curves: Curves = {}
        self._next = 0.0
        self._lock = asyncio.Lock()
        self._charts: dict[str, ui.echart] = {}
        with ui.element("div").classes("tools"):
            self._draw_choices()
            self._draw_look()
        self._note = ui.label().classes("muted")
        self._place = ui.element("div").classes("charts")

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
        is_over = view.summary.state.is_terminal and self._curves
        if time.monotonic() >= self._next and not (is_over or self._lock.locked()):
            self._begin()

    def _chosen(self) -> None:
        remember(
            experiments=self._experiments.value or None,
            metrics="\n".join(self._metrics.value) or None,
        )
        self._begin()

    def _begin(self) -> None:
        self._next = time.monotonic() + EVERY
        ui.timer(0.01, self._look_again, once=True)

    async def _look_again(self) -> None:
        if self._view is None:
            return
        async with self._lock:
            try:
                wanted = self._wanted(self._view)
                names = list(self._metrics.value)
                found = await run.io_bound(self._read, self._view.record, wanted, names)
            except (GridrayError, ValueError) as error:
                self._note.text = _told(error)
                return
            if found is not None:
                self._curves = found
                self._draw()

    def _wanted(self, view: RunView) -> list[ExperimentView]:
        """Return the experiments that are asked for; at first those that have begun."""
        text = self._experiments.value or ""
        known = {each.index: each for each in view.experiments}
        if text.strip():
            return [known[index] for index in runtable.pick(text, list(known))][:MOST]
        return [each for each in view.experiments if each.started_at][:AT_FIRST]

    def _read(
        self, record: RunRecord, wanted: Sequence[ExperimentView], names: Sequence[str]
    ) -> Curves:
        """Return curves by metric and by the experiments' labels."""
        with ThreadPoolExecutor(CONCURRENT_READS) as pool:
            read = pool.map(
                lambda each: metrics.curves_until(
                    self._store, record, each.index, each.attempt, names
                ),
                wanted,
            )
            found = list(zip(wanted, read, strict=True))
        constant = self._names.constant if self._names else frozenset()
        return {
            name: {label(each, constant): known[name] for each, known in found if name in known}
            for name in names
        }

    def _drawn_otherwise(self) -> None:
        look = self._look()
        axes = [("x", look.log_x), ("y", look.log_y), ("time", look.by_time)]
        remember(
            smoothing=f"{look.smoothing:g}" if look.smoothing else None,
            axes=",".join(name for name, is_on in axes if is_on) or None,
        )
        self._draw()

    def _look(self) -> Look:
        smoothing = float(self._smoothing.value)
        return Look(smoothing, self._log_x.value, self._log_y.value, self._by_time.value)

    def _draw(self) -> None:
        drawn = {name: curves for name, curves in self._curves.items() if curves}
        if list(drawn) != list(self._charts):
            self._place.clear()
            with self._place:
                self._charts = {name: _panel() for name in drawn}
        for name, curves in drawn.items():
            options = self._charts[name].options
            options.clear()
            options.update(charts.lines(name, curves, self._look()))
            self._charts[name].update()
        self._note.text = "" if drawn else "No metric of these experiments has been recorded yet."


def label(each: ExperimentView, constant: frozenset[str]) -> str:
    """Return an experiment's number, and what tells it from the others."""
    told = [f"{name}={value}" for name, value in each.params.items() if name not in constant]
    return " ".join([f"exp{each.index}", *told])[:60]


def _panel() -> ui.echart:
    with ui.element("div").classes("panel"):
        return ui.echart({}).classes("chart")


def _told(error: GridrayError | ValueError) -> str:
    if isinstance(error, GridrayError):
        return sentence(error.message)
    return "Name experiments by their numbers, as 0-9, 14."
