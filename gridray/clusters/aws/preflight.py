"""What would keep a cluster from being made, found before anything is."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gridray.clusters.aws import catalog, permissions, quotas
from gridray.clusters.aws.instancetype import InstanceType, shipped
from gridray.clusters.aws.network import Network, look
from gridray.clusters.aws.nicknames import near_names
from gridray.clusters.aws.quotas import Quota
from gridray.clusters.aws.session import Account
from gridray.errors import CloudError, DeniedError
from gridray.labels import ON_DEMAND, SPOT

# Where a type is looked for that a region does not have: these get new ones first.
ELSEWHERE = ("us-east-1", "us-west-2", "eu-west-1")


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

    @classmethod
    def of(cls, error: CloudError, *, is_fatal: bool = True) -> "Problem":
        return cls(error.message, error.hint or "try again", is_fatal)


def check(
    account: Account,
    wanted: Sequence[Wanted],
    head: str,
    *,
    max_workers: int | None = None,
    subnets: Sequence[str] = (),
    image: str | None = None,
) -> list[Problem]:
    """Return all that is in the way of a cluster, the fatal first, without making anything.

    Args:
        wanted: the worker groups.
        head: the instance type of the head, which is on-demand.
        max_workers: how many workers there are at most; None: as many as all groups together.
        subnets: the ids of the subnets; (): those of the default VPC.
        image: the id of an image for a dry run of the launch; None: one that does not exist.
    """
    try:
        account.identity()
    except CloudError as error:
        return [Problem.of(error)]
    problems: list[Problem] = []
    names = list(dict.fromkeys([head, *(group.instance_type for group in wanted)]))
    offered = _guarded(problems, lambda: catalog.zones(account, names)) or {}
    problems += _unoffered(account, [name for name in names if not offered.get(name, True)])
    usable = [name for name in names if offered.get(name)]
    network = _guarded(problems, lambda: look(account, subnets, is_private=True))
    if network is not None:
        problems += _placement(account, network, {name: offered[name] for name in usable})
    types = _guarded(problems, lambda: catalog.instance_types(account, usable)) or {}
    problems += _unsuited(wanted, types)
    nodes = [group for group in wanted if group.instance_type in types]
    problems += _quotas(account, nodes, types.get(head), types, max_workers)
    problems += _permissions(account, head, network, image)
    return sorted(problems, key=lambda problem: not problem.is_fatal)


def _guarded(problems: list[Problem], ask: Callable[[], Any]) -> Any:
    """Return an answer, or None and one more problem."""
    try:
        return ask()
    except CloudError as error:
        problems.append(Problem.of(error))
        return None


def _unoffered(account: Account, names: Iterable[str]) -> list[Problem]:
    return [_unknown(account, name) for name in names]


def _unknown(account: Account, name: str) -> Problem:
    """Say of a type that no zone of the region offers whether there is any such type."""
    others = [region for region in ELSEWHERE if _is_offered(account.at(region), name)]
    if others or name in shipped().types:
        where = f", but in {', '.join(others)}" if others else ""
        return Problem(
            f"{name} is not offered in {account.region}{where}",
            "take another region with --region, or another type: "
            f"`gridray instance-types --region {account.region}` lists them",
        )
    near = near_names(name, shipped().types)
    return Problem(
        f"EC2 has no instance type {name!r}",
        (f"did you mean {', '.join(near)}? " if near else "")
        + f"`gridray instance-types --region {account.region}` lists them",
    )


def _is_offered(account: Account, name: str) -> bool:
    try:
        return bool(catalog.zones(account, [name]).get(name))
    except CloudError:
        return False


def _placement(
    account: Account, network: Network, offered: Mapping[str, Sequence[str]]
) -> list[Problem]:
    return [
        Problem(
            f"{name} is offered in {', '.join(zones)} of {account.region}, and the subnets are in "
            f"{', '.join(sorted(network.zones))}",
            "make a subnet in a zone that has it, or take another type",
        )
        for name, zones in offered.items()
        if not network.zones & set(zones)
    ]


def _unsuited(wanted: Sequence[Wanted], types: Mapping[str, InstanceType]) -> list[Problem]:
    return [
        Problem(f"{name} cannot be had as a spot instance", "take it with --on-demand")
        for name in dict.fromkeys(group.instance_type for group in wanted if group.market == SPOT)
        if name in types and not types[name].has_spot
    ]


def _quotas(
    account: Account,
    wanted: Sequence[Wanted],
    head: InstanceType | None,
    types: Mapping[str, InstanceType],
    max_workers: int | None,
) -> list[Problem]:
    try:
        known = quotas.ask(account)
    except DeniedError as error:
        return [Problem(f"the quotas are not checked: {error.message}", str(error.hint), False)]
    except CloudError as error:
        return [Problem.of(error)]
    first = [Wanted(head.name, ON_DEMAND, 1)] if head else []
    shares: dict[Quota, list[Wanted]] = {}
    for group in (*first, *wanted):
        quota = known.of(group.instance_type, group.market)
        if quota is not None:
            shares.setdefault(quota, []).append(group)
    return [
        problem
        for quota, groups in shares.items()
        for problem in _share(quota, groups, types, _at_most(groups, first, max_workers))
    ]


def _at_most(groups: Sequence[Wanted], head: Sequence[Wanted], max_workers: int | None) -> int:
    """Return how many nodes of these groups there can be: the head is no worker."""
    every = sum(group.count for group in groups)
    if max_workers is None:
        return every
    return min(every, max_workers + (groups[0] in head))


def _share(
    quota: Quota,
    groups: Sequence[Wanted],
    types: Mapping[str, InstanceType],
    nodes: int,
) -> list[Problem]:
    """Compare a quota with the nodes that count against it."""
    state = (
        f"the quota {quota.name!r} ({quota.code}) has {quota.left} of {quota.limit:g} vCPUs left "
        f"in {quota.region}"
    )
    hint = f"ask for more at {quota.link}"
    names = dict.fromkeys(group.instance_type for group in groups)
    impossible = [name for name in names if types[name].vcpus > quota.left]
    if impossible:
        needs = ", ".join(f"{name} needs {types[name].vcpus}" for name in impossible)
        return [Problem(f"{state}, and {needs}", f"{hint}, or take another type or market")]
    asked = _most(groups, types, nodes)
    if asked <= quota.left:
        return []
    what = ", ".join(f"{group.count} × {group.instance_type}" for group in groups)
    return [Problem(f"{state}, and the cluster may grow to {asked} ({what})", hint, is_fatal=False)]


def _most(groups: Sequence[Wanted], types: Mapping[str, InstanceType], nodes: int) -> int:
    """Return the most vCPUs that so many nodes of these groups have: the largest ones."""
    total = 0
    for group in sorted(groups, key=lambda group: -types[group.instance_type].vcpus):
        taken = min(group.count, nodes)
        total += taken * types[group.instance_type].vcpus
        nodes -= taken
    return total


def _permissions(
    account: Account, head: str, network: Network | None, image: str | None
) -> list[Problem]:
    problems: list[Problem] = []
    vpc = network.vpc if network else None
    denied = _guarded(problems, lambda: permissions.missing(account, head, vpc, image)) or []
    problems += [
        Problem(f"the permission {each} is missing", f"ask for it: allow {each} in a policy of IAM")
        for each in denied
    ]
    return problems + [
        Problem(
            f"the permission {each} seems to be missing",
            f"allow {each} in a policy of IAM, unless one does so for Gridray's roles only",
            is_fatal=False,
        )
        for each in permissions.simulated(account)
    ]
