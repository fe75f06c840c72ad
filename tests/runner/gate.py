"""A gate before the S3 server, which holds the requests that it is told to."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Gate(ThreadingHTTPServer):
    """A context; `endpoint` is its address."""

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = urlsplit(target).netloc
        self.endpoint = f"http://127.0.0.1:{self.server_port}"
        self.asked: list[str] = []
        self._held: str | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,))

    def __enter__(self) -> "Gate":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.hold(None)
        self.shutdown()
        self._thread.join()
        self.server_close()

    def hold(self, part: str | None) -> None:
        """From now on hold what has this in its path; None: let all go."""
        with self._changed:
            self._held = part
            self._changed.notify_all()

    def pass_through(self, path: str) -> None:
        """Wait while such a request is held."""
        with self._changed:
            self.asked.append(path)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._held is None or self._held not in path)

    def wait_for(self, part: str, count: int) -> None:
        """Wait until so many requests with this in their path have come."""
        with self._changed:
            came = self._changed.wait_for(
                lambda: sum(part in path for path in self.asked) >= count, timeout=60
            )
        assert came, self.asked


class _Handler(BaseHTTPRequestHandler):
    server: Gate
    protocol_version = "HTTP/1.1"

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.pass_through(self.path)
        connection = http.client.HTTPConnection(self.server.target)
        try:
            # The host that the client has named is part of what it has signed.
            connection.request(self.command, self.path, body, dict(self.headers))
            response = connection.getresponse()
            answer = response.read()
            self.send_response(response.status)
            for name, value in response.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "date", "server"):
                    self.send_header(name, value)
            if response.getheader("Content-Length") is None:
                self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
        except OSError:
            self.close_connection = True
        finally:
            connection.close()

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _forward

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
