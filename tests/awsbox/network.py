"""The network of the box: a bridge in place of a VPC, and a network namespace for each host."""

import contextlib
import ctypes
import json
import os
import signal
import socket
import threading

from tests.awsbox.machine import BoxError, run

BRIDGE = "abx0"
BRIDGE_ADDRESS = (
    "172.31.0.1"  # moto's default VPC is 172.31.0.0/16; its subnets leave this one free
)
PREFIX = 16
METADATA = "169.254.169.254"
SPACE = "abx-"  # what the names of our namespaces begin with
LINK = "abxv"
CLONE_NEWNET = 0x40000000  # linux/sched.h


def make_bridge() -> None:
    """Make the network that all hosts are on.

    Raises:
        BoxError: its addresses are somebody's already.
    """
    if "172.31." in run("ip", "-4", "-o", "addr"):
        raise BoxError(
            "this machine has an address in 172.31.0.0/16, which the box needs for itself"
        )
    run("ip", "link", "add", BRIDGE, "type", "bridge")
    run("ip", "addr", "add", f"{BRIDGE_ADDRESS}/{PREFIX}", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")


def is_inside(address: str) -> bool:
    """Say whether an address is in the network; moto gives others to instances of no subnet."""
    return address.startswith("172.31.") and address != BRIDGE_ADDRESS


class HostNetwork:
    """A host's network namespace with its one link to the bridge, and no way out of there."""

    def __init__(self, instance_id: str, number: int, address: str) -> None:
        self.space = SPACE + instance_id
        self._link = f"{LINK}{number}"
        self._rules = ""
        run("ip", "netns", "add", self.space)
        inside = ("ip", "-n", self.space)
        run(
            "ip",
            "link",
            "add",
            self._link,
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            self.space,
        )
        run("ip", "link", "set", self._link, "master", BRIDGE, "up")
        run(*inside, "addr", "add", f"{address}/{PREFIX}", "dev", "eth0")
        run(*inside, "addr", "add", f"{METADATA}/32", "dev", "lo")
        run(*inside, "link", "set", "lo", "up")
        run(*inside, "link", "set", "eth0", "up")
        # Ray learns its own address by "connecting" a UDP socket to 8.8.8.8, which takes a route.
        run(*inside, "route", "add", "default", "dev", "eth0", "src", address)

    def set_rules(self, rules: str) -> None:
        """Have the firewall be so, at once."""
        if rules != self._rules:
            run("ip", "netns", "exec", self.space, "nft", "-f", "-", feed=rules)
            self._rules = rules

    def cut(self) -> None:
        """Cut the cable: whoever talks to the host hears nothing more, not even a goodbye."""
        run("ip", "link", "del", self._link, check=False)

    def remove(self) -> None:
        self.cut()
        run("ip", "netns", "del", self.space, check=False)

    def listen(self, address: str, port: int) -> socket.socket:
        """Return a socket that listens inside of the namespace, for this process to serve."""
        made: list[socket.socket] = []

        def inside() -> None:
            libc = ctypes.CDLL(None, use_errno=True)
            with open(f"/run/netns/{self.space}") as file:
                if libc.setns(file.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            made.append(socket.create_server((address, port)))

        # A thread of its own goes there, and is gone with it.
        thread = threading.Thread(target=inside)
        thread.start()
        thread.join()
        if not made:
            raise BoxError(f"cannot listen on {address}:{port} in {self.space}")
        return made[0]


def remove_leftovers() -> None:
    """Remove all that boxes have left: of one that was killed, the processes died with it."""
    for line in run("ip", "netns", "list", check=False).splitlines():
        space = line.split()[0]
        if space.startswith(SPACE):
            for pid in run("ip", "netns", "pids", space, check=False).split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            run("ip", "netns", "del", space, check=False)
    for link in json.loads(run("ip", "-j", "link", check=False) or "[]"):
        name = link.get("ifname", "")
        if name == BRIDGE or name.startswith(LINK):
            run("ip", "link", "del", name, check=False)
