"""Single looks at runs, for `status` and for what follows them."""

import time
from collections.abc import Iterable

from gridray.cli import shapes
from gridray.cli.output import Output
from gridray.readers import runs
from gridray.readers.runs import RunSummary
from gridray.store import Store


def detail(store: Store, run: str, index: int | None) -> shapes.RunDetail:
    """Read a run with all its experiments, or with one of them.

    Raises:
        NotFoundError: there is no such run or experiment.
    """
    view = runs.run_view(store, run, time.time())
    found = shapes.RunDetail.of_view(view)
    return found if index is None else _only(found, store, index)


def recent(out: Output, store: Store) -> tuple[tuple[RunSummary, ...], int]:
    """Return the runs that are not over, or not for long, and how many others there are."""
    now = time.time()
    found = runs.summaries(store, now, lambda error: out.warn(error.message))
    recently = tuple(run for run in found if runs.is_recent(run, now))
    return recently, len(found) - len(recently)


def any_goes_on(found: Iterable[shapes.Experiment | RunSummary]) -> bool:
    return any(not each.state.is_terminal for each in found)


def _only(found: shapes.RunDetail, store: Store, index: int) -> shapes.RunDetail:
    one = runs.experiment_view(store, found.name, index, time.time())
    return shapes.RunDetail(**{**vars(found), "experiments": (shapes.Experiment.of(one),)})
