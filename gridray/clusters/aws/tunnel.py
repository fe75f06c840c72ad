"""The way to a cluster's dashboard, which listens on its head's loopback only: an SSH tunnel.

It is opened when a command first needs it, one a process, and ends with the process, however that
ends: the other side of the tunnel reads from this process, and is over when there is nobody left.
"""

import atexit
import contextlib
import os
import select
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from gridray.clusters.cluster import Cluster
from gridray.errors import ClusterError

DASHBOARD_PORT = 8265
CONNECT_SECONDS = 10
# A connection that has died without a word is noticed after 45 seconds.
ALIVE_SECONDS, ALIVE_COUNT = 15, 3
# What a slow head takes to let somebody in.
OPEN_SECONDS = 60.0
END_SECONDS = 2.0
ATTEMPTS = 3
# What ssh itself ends with, and some commands do.
FAILED = 255
READY = "gridray-tunnel-is-open"
# Reads from this process for as long as it lives.
REMOTE = f"echo {READY}; exec cat >/dev/null"
TAKEN = ("cannot listen to port", "Address already in use")
CHANGED = ("REMOTE HOST IDENTIFICATION HAS CHANGED", "Host key verification failed")
SILENT = ("timed out", "Connection refused", "No route to host", "Network is unreachable")


class UnreachableError(ClusterError):
    """Nothing answers where a head's SSH port is."""


