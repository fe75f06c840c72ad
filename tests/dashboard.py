"""A small real server in the place of a Ray dashboard: it gives the answers that it was told."""

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


class Dashboard(HTTPServer):
    """Answers what it was told to, and keeps what it was asked."""

    answers: dict[tuple[str, str], tuple[int, Any]]
    asked: list[tuple[str, str, Any]]


class Handler(BaseHTTPRequestHandler):
    server: Dashboard

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        self.server.asked.append((self.command, self.path, body))
        status, answer = self.server.answers.get((self.command, self.path), (404, "unknown"))
        data = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = _answer

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
