"""`why`: what an experiment waits for, or why it ended."""

import typer

from gridray.cli import options, panels
from gridray.cli.command import command
from gridray.cli.output import Output


def register(app: typer.Typer) -> None:
    command(app, "why", rich_help_panel=panels.FOLLOW)(why)


def why(out: Output, name: options.WhyName) -> None:
    """Say why an experiment waits, or ended, and what is next."""
    from gridray.cli import explaining
    from gridray.cli.names import open_store
    from gridray.layout import parse_name

    answer = explaining.find(out, open_store(), *parse_name(name))
    out.show(answer, explaining.show)
    out.next_commands(answer.next)
