"""An AWS account in which a cluster can be made: moto, with the images of today."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gridray.clusters.aws.session import Account
from tests.clusters.aws import amis


@dataclass
class Cloud:
    """The account; `images` are the ids of its images by region and instance type."""

    url: str
    images: dict[str, dict[str, str]] = field(default_factory=dict)

    def account(self, region: str = "us-east-1") -> Account:
        """Return the account in a region, which has the images then."""
        if region not in self.images:
            self.images[region] = amis.seed(region)
        return Account(region)


@contextmanager
def forbidden() -> Iterator[str]:
    """An S3 that has every bucket, each another account's; its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Forbidden) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class _Forbidden(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
