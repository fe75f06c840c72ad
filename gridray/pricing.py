"""What a run is going to cost, by the prices of its cluster that are in the store."""

from dataclasses import dataclass

from gridray.errors import StateError, StoreError, UsageError
from gridray.labels import ON_DEMAND, SPOT
from gridray.machines import PriceList, read_price_list
from gridray.placement import PlacementRecord
from gridray.records import Resources, RunRecord
from gridray.store import Store


@dataclass(frozen=True)
class Estimate:
    """US dollars an hour: of one experiment, and of all experiments of a run at once.

    `share` is what one has of its machine. A spot price is that of the dearest zone.
    """

    instance_type: str
    market: str
    share: float
    experiment: float
    run: float


def estimate(
    store: Store,
    cluster_key: str,
    placement: PlacementRecord | None,
    wanted: Resources | None,
    at_once: int,
) -> Estimate | None:
    """Return what a run would cost; None: the cluster's prices are not known, or the type is not.

    Args:
        wanted: what one experiment gets; None: a whole machine.
        at_once: how many experiments run at most.
    """
    if placement is None or placement.instance_type is None:
        return None
    instance_type = placement.instance_type
    try:
        prices = read_price_list(store, cluster_key)
    except StoreError:
        return None
    market = SPOT if placement.use_spot else ON_DEMAND
    price = prices.dearest(instance_type, market) if prices else None
    if prices is None or price is None:
        return None
    share = 1.0 if wanted is None else prices.machines.types[instance_type].share(wanted)
    each = price * share
    return Estimate(instance_type, market, share, each, each * at_once)


def check_limit(
    store: Store,
    cluster_name: str,
    cluster_key: str,
    max_cost: float | None,
    placement: PlacementRecord | None,
) -> None:
    """Check that what a run costs can be known, if there is a limit to it.

    Raises:
        UsageError: it cannot be.
    """
    if max_cost is None:
        return
    prices = read_price_list(store, cluster_key)
    if prices is None:
        raise UsageError(
            f"--max_cost {max_cost:g}: what the machines of the cluster {cluster_name} cost is not "
            "known",
            hint="only clusters made by `gridray clusters aws` have prices; leave out --max_cost",
        )
    wanted = placement or PlacementRecord()
    if not _is_priced(prices, wanted):
        market = "as spot" if wanted.use_spot else "on demand"
        what = f"{wanted.instance_type or 'its machines'} {market}"
        raise UsageError(
            f"--max_cost {max_cost:g}: the price of {what} on the cluster {cluster_name} is not "
            "known",
            hint=f"`gridray clusters up {cluster_name}` asks AWS for it anew",
        )


def _is_priced(prices: PriceList, wanted: PlacementRecord) -> bool:
    name = wanted.instance_type
    types = prices.machines.types if name is None else (name,)
    market = SPOT if wanted.use_spot else ON_DEMAND
    return any(prices.dearest(name, market) is not None for name in types)


def check_may_go_on(record: RunRecord, spent: float | None) -> None:
    """Check that a run may have more attempts.

    Raises:
        StateError: it has cost as much as it may.
    """
    if record.max_cost is not None and spent is not None and spent >= record.max_cost:
        raise StateError(
            f"the run {record.name!r} has cost ${spent:,.4f}, and may cost "
            f"${record.max_cost:,.4f} at most (--max_cost)",
            hint=f"`gridray rerun {record.name}` starts all of it anew, with as much again",
        )
