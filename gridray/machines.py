"""What the machines of a cluster are, cost, and how long they were there, as the store keeps it.

Prices are US dollars an hour, times Unix times in seconds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from gridray import layout
from gridray.labels import ON_DEMAND
from gridray.records import Resources, decode, known_fields
from gridray.store import Store

# What of a machine's memory Ray gives to experiments.
USABLE_MEMORY = 0.9


@dataclass(frozen=True)
class Machine:
    """An instance type; memory in bytes. A price that is not known is None.

    `spot` are spot prices by zone, as of when the cluster was made.
    """

    vcpus: int
    gpus: int
    memory: int
    on_demand: float | None = None
    spot: Mapping[str, float] = field(default_factory=dict)

    def share(self, wanted: Resources) -> float:
        """Return what of the machine an experiment has, up to 1: by what it has most of."""
        shares = [wanted.cpus / self.vcpus]
        shares += [wanted.gpus / self.gpus] if self.gpus else []
        shares += [wanted.memory / (self.memory * USABLE_MEMORY)] if wanted.memory else []
        return min(1.0, max(shares))


@dataclass(frozen=True)
class Machines:
    """`machines.json`: the instance types of a cluster that Gridray has made, by name.

    `source` says in words where the prices are from, and `at` when they were asked for.
    """

    region: str
    at: float
    source: str
    types: Mapping[str, Machine]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Machines":
        known = known_fields(cls, raw)
        types = {
            name: Machine(**known_fields(Machine, each)) for name, each in raw["types"].items()
        }
        return cls(**{**known, "types": types})


@dataclass(frozen=True)
class SpotPrices:
    """`prices.json`: spot prices by instance type and zone, as the controller last heard them."""

    at: float
    spot: Mapping[str, Mapping[str, float]]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "SpotPrices":
        return cls(**known_fields(cls, raw))


@dataclass(frozen=True)
class PriceList:
    """All that is known of a cluster's prices."""

    machines: Machines
    latest: SpotPrices | None = None

    def price(self, instance_type: str, market: str, zone: str) -> float | None:
        """Return what a machine costs; None: that is not known."""
        machine = self.machines.types.get(instance_type)
        if market == ON_DEMAND:
            return None if machine is None else machine.on_demand
        latest = self.latest.spot.get(instance_type, {}) if self.latest else {}
        return latest.get(zone, None if machine is None else machine.spot.get(zone))

    def dearest(self, instance_type: str, market: str) -> float | None:
        """Return what a machine costs where it costs most; None: that is not known."""
        machine = self.machines.types.get(instance_type)
        if machine is None or market == ON_DEMAND:
            return None if machine is None else machine.on_demand
        latest = self.latest.spot.get(instance_type, {}) if self.latest else {}
        return max({**machine.spot, **latest}.values(), default=None)


@dataclass(frozen=True)
class NodeRecord:
    """A machine of a cluster: when it was there, and its price when it came.

    `until` is when it was last seen, or had gone.
    """

    instance_id: str
    instance_type: str
    market: str
    zone: str
    is_head: bool
    since: float
    until: float
    price: float | None = None
    is_gone: bool = False

    def hours(self, since: float, until: float) -> float:
        """Return for how long of a period it was there."""
        return max(0.0, min(self.until, until) - max(self.since, since)) / 3600


def read_price_list(store: Store, cluster_key: str) -> PriceList | None:
    """Read a cluster's prices; None: it is none that Gridray has made in a cloud.

    Raises:
        DamagedError: they cannot be understood.
    """
    keys = layout.machines(cluster_key), layout.prices(cluster_key)
    found = store.get_many_json(keys)
    if keys[0] not in found:
        return None
    latest = found.get(keys[1])
    return PriceList(
        decode(Machines, found[keys[0]], keys[0]),
        None if latest is None else decode(SpotPrices, latest, keys[1]),
    )


@dataclass(frozen=True)
class Ledger:
    """One object of the ledger: the machines of a cluster that came in one month (UTC)."""

    nodes: tuple[NodeRecord, ...]

    def to_json(self) -> dict[str, Any]:
        return {"nodes": [list(vars(node).values()) for node in self.nodes]}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Ledger":
        # The number of fields may grow.
        most = len(fields(NodeRecord))
        return cls(tuple(NodeRecord(*values[:most]) for values in raw["nodes"]))


def read_ledger(store: Store, cluster_key: str) -> list[NodeRecord]:
    """Read all machines that a cluster has had, the first one first.

    Raises:
        DamagedError: the ledger cannot be understood.
    """
    prefix = layout.node_ledgers(cluster_key)
    keys = [prefix + name for name in store.names(prefix)]
    found = store.get_many_json(keys)
    ledgers: Iterable[Ledger] = (decode(Ledger, raw, key) for key, raw in found.items())
    nodes = [node for ledger in ledgers for node in ledger.nodes]
    return sorted(nodes, key=lambda node: (node.since, node.instance_id))
