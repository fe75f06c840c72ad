"""What the commands about clusters print with `--output json`."""

from dataclasses import dataclass

from gridray.cli.shape import Shape


@dataclass(frozen=True)
class Cluster(Shape):
    name: str
    state: str
    """`running`, `stopped` or `unreachable`; in AWS `starting` or `headless`, too."""
    address: str | None
    """Of its Ray dashboard; null for one in AWS, which is reached through a tunnel."""
    nodes: int | None
    cpus: float | None
    """Of all nodes together."""
    gpus: float | None
    region: str | None = None
    """Of AWS, if Gridray has made it there."""
    groups: tuple[str, ...] = ()
    """Its nodes in AWS, as `2 g4dn-xlarge-spot`."""
    price: float | None = None
    """US dollars an hour now, without disks; null: not known, or not in AWS."""
    why: str | None = None
    """Why it is unreachable."""


@dataclass(frozen=True)
class Clusters(Shape):
    clusters: tuple[Cluster, ...]


@dataclass(frozen=True)
class ClusterChange(Shape):
    name: str
    changed: bool
    """Whether there was anything to do."""
    gone: tuple[str, ...] = ()
    """What was ended or deleted in AWS, in words; all of it is gone, as AWS says."""
    store: str | None = None
    """The store of a cluster in AWS, which stays."""


@dataclass(frozen=True)
class PlannedGroup(Shape):
    name: str
    """Of its node type in the cluster's file."""
    instance_type: str
    market: str
    """`spot` or `on-demand`."""
    price: float | None
    """US dollars an hour for one node, without its disk; null: not known."""
    dearest: float | None
    """The same in the zone where it costs most; `price` is that of the cheapest one."""


@dataclass(frozen=True)
class ClusterPlan(Shape):
    name: str
    region: str
    account: str
    store: str
    """Where its runs are kept."""
    made: bool
    """Whether it is made; false with --dry-run."""
    things: tuple[str, ...]
    """What is made in the account, in words."""
    head: PlannedGroup
    groups: tuple[PlannedGroup, ...]
    """The worker groups; each begins with no node."""
    max_workers: int
    max_price: float | None
    """US dollars an hour with as many workers as there may be, in the dearest zone."""
    file: str
    """The cluster's file, for `ray up`."""


@dataclass(frozen=True)
class NodeGroup(Shape):
    name: str
    instance_type: str
    market: str
    nodes: int
    """How many run or start."""
    price: float | None
    """US dollars an hour for all of them."""


@dataclass(frozen=True)
class ClusterStatus(Shape):
    name: str
    state: str
    """`running`, `starting`, `headless` (only workers) or `stopped`."""
    region: str
    account: str
    store: str
    groups: tuple[NodeGroup, ...]
    """Those with nodes; the head's comes first."""
    price: float | None
    """US dollars an hour now, without disks; null: one is not known."""
    launches: tuple[str, ...]
    """What the autoscaler waits for, and what it could not get."""
    answers: bool
    """Whether its Ray answers, through the tunnel."""
    controller: bool | None
    """Whether the controller runs there; null: not known."""
    runs: tuple[str, ...]
    """The runs that have experiments there that are not over."""


@dataclass(frozen=True)
class ClusterEdited(Shape):
    name: str
    changed: bool
    file: str


@dataclass(frozen=True)
class Context(Shape):
    cluster: str
    """The cluster that runs go to from here on."""
    store: str
    """The store that is read and written from here on."""


@dataclass(frozen=True)
class Check(Shape):
    what: str
    ok: bool
    text: str
    mend: str | None


@dataclass(frozen=True)
class StrayThing(Shape):
    region: str
    cluster: str
    """The name that its tags say."""
    kind: str
    id: str
    state: str
    ended: bool
    """Whether it was ended just now."""
    led: bool
    """Whether its cluster has a head that runs, so that another machine may use it."""


@dataclass(frozen=True)
class StrayBucket(Shape):
    name: str
    region: str
    cluster: str
    """The name that its tags say."""
    is_store: bool
    """Whether the settings name it as the store."""


@dataclass(frozen=True)
class Diagnosis(Shape):
    checks: tuple[Check, ...]
    regions: tuple[str, ...]
    """Those that were looked at in AWS."""
    strays: tuple[StrayThing, ...]
    """What carries Gridray's tags, and belongs to no cluster that this machine knows."""
    buckets: tuple[StrayBucket, ...]
    """Those that Gridray has made for clusters that this machine does not know."""
