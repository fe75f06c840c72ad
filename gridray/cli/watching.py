"""Following runs until they are over, on a terminal and elsewhere."""

import sys
import time
from collections.abc import Callable
from typing import TypeVar

from gridray.backoff import STORE_OUTAGE
from gridray.cli import looks, shapes, stalls, views
from gridray.cli.output import Output
from gridray.errors import StateError, StoreError, UsageError
from gridray.readers import runs
from gridray.states import State
from gridray.store import Store

T = TypeVar("T")
POLL_INTERVAL = 0.5


def wait(out: Output, store: Store, run: str) -> shapes.RunDetail:
    """Tell what becomes of a run's experiments until it is over or held, and return how it ended.

    On a terminal that is one line, and one for each that fails; elsewhere one for each change.
    """
    out.on_interrupt = f"{run} goes on; `gridray stop run {run}` ends it"
    told: dict[str, State] = {}
    is_live = sys.stderr.isatty()
    outage = outlast(out, lambda: stalls.Outage(store, run))
    while True:
        view = outlast(out, lambda: looks.detail(store, run, None))
        for each in view.experiments:
            if told.get(each.name, State.QUEUED) is not each.state:
                told[each.name] = each.state
                if each.state is State.FAILED or not is_live:
                    out.note(views.change(each))
        if runs.is_at_rest(view.state, view.queued, view.held):
            out.note(views.summary(view))
            return view
        if stall := outlast(out, lambda: outage.news(time.monotonic())):
            out.warn(stalls.explanation(run, stall))
        if is_live:
            out.live(f"{run}  {views.summary(view)}")
        time.sleep(POLL_INTERVAL)


def check(view: shapes.RunDetail) -> None:
    """Check that all experiments have succeeded.

    Raises:
        StateError: one has not.
    """
    missed = view.experiment_count - view.succeeded
    if view.held:
        raise StateError(
            f"{view.held:,} of {view.experiment_count:,} experiments of {view.name} are held, "
            "since the first ones all failed in the same way",
            hint=f"`gridray retry {view.name}` tries again, `gridray stop run {view.name}` ends it",
        )
    if missed:
        others = (each for each in view.experiments if each.state is not State.SUCCEEDED)
        name = next((each.name for each in others), view.name)
        raise StateError(
            f"{missed:,} of {view.experiment_count:,} experiments of {view.name} did not succeed",
            hint=f"`gridray why {name}` tells why and what to try next",
        )


def watch(out: Output, store: Store, run: str | None, index: int | None) -> None:
    """Go on showing a run, one of its experiments, or all recent runs.

    Raises:
        UsageError: that cannot be shown on what is no terminal, or as JSON.
    """
    if out.is_json:
        raise UsageError("--watch has no JSON form", hint="ask again and again without --watch")
    if out.is_terminal:
        out.clear_screen()
        if run:
            _draw_run(out, store, run, index)
        else:
            _draw_recent(out, store)
    elif run and index is None:
        wait(out, store, run)
    else:
        raise UsageError("--watch of this needs a terminal", hint="name a run, or leave it out")


def _draw_recent(out: Output, store: Store) -> None:
    """Draw the recent runs on the terminal again and again, until Ctrl-C."""
    while True:
        summaries, _ = outlast(out, lambda: looks.recent(out, store))
        found = tuple(map(shapes.Run.of, summaries))
        out.screen(list(out.drawn(*views.run_table(found))))
        time.sleep(POLL_INTERVAL)


def _draw_run(out: Output, store: Store, run: str, index: int | None) -> None:
    """Draw a run, or one of its experiments, on the terminal until it is over or Ctrl-C."""
    outage = outlast(out, lambda: stalls.Outage(store, run))
    is_over = False
    while not is_over:
        view = outlast(out, lambda: looks.detail(store, run, index))
        is_over = not looks.any_goes_on(view.experiments)
        # What stands still is told between heading and table: a warning would be drawn over.
        stall = None if is_over else outlast(out, lambda: outage.look(time.monotonic()))
        chosen = views.fitting(view.experiments, out.height - 3)
        table = out.drawn(*views.experiment_table(chosen))
        told = stalls.explanation(run, stall) if stall else ""
        out.screen([f"{view.name}  {views.summary(view)}", told, *table])
        if not is_over:
            time.sleep(POLL_INTERVAL)


def outlast(out: Output, read: Callable[[], T]) -> T:
    """Read from the store, again and again through an outage, and say so."""
    for delay in STORE_OUTAGE:
        try:
            return read()
        except StoreError as error:
            out.note(f"{error.message}; trying again in {delay:.0f} s")
            time.sleep(delay)
    return read()
