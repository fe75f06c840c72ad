"""A head that is this machine: its SSH server and its dashboard listen on loopback."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import HTTPServer
from pathlib import Path
from typing import Any

import pytest

from gridray.clusters.aws import hostkeys, rayup, tunnel
from tests import sshd
from tests.clusters.aws import ray_up
from tests.dashboard import Dashboard, Handler
from tests.sshd import SshServer


class RayHandler(Handler):
    """Answers as the dashboard of a cluster with a controller."""

    def _answer(self) -> None:
        self.server.asked.append((self.command, self.path, self.headers.get("Authorization")))
        answer: Any = {"ray_version": "2.60.0"}
        if self.path.startswith("/api/v0/"):
            kind = self.path.split("/")[3].partition("?")[0]
            found = [{"state": "ALIVE"}] if kind == "actors" and "detail=0" in self.path else []
            answer = {"data": {"result": {"result": found}}}
        elif self.path.startswith("/api/cluster_status"):
            answer = {"data": {"clusterStatus": ""}}
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = _answer


@dataclass
class Head:
    """`asked` is what its dashboard was asked, with the token."""

    server: SshServer
    dashboard: Dashboard

    @property
    def asked(self) -> list[tuple[str, str, Any]]:
        return self.dashboard.asked


@contextmanager
def playing(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Head]:
    """Let `ray up` make such a head, and ssh find it whatever its address."""
    server = SshServer(directory / "head")
    server.start()
    dashboard = Dashboard(("127.0.0.1", 0), RayHandler)
    dashboard.answers, dashboard.asked = {}, []
    thread = threading.Thread(target=dashboard.serve_forever, args=(0.01,))
    thread.start()
    _wrap(directory / "bin", server, _port(dashboard))
    monkeypatch.setenv("PATH", f"{directory / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv(ray_up.AUTHORIZED_KEYS, str(server.directory / "authorized_keys"))
    root = Path(__file__).parents[3]
    monkeypatch.setenv("PYTHONPATH", str(root))
    monkeypatch.setattr(rayup, "RAY", (rayup.RAY[0], "-m", "tests.clusters.aws.ray_up"))
    monkeypatch.setattr(hostkeys, "CONSOLE_SECONDS", 0.0)
    yield Head(server, dashboard)
    tunnel.close_all()
    server.stop()
    dashboard.shutdown()
    thread.join()
    dashboard.server_close()


def _wrap(directory: Path, server: SshServer, dashboard: int) -> None:
    """Put programs of the names of OpenSSH's before them."""
    directory.mkdir()
    ssh = (
        "args=()\n"
        'for word in "$@"; do\n'
        f'    args+=("${{word//127.0.0.1:{tunnel.DASHBOARD_PORT}/127.0.0.1:{dashboard}}}")\n'
        "done\n"
        f"exec {sshd.which('ssh')} -o HostName=127.0.0.1 -p {server.port} "
        f'-o User={server.user} "${{args[@]}}"\n'
    )
    scan = f"exec {sshd.which('ssh-keyscan')} -p {server.port} 127.0.0.1\n"
    for name, script in (("ssh", ssh), ("ssh-keyscan", scan)):
        (directory / name).write_text(f"#!/bin/bash\n{script}")
        (directory / name).chmod(0o755)


def _port(server: HTTPServer) -> int:
    return int(server.server_address[1])
