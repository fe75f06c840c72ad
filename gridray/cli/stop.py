"""`stop`: runs and experiments end before they are done."""

import typer

from gridray.cli import options, panels
from gridray.cli.command import command
from gridray.cli.output import Output
from gridray.cli.plain import PlainGroup


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        cls=PlainGroup, help="Stop runs or experiments; what they have written is kept."
    )
    command(group, "run")(stop_runs)
    command(group, "experiment")(stop_experiments)
    app.add_typer(group, name="stop", rich_help_panel=panels.CHANGE)


def stop_runs(out: Output, run: options.Runs, grace: options.Grace = 30) -> None:
    """Stop all experiments of runs: the scripts get SIGTERM, and SIGKILL after the grace."""
    from gridray.cli import changes, names

    store = names.open_store()
    targets = changes.existing_runs(store, names.runs(run))
    out.show(changes.stop(out, store, targets, grace), changes.show_stops)


def stop_experiments(
    out: Output, experiment: options.Experiments, grace: options.Grace = 30
) -> None:
    """Stop single experiments: the script gets SIGTERM, and SIGKILL after the grace."""
    from gridray.cli import changes, names

    store = names.open_store()
    targets = changes.existing_experiments(store, names.experiments(experiment))
    out.show(changes.stop(out, store, targets, grace), changes.show_stops)
