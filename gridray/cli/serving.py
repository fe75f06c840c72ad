"""How the server of the pages is started, and said to be there."""

import importlib.util
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from gridray.cli import settingshapes
from gridray.cli.names import open_store
from gridray.cli.output import Output
from gridray.errors import UsageError

if TYPE_CHECKING:
    from gridray.ui.server import Server


def server(port: int) -> "Server":
    """Return the server, which listens already.

    Raises:
        UsageError: what it is made with is not installed, or its port is in use.
    """
    if importlib.util.find_spec("nicegui") is None:
        raise UsageError(
            "the pages need NiceGUI, which is not installed here",
            hint='pip install "gridray[ui]"',
        )
    store = open_store()
    from gridray.ui.server import Server

    return Server(store, port, Path.cwd())


def serve(out: Output, found: "Server", *, open_browser: bool) -> None:
    """Say where the pages are, and answer until Ctrl-C."""
    link = settingshapes.Link(found.link())
    out.show(link, _show)
    out.flush()
    out.note("the link is good for one browser; Ctrl-C ends the pages, and nothing else")
    if open_browser:
        # A browser of the terminal comes back only when it is closed.
        threading.Thread(target=webbrowser.open, args=(link.url,), daemon=True).start()
    found.run()


def _show(out: Output, link: settingshapes.Link) -> None:
    out.line(link.url)
