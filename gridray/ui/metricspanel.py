"""The curves of one experiment, and what its metrics come to."""

import asyncio
import math
from collections.abc import Mapping

from nicegui import run, ui

from gridray.errors import GridrayError
from gridray.layout import ExperimentName
from gridray.metricrecords import SYSTEM
from gridray.readers import metrics
from gridray.readers.metrics import Curve
from gridray.readers.why import Why
from gridray.store import Store
from gridray.ui import charts
from gridray.ui.charts import Look
from gridray.ui.watch import sentence

# Of charts; what is beyond is in the table.
MOST = 24


class MetricsPanel:
    def __init__(self, store: Store, name: ExperimentName) -> None:
        self._store = store
        self._name = name
        self._curves: Mapping[str, Curve] | None = None
        self._lock = asyncio.Lock()
        self._charts: dict[str, ui.echart] = {}
        self._note = ui.label("Reading …").classes("muted")
        self._place = ui.element("div").classes("charts")
        self._rest = ui.element("div").classes("place")

    def show(self, found: Why) -> None:
        """Draw what there is; of what is over, once."""
        if self._curves is None or not found.experiment.state.is_terminal:
            ui.timer(0.01, self._look, once=True)

    async def _look(self) -> None:
        if self._lock.locked():
            return
        async with self._lock:
            try:
                found = await run.io_bound(self._read)
            except GridrayError as error:
                self._note.text = sentence(error.message)
                return
            if found is None:
                return
            curves, notes = found
            self._note.text = "\n".join(notes) if curves else _nothing(notes)
            self._note.set_visibility(bool(self._note.text))
            if curves != self._curves:
                self._curves = curves
                self._draw(curves)

    def _read(self) -> tuple[dict[str, Curve], tuple[str, ...]]:
        run_name, index = self._name.run, self._name.index
        found = metrics.curves(self._store, run_name, index)
        return found, metrics.notes(self._store, run_name, index)

    def _draw(self, curves: Mapping[str, Curve]) -> None:
        # What the script said before what was measured of it.
        names = sorted(curves, key=lambda name: (name.startswith(SYSTEM), name))[:MOST]
        if names != list(self._charts):
            self._place.clear()
            with self._place:
                self._charts = {name: _panel() for name in names}
        for name in names:
            curve = curves[name]
            options = self._charts[name].options
            options.clear()
            look = Look(by_time=name.startswith(SYSTEM))
            options.update(charts.lines(f"{name}   {_last(curve)}", {name: curve}, look))
            self._charts[name].update()


def _panel() -> ui.echart:
    with ui.element("div").classes("panel"):
        return ui.echart({}).classes("chart low")


def _last(curve: Curve) -> str:
    value = curve.values[-1]
    return f"{value:.5g}" if math.isfinite(value) else str(value)


def _nothing(notes: tuple[str, ...]) -> str:
    hint = "No metrics yet. TensorBoard's event files, metrics.jsonl and CSV logs are picked up."
    return "\n".join([hint, *notes])
