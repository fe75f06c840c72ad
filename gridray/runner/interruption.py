"""Watches for the cloud's word that this machine is about to be taken away.

Source: EC2's instance metadata service, version 2: `spot/instance-action` comes about two minutes
before a spot instance is stopped, `events/recommendations/rebalance` when that has become likely.
"""

import http.client
import json
import os
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

DEFAULT_ENDPOINT = "http://169.254.169.254"
VENDOR = Path("/sys/devices/virtual/dmi/id/sys_vendor")
POLL_INTERVAL = 2.0
TIMEOUT = 2.0
TOKEN_SECONDS = 21600
ACTION = "/latest/meta-data/spot/instance-action"
REBALANCE = "/latest/meta-data/events/recommendations/rebalance"


def metadata_endpoint() -> str | None:
    """Return where the metadata service is, or None on a machine that is none of EC2's."""
    if os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return None
    if named := os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT"):
        return named
    try:
        return DEFAULT_ENDPOINT if "Amazon" in VENDOR.read_text() else None
    except OSError:
        return None


class InterruptionWatch:
    """A context in which the metadata service, if there is one, is asked every two seconds."""

    def __init__(
        self, on_notice: Callable[[float], None], on_rebalance: Callable[[], None]
    ) -> None:
        """Name who is to hear.

        Args:
            on_notice: called once, with the time (Unix, s) at which the machine goes.
            on_rebalance: called once, when that has become likely.
        """
        self._on_notice = on_notice
        self._on_rebalance = on_rebalance
        self._endpoint = metadata_endpoint()
        self._token: str | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="interruption", daemon=True)

    def __enter__(self) -> None:
        if self._endpoint is not None:
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def _watch(self) -> None:
        has_rebalance = False
        while not self._over.wait(POLL_INTERVAL):
            if (action := self._get(ACTION)) is not None:
                self._on_notice(_time(action["time"]))
                return
            if not has_rebalance and self._get(REBALANCE) is not None:
                has_rebalance = True
                self._on_rebalance()

    def _get(self, path: str) -> Any:
        """Return what the service says at a path; None where it says nothing or is not heard."""
        try:
            if self._token is None:
                seconds = {"X-aws-ec2-metadata-token-ttl-seconds": str(TOKEN_SECONDS)}
                status, body = self._request("PUT", "/latest/api/token", seconds)
                self._token = body.decode() if status == 200 else None
            status, body = self._request(
                "GET", path, {"X-aws-ec2-metadata-token": self._token or ""}
            )
            if status == 401:
                self._token = None
            return json.loads(body) if status == 200 else None
        except (OSError, http.client.HTTPException, ValueError):
            return None

    def _request(self, method: str, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        parts = urlsplit(self._endpoint or "")
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)
        try:
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


def _time(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
