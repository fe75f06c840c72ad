"""Which clusters there are, what nodes they have just now, and what these cost."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum

from gridray.clusters.aws import made
from gridray.clusters.cluster import Cluster, existing
from gridray.clusters.local import LocalCluster
from gridray.errors import GridrayError, StoreError
from gridray.labels import INSTANCE_TYPE, MARKET, ON_DEMAND
from gridray.machines import PriceList, read_price_list
from gridray.rayshapes import Node
from gridray.settings import LOCAL, Settings
from gridray.store import Store


class Condition(str, Enum):
    """Whether a cluster can be used."""

    RUNNING = "running"
    STOPPED = "stopped"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True)
class NodeGroup:
    """Nodes of a cluster that are alike; `price` is that of all of them an hour (USD), if known.

    CPUs and GPUs are those of all of them, memory in bytes too.
    """

    name: str
    instance_type: str | None
    market: str | None
    nodes: int
    cpus: float
    gpus: float
    memory: float
    price: float | None


@dataclass(frozen=True)
class ClusterView:
    """A cluster at a moment. `message` says what is wrong; `address` is that of its dashboard."""

    name: str
    condition: Condition
    is_default: bool
    is_made: bool
    address: str | None = None
    groups: tuple[NodeGroup, ...] = ()
    message: str = ""

    @property
    def price(self) -> float | None:
        """What its nodes cost an hour, as far as that is known (USD)."""
        known = [group.price for group in self.groups if group.price is not None]
        return sum(known) if known else None


def names(known: Settings) -> list[str]:
    """Return the names of all clusters that runs can go to."""
    return [LOCAL, *known.clusters, *made.names(known.home)]


def clusters(store: Store, known: Settings) -> list[ClusterView]:
    """Ask all clusters at once."""
    wanted = names(known)
    with ThreadPoolExecutor(len(wanted)) as pool:
        return list(pool.map(lambda name: _look(store, known, name), wanted))


def _look(store: Store, known: Settings, name: str) -> ClusterView:
    is_default, is_made = name == known.cluster, name in made.names(known.home)
    try:
        cluster = _cluster(known, name)
        if cluster is None:
            return ClusterView(name, Condition.STOPPED, is_default, is_made)
        groups = _groups(cluster.jobs().nodes(), _prices(store, cluster.key))
        # The way to one in AWS is a tunnel, which is there only while it is looked at.
        address = None if is_made else cluster.address
    except GridrayError as error:
        condition = Condition.UNREACHABLE
        return ClusterView(name, condition, is_default, is_made, message=error.message)
    return ClusterView(name, Condition.RUNNING, is_default, is_made, address, tuple(groups))


def _cluster(known: Settings, name: str) -> Cluster | None:
    return LocalCluster(known).running() if name == LOCAL else existing(name, known)


def _prices(store: Store, key: str) -> PriceList | None:
    try:
        return read_price_list(store, key)
    except StoreError:
        return None


def _groups(nodes: Iterable[Node], prices: PriceList | None) -> list[NodeGroup]:
    found: dict[tuple[bool, str, str | None, str | None], list[Node]] = {}
    for node in nodes:
        kind, market = node.labels.get(INSTANCE_TYPE), node.labels.get(MARKET)
        name = "head" if node.is_head else node.group or "workers"
        found.setdefault((not node.is_head, name, kind, market), []).append(node)
    return [
        _group(name, kind, market, members, prices)
        for (_, name, kind, market), members in sorted(found.items(), key=lambda each: str(each[0]))
    ]


def _group(
    name: str,
    kind: str | None,
    market: str | None,
    members: Sequence[Node],
    prices: PriceList | None,
) -> NodeGroup:
    def total(resource: str) -> float:
        return sum(node.resources.get(resource, 0) for node in members)

    each = prices.dearest(kind, market or ON_DEMAND) if prices and kind else None
    price = None if each is None else each * len(members)
    return NodeGroup(
        name, kind, market, len(members), total("CPU"), total("GPU"), total("memory"), price
    )
