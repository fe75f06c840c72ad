"""What would keep a cluster from being made, found before anything is."""

from collections.abc import Sequence
from dataclasses import dataclass

from gridray.clusters.aws.session import Account


@dataclass(frozen=True)
class Wanted:
    """A worker group that is to be: its instance type, its market, how many nodes at most."""

    instance_type: str
    market: str
    count: int


@dataclass(frozen=True)
class Problem:
    """One thing in the way, and its mend. What is not fatal is in the way of part of it."""

    message: str
    hint: str
    is_fatal: bool = True


def check(
    account: Account,
    wanted: Sequence[Wanted],
    head: str,
    *,
    subnets: Sequence[str] = (),
    image: str | None = None,
) -> list[Problem]:
    """Return all that is in the way of a cluster, without making anything.

    Args:
        wanted: the worker groups.
        head: the instance type of the head.
        subnets: the ids of the subnets; (): those of the default VPC.
        image: the id of an image for a dry run of the launch; None: that is not tried.
    """
    raise NotImplementedError
