"""The cloud's word on the machine that this process runs on.

Source: EC2's instance metadata service, version 2, whose answers need a token.
"""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

DEFAULT_ENDPOINT = "http://169.254.169.254"
VENDOR = Path("/sys/devices/virtual/dmi/id/sys_vendor")
TIMEOUT = 2.0
TOKEN_SECONDS = 21600


class MetadataService:
    """A client of the service; what is not there, or not heard, is None."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._token: str | None = None

    @classmethod
    def find(cls) -> "MetadataService | None":
        """Return the service of this machine, or None on a machine that is none of EC2's."""
        endpoint = metadata_endpoint()
        return None if endpoint is None else cls(endpoint)

    def find_text(self, path: str) -> str | None:
        """Return what the service says at a path."""
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
            return body.decode() if status == 200 else None
        except (OSError, ValueError):
            return None

    def find_json(self, path: str) -> Any:
        """Return what the JSON at a path holds."""
        text = self.find_text(path)
        try:
            return None if text is None else json.loads(text)
        except ValueError:
            return None

    def _request(self, method: str, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        # Here, since only machines in the cloud need it, and every runner's start would have it.
        import http.client

        parts = urlsplit(self._endpoint)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)
        try:
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            return response.status, response.read()
        except http.client.HTTPException as error:
            raise OSError(f"{self._endpoint} does not speak HTTP: {error}") from error
        finally:
            connection.close()


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
