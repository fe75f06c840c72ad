"""Experiments beside each other, as `compare` shows them."""

import csv
import io
import time
from collections.abc import Sequence

from gridray.cli import metricshapes as shapes
from gridray.cli import text
from gridray.cli.output import Output
from gridray.cli.text import Column
from gridray.metricrecords import SYSTEM, to_number
from gridray.readers import comparison, tables
from gridray.readers.comparison import NO_METRICS, Entry, Mode
from gridray.store import Store

# How many metrics a table shows beside the one that it is sorted by.
OTHERS_SHOWN = 3


def find(
    store: Store, runs: Sequence[str], metric: str | None, mode: str | None, top: int | None
) -> shapes.Comparison:
    """Compare runs.

    Raises:
        NotFoundError: there is no such run, or metric.
    """
    wanted = None if mode is None else Mode(mode)
    found = comparison.compare(store, runs, time.time(), metric, wanted)
    shown = found.entries[:top]
    return shapes.Comparison(
        metric=found.metric,
        mode=found.mode.value,
        mode_is_guessed=found.is_guessed,
        params=found.params,
        experiments=tuple(_experiment(each, found.metric, found.mode) for each in shown),
        left_out=len(found.entries) - len(shown),
    )


def _experiment(entry: Entry, metric: str | None, mode: Mode) -> shapes.ComparedExperiment:
    summary = None if metric is None else entry.metrics.get(metric)
    value, step = (None, None) if summary is None else comparison.best(summary, mode)
    return shapes.ComparedExperiment(
        name=entry.view.name,
        run=entry.run,
        state=entry.view.state,
        params=entry.view.params,
        best=None if value is None else to_number(value),
        best_step=step,
        metrics={name: to_number(each.last) for name, each in sorted(entry.metrics.items())},
        run_seconds=entry.view.run_seconds,
        cost=entry.view.cost,
    )


def show(out: Output, found: shapes.Comparison) -> None:
    if found.experiments:
        out.table(*_table(found))
    if found.metric is None:
        out.note(f"there are no metrics; {NO_METRICS}")
    _tell_guess(out, found)
    if found.left_out:
        out.note(f"{text.count(found.left_out, 'more experiment')} left out by --top")


def _tell_guess(out: Output, found: shapes.Comparison) -> None:
    if found.mode_is_guessed and found.metric is not None:
        name = text.harmless(found.metric)
        out.note(f"smaller values of {name} count as better; `--mode max` turns it round")


def _table(found: shapes.Comparison) -> tuple[list[Column], list[list[str]]]:
    others = _others(found)
    has_cost = any(each.cost is not None for each in found.experiments)
    columns = [Column("Experiment"), Column("Status", state=True)]
    columns += [Column(text.harmless(name), cut=True) for name in found.params]
    if found.metric is not None:
        best = f"{text.harmless(found.metric)} ({found.mode})"
        columns += [Column(best, right=True), Column("At step", right=True)]
    columns += [Column(text.harmless(name), right=True) for name in others]
    columns += [Column("Duration", right=True)]
    columns += [Column("Cost", right=True)] if has_cost else []
    rows = []
    for each in found.experiments:
        cells = [each.name, each.state.value, *(_param(each, name) for name in found.params)]
        if found.metric is not None:
            cells += [_value(each.best), "-" if each.best_step is None else f"{each.best_step:g}"]
        cells += [_value(each.metrics.get(name)) for name in others]
        cells += [text.duration(each.run_seconds), *([text.money(each.cost)] if has_cost else [])]
        rows.append(cells)
    return columns, rows


def _others(found: shapes.Comparison) -> list[str]:
    """Return the other metrics that are shown: those of the script that most of them have."""
    names = [name for each in found.experiments for name in each.metrics]
    counts = {name: names.count(name) for name in dict.fromkeys(names)}
    wanted = [name for name in counts if name != found.metric and not name.startswith(SYSTEM)]
    return sorted(wanted, key=lambda name: (-counts[name], name))[:OTHERS_SHOWN]


def _param(each: shapes.ComparedExperiment, name: str) -> str:
    value = each.params.get(name)
    return tables.flag(value) or "-"


def _value(value: float | str | None) -> str:
    return "-" if value is None else text.number(float(value))


def print_csv(out: Output, found: shapes.Comparison) -> None:
    """Print it as a table in CSV, with all parameters and metrics."""
    params = list(dict.fromkeys(name for each in found.experiments for name in each.params))
    names = list(dict.fromkeys(name for each in found.experiments for name in each.metrics))
    buffer = io.StringIO()
    lines = csv.writer(buffer, lineterminator="\n")
    heading = [*(f"param.{name}" for name in params), *(f"last.{name}" for name in names)]
    best = "best" if found.metric is None else f"best.{found.metric}"
    lines.writerow(["experiment", "run", "state", best, "step", *heading, "run_seconds", "cost"])
    for each in found.experiments:
        cells = [tables.flag(each.params.get(name)) for name in params]
        values = [each.metrics.get(name) for name in names]
        before = (each.name, each.run, each.state.value, each.best, each.best_step)
        lines.writerow([*before, *cells, *values, each.run_seconds, each.cost])
    out.line(buffer.getvalue().rstrip("\n"))
    _tell_guess(out, found)
