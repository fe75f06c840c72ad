"""What a cluster has and could have, and whether that will do for an experiment."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType

from gridray import labels
from gridray.autoscaler import Launches, NodeType
from gridray.clusters import causes
from gridray.clusters.causes import Cause
from gridray.rayjobs import RayJobs
from gridray.rayshapes import Node, Use
from gridray.records import Resources

GB = 1e9
TOLD = 5
# Decimals that Ray counts resources with (kResourceUnitScaling).
PRECISION = 4
NO_LABELS: Mapping[str, str] = MappingProxyType({})
MORE_WORKERS = "gridray clusters edit {cluster}   # a larger max_workers, of the group and in all"


class Fit(str, Enum):
    """Whether, and when, there is room for an experiment."""

    NOW = "now"
    AFTER_OTHERS = "after_others"
    LAUNCHING = "launching"
    LAUNCH_FAILED = "launch_failed"
    UNDECIDED = "undecided"
    NEVER = "never"


@dataclass(frozen=True)
class Capacity:
    """A cluster at a moment.

    `node_types` is None where they are not known, and `max_workers` where there is no bound to all
    of them. Nothing is placed on the nodes whose ids are `doomed`: they are about to be taken away.
    """

    nodes: tuple[Node, ...]
    uses: tuple[Use, ...] = ()
    is_autoscaling: bool = False
    node_types: tuple[NodeType, ...] | None = None
    launches: Launches = field(default_factory=Launches)
    doomed: frozenset[str] = frozenset()
    max_workers: int | None = None

    @property
    def is_full(self) -> bool:
        """Whether the cluster has as many workers as it may."""
        workers = sum(not node.is_head for node in self.nodes)
        return self.max_workers is not None and workers >= self.max_workers

    def launchable(self) -> list[NodeType]:
        return [kind for kind in self.node_types or () if kind.max_nodes > 0]

    def selected(self, selector: Mapping[str, str]) -> "Capacity":
        """Return only what has some labels of it."""
        if not selector:
            return self
        types = self.node_types
        if types is not None:
            types = tuple(kind for kind in types if labels.fits(kind.labels, selector))
        return replace(
            self,
            nodes=tuple(node for node in self.nodes if labels.fits(node.labels, selector)),
            node_types=types,
            launches=self.launches.of(None if types is None else {kind.name for kind in types}),
        )

    def lasting(self) -> "Capacity":
        """Return it without the doomed nodes."""
        nodes = tuple(node for node in self.nodes if node.node_id not in self.doomed)
        return replace(self, nodes=nodes)

    def free(self, node: Node) -> dict[str, float]:
        """Return what nothing on a node holds."""
        left = dict(node.resources)
        for use in self.uses:
            if use.node_id == node.node_id:
                for name, amount in use.resources.items():
                    left[name] = round(left.get(name, 0) - amount, PRECISION)
        return left


@dataclass(frozen=True)
class Shortage:
    """What no node has enough of: `asked`, against the `most` that one has.

    Without an `option` there is enough of everything, but on no node together.
    """

    option: str | None
    asked: str
    most: str = ""


@dataclass(frozen=True)
class Verdict:
    """Whether an experiment fits, and what that means for it, in words.

    `mends` are commands that may help, in which `{cluster}` is still to be named.
    """

    fit: Fit
    text: str
    mends: tuple[str, ...] = ()


def read(jobs: RayJobs) -> Capacity:
    """Ask a cluster.

    Raises:
        ClusterError: it does not answer.
    """
    seen = read_limits(jobs)
    launches = jobs.launches() if seen.is_autoscaling else Launches()
    return replace(seen, uses=tuple(jobs.uses()), launches=launches)


def read_limits(jobs: RayJobs) -> Capacity:
    """Ask a cluster only for what it could ever have.

    Raises:
        ClusterError: it does not answer.
    """
    is_autoscaling = jobs.is_autoscaling()
    limits = jobs.limits() if is_autoscaling else None
    return Capacity(
        nodes=tuple(jobs.nodes()),
        is_autoscaling=is_autoscaling,
        node_types=None if limits is None else limits.node_types,
        max_workers=None if limits is None else limits.max_workers,
    )


def never(
    capacity: Capacity, wanted: Resources, selector: Mapping[str, str] = NO_LABELS
) -> str | None:
    """Return why an experiment can never run on a cluster; None: it can, or that is not known.

    Args:
        selector: labels that its node has to have.
    """
    capacity = capacity.selected(selector)
    is_open = capacity.is_autoscaling and (capacity.node_types is None or capacity.launchable())
    if selector and not capacity.nodes and not is_open:
        return f"the cluster has no {labels.words(selector)} nodes, and none can be launched"
    lack = shortage([node.resources for node in capacity.nodes], wanted)
    return None if lack is None else _never(capacity, wanted, lack)


def shortage(nodes: Sequence[Mapping[str, float]], wanted: Resources) -> Shortage | None:
    """Return why no node could ever run an experiment; None: one could.

    Args:
        nodes: what each has in all, by Ray's names.
    """
    if any(_fits(node, wanted) for node in nodes):
        return None
    for option, key, need, unit in (
        ("--gpus", "GPU", wanted.gpus, 1),
        ("--cpus", "CPU", wanted.cpus, 1),
        ("--memory", "memory", wanted.memory or 0, GB),
    ):
        most = max((node.get(key, 0) for node in nodes), default=0)
        if need > most:
            shown = "GB of memory" if key == "memory" else key if need == 1 else f"{key}s"
            return Shortage(option, f"{need / unit:g} {shown}", f"{most / unit:g}")
    return Shortage(None, _together(wanted))


def verdict(
    capacity: Capacity,
    wanted: Resources,
    ahead: int = 0,
    selector: Mapping[str, str] = NO_LABELS,
) -> Verdict:
    """Tell whether a cluster has room for one more experiment.

    Args:
        ahead: how many of the same size get a place before it.
        selector: labels that its node has to have.
    """
    why_never = never(capacity, wanted, selector)
    whole, capacity = capacity, capacity.selected(selector)
    lasting = capacity.lasting()
    room = sum(_places(lasting.free(node), wanted) for node in lasting.nodes)
    if room > ahead:
        return Verdict(Fit.NOW, f"{_words(wanted)} free, so it starts in a moment")
    if room:
        told = f"waiting for {_words(wanted)}: there is room for {room:,}, and others come first"
        return Verdict(Fit.AFTER_OTHERS, told)
    if why_never is not None:
        return Verdict(Fit.NEVER, f"it can never run: {why_never}")
    if (most := _most(whole, capacity, wanted)) is not None:
        in_use = f"; {_in_use(lasting, wanted)}" if lasting.nodes else ""
        text = f"waiting for {_words(wanted)}: {most}{in_use}"
        return Verdict(Fit.AFTER_OTHERS, text, (MORE_WORKERS,))
    if capacity.launches.pending or capacity.launches.failed:
        return _launching(capacity)
    if shortage([node.resources for node in lasting.nodes], wanted) is None:
        told = f"waiting for {_words(wanted)}: {_in_use(lasting, wanted)}"
        return Verdict(Fit.AFTER_OTHERS, told)
    if shortage([node.resources for node in capacity.nodes], wanted) is None:
        told = "waiting for another node: the one that it would fit on is about to be taken away"
        return Verdict(Fit.UNDECIDED, told)
    return Verdict(
        Fit.UNDECIDED,
        "waiting for a node: none of the cluster is large enough, and the autoscaler has not "
        "launched one yet",
    )


def _most(whole: Capacity, selected: Capacity, wanted: Resources) -> str | None:
    """Tell that a cluster has as many nodes as it may of those that would do."""
    kinds = [kind for kind in selected.launchable() if _fits(kind.resources, wanted)]
    if not kinds:
        return None
    if whole.is_full:
        return f"the cluster has as many workers as it may, {whole.max_workers:,}"
    groups = Counter(node.group for node in whole.nodes)
    if any(groups[kind.name] < kind.max_nodes for kind in kinds):
        return None
    return " and ".join(
        f"{kind.name} has as many nodes as it may, {kind.max_nodes:,}" for kind in kinds
    )


def _launching(capacity: Capacity) -> Verdict:
    """Tell what the autoscaler is at; what has failed it tries again all the time."""
    launches = capacity.launches
    hopeful = ", ".join(each for each in launches.pending if each not in launches.failed)
    found = {each: _cause(capacity, each) for each in launches.failed}
    failed = "; ".join(
        f"{each} ({cause.text})" if cause.text else each for each, cause in found.items()
    )
    mends = tuple(dict.fromkeys(mend for cause in found.values() for mend in cause.mends))
    if not failed:
        return Verdict(Fit.LAUNCHING, f"waiting for a node: {hopeful} being launched")
    lately = f"launches have failed lately: {failed}"
    if hopeful:
        told = f"waiting for a node: {hopeful} being launched; {lately}"
        return Verdict(Fit.LAUNCHING, told, mends)
    return Verdict(Fit.LAUNCH_FAILED, f"waiting for a node, but {lately}", mends)


def _cause(capacity: Capacity, name: str) -> Cause:
    """Return what is known of why nodes of a type are not launched."""
    kind = next((kind.labels for kind in capacity.node_types or () if kind.name == name), {})
    zones = capacity.launches.zones.get(kind.get(labels.INSTANCE_TYPE, ""), ())
    return causes.understood(capacity.launches.failed[name], kind, zones)


def _never(capacity: Capacity, wanted: Resources, lack: Shortage) -> str | None:
    """Return why no node to come will do, where none that is there does; None: one may."""
    if not capacity.is_autoscaling:
        return _lacking(lack, "no node of the cluster has")
    if capacity.node_types is None:
        return None
    kinds = [kind.resources for kind in capacity.launchable()]
    most = shortage([*kinds, *(node.resources for node in capacity.nodes)], wanted)
    return None if most is None else _lacking(most, "no node that can be launched has")


def _lacking(lack: Shortage, who: str) -> str:
    if lack.option is None:
        return f"{who} {lack.asked} together"
    return f"{lack.option} asks for {lack.asked}, but {who} more than {lack.most}"


def _requested(wanted: Resources) -> dict[str, float]:
    return {"CPU": wanted.cpus, "GPU": wanted.gpus, "memory": wanted.memory or 0}


def _fits(has: Mapping[str, float], wanted: Resources) -> bool:
    return all(has.get(name, 0) >= amount for name, amount in _requested(wanted).items())


def _places(free: Mapping[str, float], wanted: Resources) -> int:
    """Return how many experiments fit into what is free on a node."""
    needs = _requested(wanted).items()
    return min((int(free.get(key, 0) / need + 1e-9) for key, need in needs if need), default=1)


def _in_use(capacity: Capacity, wanted: Resources) -> str:
    """Tell who holds what an experiment waits for, on the nodes that are large enough for it."""
    nodes = [node for node in capacity.nodes if _fits(node.resources, wanted)]
    lacking = {
        key
        for node in nodes
        for key, need in _requested(wanted).items()
        if capacity.free(node).get(key, 0) < need
    }
    parts = []
    for key in sorted(lacking):
        free = sum(capacity.free(node).get(key, 0) for node in nodes)
        total = sum(node.resources.get(key, 0) for node in nodes)
        parts.append(f"{_amount(key, free)} of {_amount(key, total)} {_noun(key)} free")
    holders = list(_holders(capacity, nodes, lacking))
    more = f" and {len(holders) - TOLD:,} more" if len(holders) > TOLD else ""
    held = f"; in use by {', '.join(holders[:TOLD])}{more}" if holders else ""
    return f"{', '.join(parts)}{held}"


def _holders(capacity: Capacity, nodes: Sequence[Node], keys: set[str]) -> Iterator[str]:
    places = {node.node_id for node in nodes}
    for use in capacity.uses:
        if use.node_id in places and keys & set(use.resources):
            yield use.name


def _words(wanted: Resources) -> str:
    """Return what is asked for, with GPUs first since these are what is scarce."""
    parts = [(wanted.gpus, "GPU"), (wanted.cpus, "CPU"), (wanted.memory or 0, "memory")]
    return ", ".join(f"{_amount(key, need)} {_noun(key, need)}" for need, key in parts if need)


def _together(wanted: Resources) -> str:
    return (
        f"{wanted.cpus:g} CPUs, {wanted.gpus:g} GPUs and {(wanted.memory or 0) / GB:g} GB of memory"
    )


def _amount(key: str, count: float) -> str:
    return f"{count / GB:g}" if key == "memory" else f"{count:g}"


def _noun(key: str, count: float = 2) -> str:
    return "GB of memory" if key == "memory" else key if count <= 1 else f"{key}s"
