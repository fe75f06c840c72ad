"""EC2's instance metadata service, version 2: silent until it is told of an end."""

import json
import socket
import threading
import time
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "a-token-of-the-metadata-service"


class MetadataService(ThreadingHTTPServer):
    """A context; `endpoint` is its address: on loopback, or where the listener is."""

    def __init__(self, listener: socket.socket | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler, bind_and_activate=listener is None)
        if listener is not None:
            self.socket.close()
            self.socket = listener
        self.daemon_threads = True
        self.answers: dict[str, str] = {}
        self.asked: list[str] = []
        address, port = self.socket.getsockname()
        self.endpoint = f"http://{address}:{port}"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,))

    def __enter__(self) -> "MetadataService":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def describe(self, instance_id: str, instance_type: str, market: str, zone: str) -> None:
        """Say what the instance is."""
        about = "/latest/meta-data/"
        self.answers |= {
            f"{about}instance-id": instance_id,
            f"{about}instance-type": instance_type,
            f"{about}instance-life-cycle": market,
            f"{about}placement/availability-zone": zone,
        }

    def announce(self, seconds: float) -> None:
        """Say that the instance is terminated in so many seconds."""
        moment = datetime.fromtimestamp(time.time() + seconds, timezone.utc)
        notice = {"action": "terminate", "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}
        self.answers["/latest/meta-data/spot/instance-action"] = json.dumps(notice)

    def recommend_rebalance(self) -> None:
        self.answers["/latest/meta-data/events/recommendations/rebalance"] = json.dumps(
            {"noticeTime": "2026-11-22T10:00:00Z"}
        )


class _Handler(BaseHTTPRequestHandler):
    server: MetadataService

    def do_PUT(self) -> None:
        has_ttl = self.headers["X-aws-ec2-metadata-token-ttl-seconds"] is not None
        self._answer(200 if has_ttl and self.path == "/latest/api/token" else 400, TOKEN)

    def do_GET(self) -> None:
        if self.headers["X-aws-ec2-metadata-token"] != TOKEN:
            self._answer(401, "")
            return
        self.server.asked.append(self.path)
        answer = self.server.answers.get(self.path)
        self._answer(404 if answer is None else 200, answer or "")

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
