"""A real SSH server on loopback, for one test: what a head is to Gridray."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

NEEDED = ("sshd", "ssh", "ssh-keygen", "ssh-keyscan")


def which(program: str) -> str | None:
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def require() -> None:
    """Skip a test where there is no OpenSSH, except in CI, where that is a failure."""
    missing = [program for program in NEEDED if which(program) is None]
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"CI lacks {', '.join(missing)}: install openssh-server and openssh-client")
    if missing:
        pytest.skip(f"needs {', '.join(missing)}: install openssh-server and openssh-client")


class SshServer:
    """An sshd that lets this user in with one key."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(mode=0o700)
        self.key = directory / "user key 100%h"
        self.host_key = directory / "host_key"
        self.user = getpass.getuser()
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        for path in (self.key, self.host_key):
            keygen(path)
        shutil.copy(f"{self.key}.pub", directory / "authorized_keys")

    @property
    def known_key(self) -> str:
        return " ".join(Path(f"{self.host_key}.pub").read_text().split()[:2])

    def start(self) -> None:
        configuration = self.directory / "sshd_config"
        configuration.write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.host_key}\n"
            f'AuthorizedKeysFile "{self.directory}/authorized_keys"\nStrictModes no\nUsePAM no\n'
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPidFile none\n"
            "PermitRootLogin prohibit-password\n"
        )
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        sshd = which("sshd")
        assert sshd is not None
        self._process = subprocess.Popen(
            [sshd, "-D", "-e", "-f", str(configuration)],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _wait_for(self.port)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def renew(self) -> None:
        """Become another machine at the same address."""
        self.stop()
        self.host_key.unlink()
        keygen(self.host_key)
        self.start()


def keygen(path: Path) -> None:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError("sshd does not listen")