@dataclass(frozen=True)
class Login:
    """How to get into a cluster's head.

    `known_hosts` holds the head's key, and no other key is taken.
    """

    cluster: str
    host: str
    user: str
    key: Path
    known_hosts: Path
    port: int = 22

    def command(self, *options: str) -> list[str]:
        """Return the words that call ssh; none of the user's own settings count."""
        settings = {
            "BatchMode": "yes",
            "IdentityFile": _quoted(self.key),
            "IdentitiesOnly": "yes",
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": _quoted(self.known_hosts),
            "GlobalKnownHostsFile": "/dev/null",
            "HostKeyAlias": self.cluster,
            "ConnectTimeout": str(CONNECT_SECONDS),
            "ServerAliveInterval": str(ALIVE_SECONDS),
            "ServerAliveCountMax": str(ALIVE_COUNT),
        }
        words = ["ssh", "-F", "/dev/null", "-p", str(self.port)]
        words += [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
        return [*words, *options, f"{self.user}@{self.host}"]


def _quoted(path: Path) -> str:
    """Return a path as ssh reads it in an option, where spaces part words and % begins a token."""
    return '"{}"'.format(str(path).replace("%", "%%"))


class Tunnel:
    """A port of this machine's loopback that leads to one of a head's."""

    def __init__(self, login: Login, target: int = DASHBOARD_PORT) -> None:
        self._login = login
        self._target = target
        self._process: subprocess.Popen[str] | None = None
        self._port = 0
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def port(self) -> int:
        """Return the port here; the tunnel is opened first, or again, if need be.

        Raises:
            UnreachableError: the head's SSH port does not answer.
            ClusterError: what answers is another machine, or does not let us in.
        """
        with self._lock:
            if not self.is_open:
                self._open()
            return self._port

    def close(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None and process.stdout is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def _open(self) -> None:
        self.close()
        told = ""
        for _ in range(ATTEMPTS):
            port = _free_port()
            said = self._start(port)
            if said is None:
                self._port = port
                return
            told = said
            if not any(words in told for words in TAKEN):
                break
        raise failure(self._login, told)

    def _start(self, port: int) -> str | None:
        """Start ssh; return what it says if it ends, None when the tunnel is open."""
        forwarded = f"127.0.0.1:{port}:127.0.0.1:{self._target}"
        options = ("-T", "-L", forwarded, "-o", "ExitOnForwardFailure=yes")
        with tempfile.TemporaryFile("w+", errors="replace") as errors:
            try:
                # In a session of its own, so that Ctrl-C does not end it before what needs it.
                process = subprocess.Popen(
                    [*self._login.command(*options), REMOTE],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                    errors="replace",
                    start_new_session=True,
                )
            except FileNotFoundError as error:
                raise no_ssh() from error
            self._process = process
            assert process.stdout is not None
            if _says_ready(process.stdout, time.monotonic() + OPEN_SECONDS):
                return None
            self.close()
            errors.seek(0)
            return errors.read() or f"the head let us in, but for {OPEN_SECONDS:.0f} s said nothing"


def _says_ready(output: IO[str], deadline: float) -> bool:
    """Wait for the other side's word; whatever the head's shell prints comes before it."""
    heard = ""
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([output], [], [], left)[0]:
            return False
        read = os.read(output.fileno(), 4096)
        if not read:
            return False
        heard += read.decode(errors="replace")
        if READY in heard:
            return True
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def no_ssh() -> ClusterError:
    return ClusterError(
        "there is no program `ssh` on this machine, which a cluster in AWS is reached with",
        hint="install OpenSSH's client, as openssh-client",
    )


def check(login: Login) -> None:
    """Check that a head lets us in.

    Raises:
        UnreachableError: its SSH port does not answer.
        ClusterError: it does not; why, in words.
    """
    words = [*login.command("-T"), "true"]
    answer = subprocess.run(
        words, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
    )
    if answer.returncode != 0:
        raise failure(login, answer.stderr)


def failure(login: Login, told: str) -> ClusterError:
    """Translate what ssh says."""
    last = next((line for line in reversed(told.strip().splitlines()) if line.strip()), "")
    if any(words in told for words in CHANGED):
        return ClusterError(
            f"the machine at {login.host} is not the head of the cluster {login.cluster}: its SSH "
            "host key is another one than it was when the cluster was made",
            hint=f"something may stand in between; if the head was made anew, "
            f"`gridray clusters up {login.cluster}` learns its key again",
        )
    if any(words in told for words in SILENT):
        return UnreachableError(
            f"the SSH port of the head of {login.cluster} does not answer at {login.host}: {last}",
            hint=f"`gridray clusters status {login.cluster}` tells whether it runs; if your own "
            f"address has changed, `gridray clusters up {login.cluster}` opens the port to it",
        )
    if "Permission denied" in told:
        return ClusterError(
            f"the head of {login.cluster} does not let {login.user} in with {login.key}",
            hint=f"`gridray clusters up {login.cluster}` mends it, or delete the cluster",
        )
    return ClusterError(
        f"no SSH to the head of {login.cluster} at {login.host}: {last.strip()}",
        hint=f"`gridray clusters status {login.cluster}` tells whether it runs",
    )


class TunnelledCluster(Cluster):
    """A cluster whose address is an end of a tunnel, which is opened when it is asked for."""

    def __init__(self, name: str, token: str | None, login: Callable[[], Login]) -> None:
        for field, value in (("name", name), ("key", name), ("token", token)):
            object.__setattr__(self, field, value)
        object.__setattr__(self, "_login", login)

    def __repr__(self) -> str:
        return f"TunnelledCluster({self.name!r})"

    @property
    def address(self) -> str:
        """The dashboard's, on this machine's loopback.

        Raises:
            ClusterError: no tunnel can be opened.
        """
        login: Login = self.__dict__["_login"]()
        return f"http://127.0.0.1:{_tunnel(login).port()}"


_tunnels: dict[Login, Tunnel] = {}
_tunnels_lock = threading.Lock()


def _tunnel(login: Login) -> Tunnel:
    with _tunnels_lock:
        if not _tunnels:
            atexit.register(close_all)
        return _tunnels.setdefault(login, Tunnel(login))


def leads_to(url: str) -> bool:
    """Whether an address is the end of a tunnel of this process that is open."""
    with _tunnels_lock:
        every = list(_tunnels.values())
    return any(
        each.is_open and url.startswith(f"http://127.0.0.1:{each.port()}/") for each in every
    )


def close_all() -> None:
    """Close the tunnels of this process."""
    with _tunnels_lock:
        open_ones = list(_tunnels.values())
        _tunnels.clear()
    for tunnel in open_ones:
        tunnel.close()
