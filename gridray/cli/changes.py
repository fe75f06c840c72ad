"""Stopping and deleting: what is meant, and what is told of it."""

import time
from collections.abc import Sequence

from gridray import actions
from gridray.cli import changeshapes, stalls, text
from gridray.cli.output import Output
from gridray.layout import ExperimentName
from gridray.readers import runs
from gridray.records import read_run
from gridray.store import Store

Target = str | ExperimentName


def existing_runs(store: Store, names: Sequence[str]) -> list[str]:
    """Return the names.

    Raises:
        NotFoundError: one is of no run.
    """
    return [read_run(store, name).name for name in names]


def existing_experiments(store: Store, names: Sequence[ExperimentName]) -> list[ExperimentName]:
    """Return the names.

    Raises:
        NotFoundError: one is of no experiment.
    """
    for name in names:
        runs.experiment_view(store, name.run, name.index, time.time())
    return list(names)


def stop(out: Output, store: Store, targets: Sequence[Target], grace: float) -> changeshapes.Stops:
    """Ask for the end of runs and experiments, and say when that can take effect."""
    asked = []
    for target in targets:
        run, index = _taken_apart(target)
        # Before: a run of which more is asked is one that its controller has yet to look at.
        stall = stalls.of_run(store, run)
        count = actions.stop(store, run, index, grace)
        asked.append(changeshapes.Stopped(str(target), count))
        if count and stall is not None:
            out.warn(stall.postpones(f"the stop of {target}"))
    return changeshapes.Stops(tuple(asked))


def show_stops(out: Output, stops: changeshapes.Stops) -> None:
    for each in stops.stopped:
        if each.experiments:
            told = f"{text.count(each.experiments, 'experiment')} asked to end"
        else:
            told = "over already"
        out.line(f"{each.name}: {told}")


def question(targets: Sequence[Target]) -> str:
    return f"Delete {', '.join(map(str, targets))} with all logs and artifacts?"


def deletions(targets: Sequence[Target]) -> changeshapes.Deletions:
    return changeshapes.Deletions(tuple(map(str, targets)))


def show_deletions(out: Output, deleted: changeshapes.Deletions) -> None:
    for name in deleted.deleted:
        out.line(f"{name}: deleted")


def _taken_apart(target: Target) -> tuple[str, int | None]:
    return (target, None) if isinstance(target, str) else (target.run, target.index)
