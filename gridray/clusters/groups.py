"""The worker groups of a cluster: which of them a run is for, and what it has of their nodes."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from gridray import labels, settings
from gridray.clusters.capacity import shortage
from gridray.clusters.cluster import Cluster
from gridray.errors import ClusterError
from gridray.placement import PlacementRecord
from gridray.rayjobs import RayJobs
from gridray.records import Resources

# Decimals that Ray counts resources with (kResourceUnitScaling).
PRECISION = 10_000
# How alike two names of instance types are of which one may be meant for the other.
NEAR = 0.75


@dataclass(frozen=True)
class Group:
    """Nodes that are alike: what each has, by Ray's names (memory in bytes), and its labels."""

    name: str
    resources: Mapping[str, float]
    labels: Mapping[str, str]

    @property
    def disk_gb(self) -> int:
        """GB of a node's disk; 0: not known."""
        told = self.labels.get(labels.DISK, "")
        return int(told) if told.isdecimal() else 0

    @property
    def words(self) -> str:
        kind = self.labels.get(labels.INSTANCE_TYPE)
        market = self.labels.get(labels.MARKET)
        return " ".join(word for word in (market, kind) if word is not None) or self.name


@dataclass(frozen=True)
class Groups:
    """The groups of a cluster that have labels; `are_all` unless it may have more of them."""

    found: tuple[Group, ...]
    are_all: bool


def read(jobs: RayJobs) -> Groups:
    """Ask a cluster for its groups: what it could launch, and what is there.

    Raises:
        ClusterError: it does not answer.
    """
    types = jobs.node_types()
    groups = [
        Group(each.name, each.resources, each.labels) for each in types or () if each.max_nodes > 0
    ]
    groups += [
        Group(each.group or each.node_id, each.resources, each.labels) for each in jobs.nodes()
    ]
    found: dict[str, Group] = {}
    for each in groups:
        if each.resources.get("CPU", 0) > 0 and labels.ALL & each.labels.keys():
            found.setdefault(each.name, each)
    return Groups(tuple(found.values()), types is not None or not jobs.is_autoscaling())


def settle(
    cluster: Cluster, placement: PlacementRecord, asked: Resources
) -> tuple[PlacementRecord, Resources]:
    """Return which nodes of a cluster a run is for, and what each experiment has of one.

    Args:
        asked: with 0 CPUs and an instance type, it is a machine's share; see `share`.

    Raises:
        ClusterError: the cluster has no such nodes, or does not say so; or they are too small.
    """
    placement = replace(placement, disks=())
    groups = read(cluster.jobs())
    if not groups.are_all and not groups.found:
        return placement, _unknown(cluster, placement, asked)
    if not groups.found:
        raise without_groups(cluster.name, placement)
    first = _matching(cluster, groups, placement, fallen_back=False)
    other: tuple[Group, ...] = ()
    if placement.spot_fallback is not None:
        other = _matching(cluster, groups, placement, fallen_back=True)
    suitable = [*_with_disk(cluster, placement, first), *_with_disk(cluster, placement, other)]
    if len(suitable) < len(first) + len(other):
        placement = replace(placement, disks=tuple(sorted({each.disk_gb for each in suitable})))
    machine = min((each.resources for each in suitable), key=lambda has: has.get("CPU", 0))
    wanted = replace(asked, cpus=asked.cpus or 1)
    if placement.instance_type is not None:
        wanted = share(asked, machine)
    _check_size(cluster, placement, suitable, wanted)
    return placement, wanted


def share(asked: Resources, machine: Mapping[str, float]) -> Resources:
    """Return what an experiment has of a machine, if it asks for 0 CPUs: what goes with its GPUs.

    With no GPUs either it has all: then no other fits, and its memory needs no bound.
    """
    cpus, gpus = machine.get("CPU", 0), machine.get("GPU", 0)
    if asked.cpus:
        return asked
    if not asked.gpus:
        return Resources(cpus, gpus, asked.memory)
    part = min(asked.gpus / gpus, 1) if gpus else 1
    memory = asked.memory
    if memory is None and part < 1 and "memory" in machine:
        memory = int(part * machine["memory"])
    return Resources(_rounded(part * cpus), asked.gpus, memory)


