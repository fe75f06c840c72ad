"""`docs` and `version`."""

import typer

from gridray.cli import options, panels
from gridray.cli.command import command
from gridray.cli.output import Output


def register(app: typer.Typer) -> None:
    command(app, "docs", rich_help_panel=panels.OTHER)(docs)
    command(app, "version", rich_help_panel=panels.OTHER)(version)


def docs(out: Output, topic: options.Topic = None) -> None:
    """Print a page of the documentation, or list the pages."""
    from gridray.cli import manual

    if topic is None:
        out.show(manual.topics(), manual.show_topics)
    else:
        out.show(manual.page(topic), manual.show_page)


def version(out: Output) -> None:
    """Print the versions of Gridray and Python."""
    from gridray.cli import versions

    out.show(versions.find(), versions.show)
