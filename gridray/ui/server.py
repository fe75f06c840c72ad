"""The web server of the pages: one process, on loopback, until Ctrl-C."""

import errno
import socket
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from nicegui import app as pages
from nicegui import ui

from gridray.errors import UsageError
from gridray.store import Store
from gridray.ui import clusters, experiment, files, launching, run, runs
from gridray.ui.gate import TICKET, Gate
from gridray.ui.keys import Keys
from gridray.ui.site import Site

HOST = "127.0.0.1"
STATIC = Path(__file__).parent / "static"
# Seconds that open pages get to hear that the server goes.
GRACE = 1


class Server:
    """Listens from when it is made on; `run` answers."""

    def __init__(self, store: Store, port: int, directory: Path) -> None:
        """Take a port.

        Args:
            port: 0: any that is free.

        Raises:
            UsageError: it is in use, or no port for this user.
        """
        self._socket = _listen(port)
        self._keys = Keys()
        self._site = Site(store.lasting(), self._keys, directory)
        self.port: int = self._socket.getsockname()[1]

    def link(self) -> str:
        """Return an address that lets one browser in."""
        return f"http://{HOST}:{self.port}/?{TICKET}={self._keys.ticket()}"

    def run(self) -> None:
        """Answer until the process is told to end."""
        gate = Gate(_application(self._site), self._keys, f"gridray_{self.port}")
        config = uvicorn.Config(
            gate,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=GRACE,
            # What goes to this machine itself need not be made smaller.
            ws_per_message_deflate=False,
        )
        uvicorn.Server(config).run(sockets=[self._socket])


def _application(site: Site) -> FastAPI:
    application = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    files.register(application, site)
    pages.add_static_files("/static", STATIC, max_cache_age=0)
    for page in (runs, run, experiment, clusters, launching):
        page.register(site)
    ui.run_with(
        application,
        title="Gridray",
        gzip_middleware_factory=None,
        favicon=STATIC / "icon.svg",
        dark=None,
        tailwind=False,
        show_welcome_message=False,
    )
    return application


def _listen(port: int) -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # Or a server that was just ended keeps its port from the next one for a minute.
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((HOST, port))
        found.listen(128)
    except OSError as error:
        found.close()
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be had: {error.strerror}"
        raise UsageError(
            f"the port {port} of {HOST} {why}",
            hint="`gridray ui --port 0` takes any that is free",
        ) from error
    return found
