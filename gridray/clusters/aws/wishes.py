"""What the user has asked a cluster to be, kept beside it, so that making it can go on."""

import dataclasses
import json
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridray.clusters.aws import made
from gridray.clusters.aws.clusterfile import Wanted
from gridray.errors import ClusterError, ConfigError

FILE = "wanted.json"
# Tells who asks which address they come from.
ADDRESS_SERVICE = "https://checkip.amazonaws.com"
ADDRESS_SECONDS = 5.0


@dataclass(frozen=True)
class Wish:
    """A cluster that is to be, and whether its SSH port is to follow this machine's address."""

    wanted: Wanted
    follows_address: bool

    def save(self, home: Path) -> None:
        fields = {"follows_address": self.follows_address, **dataclasses.asdict(self.wanted)}
        directory = made.private(made.directory(home, self.wanted.name))
        made.write_private(directory / FILE, json.dumps(fields, indent=2).encode())


def load(home: Path, name: str) -> Wish:
    """Read what a cluster was to be.

    Raises:
        ConfigError: that is not known here.
    """
    path = made.directory(home, name) / FILE
    fields = {field.name for field in dataclasses.fields(Wanted)}
    try:
        read = json.loads(path.read_bytes())
        known: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in read.items()
            if key in fields
        }
        return Wish(Wanted(**known), bool(read["follows_address"]))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(
            f"{path} does not tell what the cluster {name} was to be: {error}",
            hint=f"`gridray delete cluster {name}`, then make it anew",
        ) from error


def own_block() -> str:
    """Return the block of the one address that this machine has on the internet.

    Raises:
        ClusterError: it cannot be found out.
    """
    try:
        with urllib.request.urlopen(ADDRESS_SERVICE, timeout=ADDRESS_SECONDS) as answer:
            address = answer.read(64).decode("ascii", "replace").strip()
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"this machine's address on the internet is not known: {ADDRESS_SERVICE} does not tell "
            f"({error})",
            hint="name the addresses that may reach the cluster's SSH: --ssh-from 203.0.113.7/32",
        ) from error
    import ipaddress

    try:
        found = ipaddress.ip_address(address)
    except ValueError as error:
        raise ClusterError(
            f"{ADDRESS_SERVICE} answers {address!r}, which is no address",
            hint="name the addresses that may reach the cluster's SSH: --ssh-from 203.0.113.7/32",
        ) from error
    return f"{found}/{found.max_prefixlen}"