def _rounded(cpus: float) -> float:
    """Return whole CPUs, or what there is of one."""
    exact = math.floor(cpus * PRECISION + 1e-6) / PRECISION
    return float(math.floor(exact)) if exact >= 1 else exact


def _matching(
    cluster: Cluster, groups: Groups, placement: PlacementRecord, *, fallen_back: bool
) -> tuple[Group, ...]:
    selector = placement.labels(fallen_back=fallen_back)
    found = tuple(each for each in groups.found if labels.fits(each.labels, selector))
    if found:
        return found
    words = labels.words(selector)
    why = "--spot-fallback needs one: " if fallen_back else ""
    near = _meant(groups, placement.instance_type)
    raise ClusterError(
        f"{why}the cluster {cluster.name} has no {words} nodes; its worker groups are: "
        f"{_listed(groups.found)}",
        hint=f"did you mean {near}?" if near else _edit(cluster, f"a group of {words} nodes"),
    )


def _meant(groups: Groups, instance_type: str | None) -> str:
    """Return the instance types that one may have been meant for that there is not, in words."""
    # Late, since it is read from a file that only mistakes need.
    from gridray.clusters.aws.instancetype import shipped

    known = shipped().types
    if instance_type is None or instance_type in known:
        return ""
    ours = {each.labels.get(labels.INSTANCE_TYPE, "") for each in groups.found}
    if instance_type in ours:
        return ""
    near = get_close_matches(instance_type, sorted(ours), 2, NEAR)
    return " or ".join(near or get_close_matches(instance_type, sorted(known), 2, NEAR))


def _with_disk(
    cluster: Cluster, placement: PlacementRecord, groups: Sequence[Group]
) -> list[Group]:
    """Return the groups whose nodes have the disk that is asked for."""
    if placement.disk_gb is None:
        return list(groups)
    found = [each for each in groups if each.disk_gb >= placement.disk_gb]
    if found or not groups:
        return found
    most = max(each.disk_gb for each in groups)
    has = f"has more than {most:,} GB" if most else "says how large its disk is"
    raise ClusterError(
        f"--disk_size asks for {placement.disk_gb:,} GB, but no {groups[0].words} node of the "
        f"cluster {cluster.name} {has}",
        hint=_edit(cluster, "larger disks"),
    )


def _check_size(
    cluster: Cluster, placement: PlacementRecord, groups: Sequence[Group], wanted: Resources
) -> None:
    lack = shortage([each.resources for each in groups], wanted)
    if lack is None:
        return
    kind = f"{labels.words(placement.labels())} node".strip()
    nodes = f"no {kind} of the cluster {cluster.name} has"
    raise ClusterError(
        f"{nodes} {lack.asked} together"
        if lack.option is None
        else f"{lack.option} asks for {lack.asked}, but {nodes} more than {lack.most}",
        hint="ask for less, or for another instance type",
    )


def _unknown(cluster: Cluster, placement: PlacementRecord, asked: Resources) -> Resources:
    """Return what is asked for of nodes that a cluster says nothing of before it has some."""
    if asked.cpus or placement.instance_type is None:
        return replace(asked, cpus=asked.cpus or 1)
    raise ClusterError(
        f"the cluster {cluster.name} does not say what its {placement.words()} have",
        hint="say what each experiment needs of it, with --cpus and --gpus",
    )


def without_groups(cluster: str, placement: PlacementRecord) -> ClusterError:
    """Return the error that a cluster of this name has no groups to choose among."""
    if placement.instance_type is not None:
        option, what = f"--instance_type {placement.instance_type}", "instance types"
    elif placement.use_spot:
        option, what = "--use_spot", "spot nodes"
    else:
        option, what = f"--disk_size {placement.disk_gb}", "disks of a known size"
    return ClusterError(
        f"{option}: the cluster {cluster} has no worker groups with {what}",
        hint=f"leave out {option.split()[0]}, or name another --cluster; `gridray clusters aws` "
        "makes one",
    )


def _listed(groups: Iterable[Group]) -> str:
    return ", ".join(dict.fromkeys(each.words for each in groups))


def _edit(cluster: Cluster, what: str) -> str:
    if (settings.home() / "clusters" / cluster.name / "cluster.yaml").is_file():
        return f"`gridray clusters edit {cluster.name}` gives it {what}"
    return f"give the cluster {what}, or name another --cluster"
