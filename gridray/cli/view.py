"""`view`: an experiment in the Ray dashboard."""

import typer

from gridray.cli import options, panels
from gridray.cli.command import command
from gridray.cli.output import Output


def register(app: typer.Typer) -> None:
    command(app, "view", rich_help_panel=panels.FOLLOW)(view)


def view(out: Output, name: options.RunOrExperiment, no_browser: options.NoBrowser = False) -> None:
    """Open the Ray dashboard at an experiment's job."""
    from gridray.cli import dashboard
    from gridray.cli.names import experiment, open_store

    link = dashboard.find(out, open_store(), experiment(name))
    out.show(link, dashboard.show)
    dashboard.open_browser(link, wanted=not no_browser)
