"""What a cluster costs an hour: one that is to be, and one that runs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gridray.clusters.aws import catalog
from gridray.clusters.aws.account import Planned
from gridray.clusters.aws.clusterfile import Nodes
from gridray.clusters.aws.machines import RUNNING, STARTING, Machine
from gridray.clusters.aws.session import Account
from gridray.errors import CloudError
from gridray.labels import ON_DEMAND, SPOT

COUNTED = (RUNNING, STARTING)


@dataclass(frozen=True)
class Group:
    """A worker group, or the head, and the US dollars that one node costs an hour, if known.

    `price` is that of the zone where it is cheapest, `dearest` of the one where it costs most.
    """

    name: str
    instance_type: str
    market: str
    price: float | None
    dearest: float | None


@dataclass(frozen=True)
class Estimate:
    """What a cluster costs at rest, which is its head, and with as many workers as it may have."""

    head: Group
    groups: tuple[Group, ...]
    max_workers: int

    @property
    def most(self) -> float | None:
        """US dollars an hour at most; None: a price is not known."""
        prices = [self.head.price, *(group.dearest for group in self.groups)]
        known = [price for price in prices if price is not None]
        if len(known) < len(prices):
            return None
        return known[0] + self.max_workers * max(known[1:])


def of(account: Account, planned: Planned) -> Estimate:
    """Return what a cluster will cost, with spot prices as of now."""
    names = [planned.head.type.name, *(group.type.name for group in planned.groups)]
    on_demand, spot = _prices(account, names, names)

    def group(node: Nodes) -> Group:
        name, market = node.type.name, node.market or ON_DEMAND
        if market == SPOT:
            zones = spot.get(name, {}).values()
            return Group(
                node.name, name, market, min(zones, default=None), max(zones, default=None)
            )
        return Group(node.name, name, market, on_demand.get(name), on_demand.get(name))

    groups = tuple(map(group, planned.groups))
    return Estimate(group(planned.head), groups, planned.wanted.max_workers)


def rates(account: Account, found: Sequence[Machine]) -> dict[str, float | None]:
    """Return what each machine that runs or starts costs an hour, by its id; None: not known."""
    counted = [each for each in found if each.state in COUNTED]
    on_demand, spot = _prices(
        account,
        {each.instance_type for each in counted if each.market != SPOT},
        {each.instance_type for each in counted if each.market == SPOT},
    )
    return {
        each.id: spot.get(each.instance_type, {}).get(each.zone)
        if each.market == SPOT
        else on_demand.get(each.instance_type)
        for each in counted
    }


def _prices(
    account: Account, on_demand: Iterable[str], spot: Iterable[str]
) -> tuple[Mapping[str, float | None], Mapping[str, Mapping[str, float]]]:
    """Return prices as far as they can be had: that one is not known must keep nobody from more."""
    try:
        fixed = catalog.on_demand_prices(account, on_demand)
    except CloudError:
        fixed = {}
    try:
        return fixed, catalog.spot_prices(account, spot)
    except CloudError:
        return fixed, {}
