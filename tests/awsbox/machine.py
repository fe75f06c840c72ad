"""What the box asks of the machine that it runs on: its commands, and where things lie."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).parents[2]
STATE = Path("/run/awsbox")  # nothing of it outlives the box
HOSTS = STATE / "hosts"
REQUESTS = STATE / "requests"
REGIONS = STATE / "regions"
TOOLS = {
    "ip": "iproute2",
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "rsync": "rsync",
    "nft": "nftables",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "mount": "mount",
    "hostname": "hostname",
}
# What a host is made of, in small: a kernel that refuses one of these has no place for the box.
TRIAL = """set -e
mount -t tmpfs none /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay none -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
ip link add trial type veth peer name other
nft 'add table inet trial; add chain inet trial in { type filter hook input priority 0; };
     add rule inet trial in ct state established accept'
"""
T = TypeVar("T")


class BoxError(RuntimeError):
    """The box cannot start, or has no answer; the message says what to do."""


def run(*command: str, check: bool = True, timeout: float = 20, feed: str = "") -> str:
    """Run a command and return its output.

    Raises:
        BoxError: it failed, with what it said.
    """
    done = subprocess.run(command, input=feed, capture_output=True, text=True, timeout=timeout)
    if check and done.returncode:
        said = done.stderr.strip() or done.stdout.strip()
        raise BoxError(f"{' '.join(command)}: exit {done.returncode}: {said}")
    return done.stdout


def wait_for(what: str, look: Callable[[], T | None], timeout: float) -> T:
    """Look until there is something, and return it.

    Raises:
        BoxError: there was nothing for `timeout` seconds.
    """
    end = time.monotonic() + timeout
    while not (found := look()):
        if time.monotonic() > end:
            raise BoxError(f"waited {timeout:g} s for {what}")
        time.sleep(0.1)
    return found


def what_is_missing() -> str | None:
    """Say what keeps the box from running here and how to get it; `None` if nothing does."""
    if not sys.platform.startswith("linux"):
        return "it needs Linux, for its namespaces"
    if os.geteuid() != 0:
        return "it needs root, for namespaces and mounts: run the tests as root"
    os.environ["PATH"] = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    packages = sorted({package for tool, package in TOOLS.items() if not shutil.which(tool)})
    if packages:
        return f"packages are missing: apt-get install -y {' '.join(packages)}"
    try:
        run("unshare", "--mount", "--net", "--pid", "--fork", "sh", "-c", TRIAL)
    except BoxError as error:
        said = str(error).rpartition("\n")[2]
        return f"this kernel or container does not let it make hosts: {said}"
    return None


def write_json(path: Path, data: object) -> None:
    """Write it at once, so that no reader sees half of it."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(data))
    partial.replace(path)


def read_json(path: Path, default: object) -> Any:
    """Return what a file holds; the default if there is no such file."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return default


def process_of(instance_id: str) -> int | None:
    """Return the process, as this machine numbers it, of a host's SSH server; `None` until then."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        outer = int((HOSTS / instance_id / "process").read_text())
        first = int(Path(f"/proc/{outer}/task/{outer}/children").read_text().split()[0])
        if Path(f"/proc/{first}/comm").read_text().strip() == "sshd":
            return first
    return None
