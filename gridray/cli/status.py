"""`status` and `history`: where runs and experiments are."""

import time

import typer

from gridray.cli import options, panels
from gridray.cli.command import command
from gridray.cli.output import Output


def register(app: typer.Typer) -> None:
    command(app, "status", rich_help_panel=panels.FOLLOW)(status)
    command(app, "history", rich_help_panel=panels.FOLLOW)(history)


def status(out: Output, name: options.OptionalName = None, watch: options.Watch = False) -> None:
    """Show the runs of the last day, or one run with its experiments."""
    from gridray.cli import looks, shapes, views
    from gridray.cli.names import open_store
    from gridray.layout import parse_name

    store = open_store()
    run, index = parse_name(name) if name else (None, None)
    if watch:
        from gridray.cli import watching

        watching.watch(out, store, run, index)
    elif run:
        view = looks.detail(store, run, index)
        out.show(view, views.run)
        if looks.any_goes_on(view.experiments):
            from gridray.cli import stalls

            stalls.tell(out, store, view)
    else:
        found, older = looks.recent(out, store)
        out.show(shapes.Runs(tuple(map(shapes.Run.of, found))), views.recent_runs)
        views.tell_older(out, len(found), older)
        if looks.any_goes_on(found):
            from gridray.cli import stalls

            stalls.tell_all(out, store, found, time.time())


def history(out: Output) -> None:
    """Show all runs that are over, the newest first."""
    from gridray.cli import shapes, views
    from gridray.cli.names import open_store
    from gridray.readers import runs

    found = runs.summaries(open_store(), time.time(), lambda error: out.warn(error.message))
    over = tuple(shapes.Run.of(run) for run in found if run.state.is_terminal)
    out.show(shapes.Runs(over), views.history)
