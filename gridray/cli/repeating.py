"""What `retry` is asked for, and what it tells."""

import time
from collections.abc import Sequence

from gridray import again
from gridray.cli import shapes, text
from gridray.cli.output import Output
from gridray.errors import UsageError
from gridray.layout import ExperimentName, parse_name
from gridray.readers import runs
from gridray.store import Store


def retry(
    out: Output, store: Store, names: Sequence[str], *, failed_only: bool, held_only: bool
) -> shapes.Retries:
    """Try again what is named; nothing is done if any of it cannot be.

    Raises:
        UsageError: the options and names contradict each other.
        NotFoundError: there is no such run or experiment.
        StateError: an experiment is not over, or has succeeded.
        ClusterError: the cluster of a run cannot be reached.
    """
    wanted = _by_run(names)
    if held_only and (failed_only or any(wanted.values())):
        raise UsageError(
            "--held goes with the names of runs only",
            hint="leave out --failed and the experiments, or --held",
        )
    planned = {
        run: [] if held_only else again.to_retry(store, run, indexes, failed_only=failed_only)
        for run, indexes in wanted.items()
    }
    done = []
    for run, indexes in planned.items():
        held = runs.run_view(store, run, time.time()).summary.held
        if indexes or held:
            again.retry(store, run, indexes, progress=out.note)
        experiments = tuple(str(ExperimentName(run, index)) for index in indexes)
        done.append(shapes.Retried(run, experiments, held))
    return shapes.Retries(tuple(done))


def show_retries(out: Output, retries: shapes.Retries) -> None:
    for each in retries.retried:
        told = []
        if each.experiments:
            told.append(f"{text.count(len(each.experiments), 'experiment')} to be tried again")
        if each.released:
            told.append(f"{each.released:,} held before")
        out.line(f"{each.name}: {', '.join(told) or 'nothing to try again'}")


def _by_run(names: Sequence[str]) -> dict[str, list[int] | None]:
    """Return the experiments that are named of each run; None: all of it."""
    wanted: dict[str, list[int] | None] = {}
    for name in names:
        run, index = parse_name(name)
        chosen = wanted.setdefault(run, None)
        if index is not None and index not in (chosen or ()):
            wanted[run] = [*(chosen or ()), index]
    return wanted
