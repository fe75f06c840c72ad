"""What Gridray makes in an AWS account for a cluster, and takes away again."""

from dataclasses import dataclass
from pathlib import Path

from gridray.clusters.aws.clusterfile import Wanted
from gridray.clusters.aws.instancetype import InstanceType
from gridray.clusters.aws.made import Made
from gridray.clusters.aws.session import Account


@dataclass(frozen=True)
class Group:
    """A worker group that is to be: its node type's name, its instance type and its market."""

    name: str
    type: InstanceType
    market: str
    ami: str


@dataclass(frozen=True)
class Planned:
    """A cluster that can be made. Prices are left to whoever shows it.

    `text` is its cluster file, in which what is not made yet has the name that it will have, and
    `things` are lines in words of what would be made in the account.
    """

    wanted: Wanted
    head: InstanceType
    groups: tuple[Group, ...]
    store: str
    text: str
    things: tuple[str, ...]


@dataclass(frozen=True)
class Thing:
    """Something in AWS that carries a cluster's tags, as `instance i-0123 (running)`."""

    kind: str
    id: str
    state: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.id}" + (f" ({self.state})" if self.state else "")


def plan(account: Account, wanted: Wanted) -> Planned:
    """Look, and return what would be made; nothing is.

    Raises:
        UsageError: the name cannot be one.
        CloudError: a type, an image or a subnet does not exist, or does not fit.
    """
    raise NotImplementedError


def make(account: Account, planned: Planned, home: Path) -> Made:
    """Make what is not there yet, and write the cluster's directory; it can be repeated.

    Raises:
        CloudError: AWS refuses, or the bucket is somebody else's. What was made is in `made.json`.
    """
    raise NotImplementedError


def unmake(account: Account, made: Made, *, purge_store: bool = False) -> list[str]:
    """Take away what was made, and say in words what it was; instances have to be gone before.

    Raises:
        CloudError: AWS refuses.
    """
    raise NotImplementedError


def leftovers(account: Account, name: str) -> list[Thing]:
    """Return what carries the cluster's tags: instances that are not terminated first.

    Raises:
        CloudError: AWS cannot be asked.
    """
    raise NotImplementedError
