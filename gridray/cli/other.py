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
    show_version(out)


def show_version(out: Output) -> None:
    from importlib.metadata import version
    from platform import python_version

    from gridray.cli import shapes

    found = shapes.Version(version("gridray"), python_version())
    out.show(found, lambda out, found: out.line(f"gridray {found.gridray}"))
