"""The curves of one experiment, and what its metrics come to."""

import math
from dataclasses import dataclass

from nicegui import ui

from gridray.layout import ExperimentName
from gridray.metricrecords import SYSTEM
from gridray.readers.comparison import in_order
from gridray.readers.metrics import Curve, Measured, MetricsReader
from gridray.readers.why import Why
from gridray.store import Store
from gridray.ui import charts
from gridray.ui.chartgrid import ChartGrid
from gridray.ui.charts import Chart, Look
from gridray.ui.reading import Reading
from gridray.ui.telling import sentence
from gridray.ui.watch import is_settled

# Of charts; what is beyond is in the table.
MOST = 24
HINT = "No metrics yet. TensorBoard's event files, metrics.jsonl and CSV logs are picked up."


@dataclass(frozen=True)
class Drawn:
    """What has been read, as charts by name, and what is said above them."""

    measured: Measured
    charts: dict[str, Chart]
    notes: tuple[str, ...]


class MetricsPanel:
    def __init__(self, store: Store, name: ExperimentName) -> None:
        self._reader = MetricsReader(store, name.run, name.index)
        self._drawn: Drawn | None = None
        self._note = ui.label("Reading …").classes("muted")
        self._charts = ChartGrid("low")
        self._reading = Reading(
            self._read, self._take, lambda error: self._tell(sentence(error.message))
        )

    def show(self, found: Why) -> None:
        """Draw what there is, until nothing more comes."""
        each = found.experiment
        if self._drawn is None or not is_settled(each.state, each.ended_at):
            self._reading.begin()

    def _read(self) -> Drawn:
        measured = self._reader.read()
        if self._drawn is not None and self._drawn.measured is measured:
            return self._drawn
        return drawn(measured)

    def _take(self, found: Drawn) -> None:
        self._drawn = found
        self._tell("\n".join(found.notes))
        self._charts.show(found.charts)

    def _tell(self, words: str) -> None:
        self._note.text = words
        self._note.set_visibility(bool(words))


def drawn(measured: Measured) -> Drawn:
    """Return the charts of an experiment: what the script said, then what was measured of it."""
    names = in_order(measured.curves)[:MOST]
    most = charts.room(len(names), 1)
    curves = {name: measured.curves[name] for name in names}
    made = {name: _chart(curve, most) for name, curve in curves.items()}
    hints = [] if names else [HINT]
    thinning = charts.told_of_thinning(curves.values(), most)
    return Drawn(measured, made, (*hints, *thinning, *measured.notes))


def _chart(curve: Curve, most: int) -> Chart:
    look = Look(by_time=curve.name.startswith(SYSTEM))
    return charts.chart(f"{curve.name}   {_last(curve)}", {curve.name: curve}, look, most)


def _last(curve: Curve) -> str:
    value = curve.values[-1]
    return f"{value:.5g}" if math.isfinite(value) else str(value)
