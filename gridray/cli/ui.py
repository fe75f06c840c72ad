"""`ui`: the pages."""

import typer

from gridray.cli import options, panels
from gridray.cli.command import command
from gridray.cli.output import Output


def register(app: typer.Typer) -> None:
    command(app, "ui", rich_help_panel=panels.FOLLOW)(ui)


def ui(out: Output, port: options.UiPort = 8268, no_browser: options.NoBrowser = False) -> None:
    """Open a page in the browser that shows all runs, compares, launches and stops them.

    It reads the store, and needs no cluster for what is past. Only the browser that opens the
    printed link is let in, and it stays until Ctrl-C.
    """
    from gridray.cli import serving

    server = serving.server(port)
    serving.serve(out, server, open_browser=not no_browser)
