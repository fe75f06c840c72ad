"""What experiments have measured, as `metrics` and `export` show it."""

import shutil
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from gridray.cli import metricshapes as shapes
from gridray.cli import text
from gridray.cli.output import Output
from gridray.cli.text import Column
from gridray.errors import NotFoundError
from gridray.layout import parse_name
from gridray.metricrecords import SYSTEM, Summary, to_number
from gridray.readers import metrics, runs, tables
from gridray.readers.comparison import NO_METRICS, best, default_mode, has_best
from gridray.readers.metrics import Curve
from gridray.readers.runs import ExperimentView
from gridray.store import Store

COLUMNS = (
    Column("Experiment"),
    Column("Metric", cut=True),
    Column("Last", right=True),
    Column("Best", right=True),
    Column("At step", right=True),
    Column("Values", right=True),
)
CURVE = Column("Curve")
SPARKS = 20
# Of so many experiments curves are read for a table, and so many are drawn together.
CURVES_SHOWN = 32
CURVES_DRAWN = 8
PLOTS_DRAWN = 4
PLOT_HEIGHT = 16
PLOT_WIDTH = 100


def experiments(store: Store, name: str) -> list[ExperimentView]:
    """Return the experiments that are named.

    Raises:
        NotFoundError: there is no such run or experiment.
    """
    run, index = parse_name(name)
    if index is not None:
        return [runs.experiment_view(store, run, index, time.time())]
    return list(runs.run_view(store, run, time.time()).experiments)


def find(store: Store, name: str, wanted: Collection[str] | None) -> shapes.Metrics:
    """Read what the metrics of a run or an experiment come to.

    Args:
        wanted: names of metrics; None: all.

    Raises:
        NotFoundError: there is no such run or experiment, or no such metric.
    """
    run, index = parse_name(name)
    views = experiments(store, name)
    found = metrics.summaries(store, run)
    shown = {view.index: found.get(view.index, {}) for view in views}
    known = {each for summaries in shown.values() for each in summaries}
    for each in wanted or ():
        if each not in known:
            raise NotFoundError(
                f"{name} has no metric {each!r}",
                hint=f"it has {', '.join(sorted(known))}" if known else NO_METRICS,
            )
    notes = metrics.notes(store, run, index) if index is not None else ()
    told = [_experiment(view, shown[view.index], wanted, notes) for view in views]
    return shapes.Metrics(name, tuple(each for each in told if each.metrics or each.notes))


def _experiment(
    view: ExperimentView,
    found: dict[str, Summary],
    wanted: Collection[str] | None,
    notes: tuple[str, ...],
) -> shapes.ExperimentMetrics:
    chosen = (name for name in sorted(found, key=_place) if not wanted or name in wanted)
    summaries = tuple(_summary(name, found[name]) for name in chosen)
    return shapes.ExperimentMetrics(view.name, view.state, summaries, notes)


def _place(name: str) -> tuple[bool, str]:
    """Sort what we measure behind what a script does."""
    return name.startswith(SYSTEM), name


def _summary(name: str, found: Summary) -> shapes.MetricSummary:
    return shapes.MetricSummary(
        name=name,
        first=to_number(found.first),
        last=to_number(found.last),
        least=to_number(found.least),
        greatest=to_number(found.greatest),
        count=found.count,
        last_step=found.last_step,
        least_step=found.least_step,
        greatest_step=found.greatest_step,
    )


def show(out: Output, store: Store, found: shapes.Metrics) -> None:
    """Draw a table of metrics, with small curves if they are few."""
    rows = list(_rows(store, found))
    if rows:
        drawn = [*COLUMNS, CURVE] if len(rows[0]) > len(COLUMNS) else COLUMNS
        out.table(drawn, rows)
    else:
        out.note(f"{found.name} has no metrics; {NO_METRICS}")
    for each in found.experiments:
        for note in each.notes:
            out.warn(text.harmless(note))


def _rows(store: Store, found: shapes.Metrics) -> Iterator[list[str]]:
    has_curves = len(found.experiments) <= CURVES_SHOWN
    for experiment in found.experiments:
        names = [each.name for each in experiment.metrics]
        curves = _curves(store, experiment.name, names) if has_curves else {}
        for each in experiment.metrics:
            curve = curves.get(each.name)
            sparks = [text.sparkline(curve.values, SPARKS) if curve else ""]
            yield [experiment.name, *_cells(each), *(sparks if has_curves else [])]


def _cells(each: shapes.MetricSummary) -> list[str]:
    values = (each.first, each.last, each.least, each.greatest, each.count)
    steps = (each.last_step, each.least_step, each.greatest_step)
    summary = Summary.from_json([*values, *steps])
    best_cells = ["", ""]
    if has_best(each.name):
        value, step = best(summary, default_mode(each.name))
        best_cells = [text.number(value), f"{step:g}" if isinstance(step, float) else str(step)]
    return [each.name, _amount(each.name, summary.last), *best_cells, f"{each.count:,}"]


def _amount(name: str, value: float) -> str:
    is_bytes = name in (f"{SYSTEM}memory", f"{SYSTEM}gpu_memory")
    return text.size(round(value)) if is_bytes else text.number(value)


def _curves(store: Store, name: str, names: Collection[str]) -> dict[str, Curve]:
    run, index = parse_name(name)
    return metrics.curves(store, run, index or 0, names)


def plot(out: Output, store: Store, found: shapes.Metrics) -> None:
    """Draw the curves, a picture for each metric."""
    drawn = found.experiments[:CURVES_DRAWN]
    names = list(dict.fromkeys(each.name for one in drawn for each in one.metrics))
    chosen = [name for name in names if not name.startswith(SYSTEM)] or names
    curves = {one.name: _curves(store, one.name, chosen[:PLOTS_DRAWN]) for one in drawn}
    for name in chosen[:PLOTS_DRAWN]:
        out.line()
        for line in _picture(
            out, name, {each: of[name] for each, of in curves.items() if name in of}
        ):
            out.line(line)
    if len(chosen) > PLOTS_DRAWN:
        out.note(f"{len(chosen) - PLOTS_DRAWN} more metrics: choose with --name")
    if len(found.experiments) > CURVES_DRAWN:
        out.note(f"only the first {CURVES_DRAWN} experiments are drawn")


def _picture(out: Output, name: str, curves: dict[str, Curve]) -> Sequence[str]:
    import plotext

    plotext.clear_figure()
    plotext.theme("clear")
    for experiment, curve in curves.items():
        points = zip(curve.steps, curve.values, strict=True)
        finite = [(step, value) for step, value in points if value - value == 0]
        if finite:
            label = experiment if len(curves) > 1 else None
            plotext.plot(*zip(*finite, strict=True), label=label)
    plotext.title(text.harmless(name))
    width = shutil.get_terminal_size((PLOT_WIDTH, 0)).columns
    plotext.plotsize(width, PLOT_HEIGHT)
    drawn = plotext.build() if out.has_colors else plotext.uncolorize(plotext.build())
    return [line.rstrip() for line in drawn.splitlines()]


def export(store: Store, name: str, path: Path, *, replace: bool) -> shapes.Exported:
    """Write the points of a run or an experiment.

    Raises:
        NotFoundError: there is no such run or experiment.
        UsageError: the file cannot be written.
    """
    run, _ = parse_name(name)
    rows = tables.write(store, run, experiments(store, name), path, replace=replace)
    return shapes.Exported(str(path), rows)


def show_exported(out: Output, found: shapes.Exported) -> None:
    out.line(found.path)
    out.note(text.count(found.rows, "row"))
