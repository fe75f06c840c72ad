"""What is remembered of this machine's own cluster, for those who have to start fast, too."""

import json
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from gridray.settings import LOCAL

PROBE_TIMEOUT = 1.0


@dataclass(frozen=True)
class LocalState:
    """What is remembered of the cluster. `variables` are hashes of what a store needs."""

    identity: str
    port: int
    token: str
    variables: dict[str, str]

    @property
    def key(self) -> str:
        """The cluster's key in the store."""
        return f"{LOCAL}-{self.identity}"

    def is_listening(self) -> bool:
        """Whether anything listens where its dashboard would."""
        try:
            socket.create_connection(("127.0.0.1", self.port), PROBE_TIMEOUT).close()
        except OSError:
            return False
        return True


def directory(home: Path) -> Path:
    return home / "local"


def load(home: Path) -> LocalState | None:
    """Return what is remembered; None: the cluster has never been started."""
    try:
        return LocalState(**json.loads(_file(home).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def save(home: Path, state: LocalState) -> None:
    """Remember it, for this user's eyes only."""
    partial = _file(home).with_suffix(".new")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w") as file:
        json.dump(asdict(state), file)
    os.replace(partial, _file(home))


def _file(home: Path) -> Path:
    return directory(home) / "cluster.json"
