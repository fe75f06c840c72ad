"""`sync-env`: the packages that the user works with become the run's dependencies."""

import typer

from gridray.cli import needs, options, panels
from gridray.cli.command import command
from gridray.cli.output import Output


def register(app: typer.Typer) -> None:
    command(app, "sync-env", rich_help_panel=panels.RUN)(sync_env)


def sync_env(
    out: Output, dependency_file: needs.WrittenFile = None, yes: options.Yes = False
) -> None:
    """Write the active environment into requirements.txt."""
    from gridray.cli import syncing

    found = syncing.find(dependency_file)
    if found.changes and not found.is_new:
        out.confirm(syncing.question(found), yes=yes)
    out.show(syncing.write(found), syncing.show)
