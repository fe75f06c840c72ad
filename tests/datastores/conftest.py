"""A data set, and a web server that can be told to misbehave."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gridray import layout
from gridray.store import Store


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Three files, two of them with the same content, and a link."""
    root = tmp_path / "Data Set"
    (root / "sub").mkdir(parents=True)
    (root / "a").write_bytes(b"one")
    (root / "sub" / "b").write_bytes(b"two")
    (root / "sub" / "c").write_bytes(b"one")
    (root / "sub" / "c").chmod(0o700)
    (root / "l").symlink_to("sub/b")
    return root


def contents(store: Store, name: str) -> set[bytes]:
    """Return what is stored of a datastore, whatever its paths."""
    entries = store.entries(layout.datastore_files(name))
    return {store.get(entry.key) for entry in entries}


class Web(ThreadingHTTPServer):
    """Serves `files`; `cut` bytes are missing at the end of each answer."""

    daemon_threads = True
    files: dict[str, bytes]
    cut: int
    has_length: bool
    seen: list[dict[str, str]]

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class _Handler(BaseHTTPRequestHandler):
    server: Web

    def do_GET(self) -> None:
        self.server.seen.append(dict(self.headers))
        data = self.server.files.get(self.path.partition("?")[0])
        if data is None:
            self.send_error(404)
            return
        self.send_response(200)
        if self.server.has_length:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) - self.server.cut])

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def web() -> Iterator[Web]:
    server = Web(("127.0.0.1", 0), _Handler)
    server.files, server.cut, server.has_length, server.seen = {}, 0, True, []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
