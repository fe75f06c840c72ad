"""The tunnel to a dashboard, through a real SSH server on loopback."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from gridray.clusters.aws import hostkeys, tunnel
from gridray.clusters.aws.tunnel import Login, Tunnel, TunnelledCluster, UnreachableError
from gridray.errors import ClusterError
from tests import sshd
from tests.dashboard import Dashboard
from tests.sshd import SshServer

VERSION = {("GET", "/api/version"): (200, {"ray_version": "2.60.0"})}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SshServer]:
    sshd.require()
    found = SshServer(tmp_path / "sshd")
    found.start()
    yield found
    found.stop()


@pytest.fixture
def login(server: SshServer, tmp_path: Path) -> Login:
    home = tmp_path / "gridray home 100% %h"
    home.mkdir()
    known_hosts = home / "known_hosts"
    hostkeys.remember(known_hosts, "one", hostkeys.scan("127.0.0.1", server.port), "i-1")
    return Login("one", "127.0.0.1", server.user, server.key, known_hosts, server.port)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    tunnel.close_all()


def port_of(dashboard: Dashboard) -> int:
    return int(dashboard.server_address[1])


def children() -> list[str]:
    return [child.name() for child in psutil.Process().children(recursive=True)]


def test_a_cluster_opens_its_tunnel_when_it_is_asked(
    login: Login, dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    dashboard.answers |= VERSION
    monkeypatch.setattr(Tunnel.__init__, "__defaults__", (port_of(dashboard),))
    cluster = TunnelledCluster("one", "token", lambda: login)
    assert (cluster.name, cluster.key, cluster.token, repr(cluster)) == (
        "one",
        "one",
        "token",
        "TunnelledCluster('one')",
    )
    assert "ssh" not in children()
    assert cluster.jobs().version() == "2.60.0"
    assert cluster.address == cluster.address
    assert children().count("ssh") == 1
    tunnel.close_all()
    assert "ssh" not in children()


def wait_until_closed(way: Tunnel) -> None:
    while way.is_open:
        time.sleep(0.01)


def test_a_tunnel_that_has_died_is_opened_again(login: Login, dashboard: Dashboard) -> None:
    way = Tunnel(login, port_of(dashboard))
    way.port()
    for child in psutil.Process().children():
        if child.name() == "ssh":
            child.kill()
    wait_until_closed(way)
    assert way.port()
    way.close()


def test_threads_share_a_tunnel_and_each_process_has_one(
    login: Login, dashboard: Dashboard
) -> None:
    way = Tunnel(login, port_of(dashboard))
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(way.port())) for _ in range(5)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    other = Tunnel(login, port_of(dashboard))
    assert len(set(found)) == 1 and other.port() != found[0]
    way.close()
    other.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_tunnel_outlives_its_process(login: Login, number: signal.Signals) -> None:
    program = (
        "import time; from pathlib import Path\n"
        "from gridray.clusters.aws.tunnel import Login, Tunnel\n"
        f"way = Tunnel(Login({login.cluster!r}, {login.host!r}, {login.user!r}, "
        f"Path({str(login.key)!r}), Path({str(login.known_hosts)!r}), {login.port}))\n"
        "print(way.port(), flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline()
        ssh = psutil.Process(process.pid).children()
        assert [child.name() for child in ssh] == ["ssh"]
        os.kill(process.pid, number)
        process.wait()
    _, alive = psutil.wait_procs(ssh, timeout=20)
    assert not alive


def test_another_host_key_is_not_taken(login: Login, server: SshServer) -> None:
    server.renew()
    with pytest.raises(ClusterError, match="its SSH host key is another one") as refused:
        Tunnel(login).port()
    assert "clusters up one" in str(refused.value.hint)
    assert "ssh" not in children()


def test_a_closed_port_is_told_with_its_mend(login: Login, server: SshServer) -> None:
    server.stop()
    with pytest.raises(
        UnreachableError, match=r"does not answer at 127\.0\.0\.1: .*refused"
    ) as told:
        Tunnel(login).port()
    assert "your own address has changed" in str(told.value.hint)


def test_another_users_key_is_not_let_in(login: Login, tmp_path: Path) -> None:
    sshd.keygen(tmp_path / "strange")
    with pytest.raises(ClusterError, match=r"does not let .* in with"):
        Tunnel(replace(login, key=tmp_path / "strange")).port()


def test_a_taken_port_is_another_try(
    login: Login, dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = iter([port_of(dashboard), tunnel._free_port()])
    monkeypatch.setattr(tunnel, "_free_port", lambda: next(ports))
    way = Tunnel(login, port_of(dashboard))
    assert way.port() != port_of(dashboard)
    way.close()


def test_no_ssh_on_this_machine(login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ClusterError, match="no program `ssh`"):
        Tunnel(login).port()
    with pytest.raises(ClusterError, match="no program `ssh-keyscan`"):
        hostkeys.scan("127.0.0.1")


def test_host_keys_are_scanned(server: SshServer) -> None:
    assert hostkeys.scan("127.0.0.1", server.port) == (server.known_key,)
    server.stop()
    with pytest.raises(ClusterError, match="shows no SSH host key"):
        hostkeys.scan("127.0.0.1", server.port)
