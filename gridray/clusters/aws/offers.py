"""What a user can choose from: instance types with their prices and what the quotas leave."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from gridray.clusters.aws import catalog, quotas
from gridray.clusters.aws.catalog import SpotPrice
from gridray.clusters.aws.instancetype import InstanceType, shipped
from gridray.clusters.aws.nicknames import nickname_of
from gridray.clusters.aws.quotas import Quotas
from gridray.clusters.aws.session import Account
from gridray.errors import DeniedError
from gridray.labels import ON_DEMAND, SPOT

BARE = ".metal"
MISSING_TOLD = 5
NO_CREDENTIALS = "there are no AWS credentials"
T = TypeVar("T")


@dataclass(frozen=True)
class Offer:
    """An instance type in a region. None is what is not known; prices are US dollars an hour.

    `spot_low` and `spot_high` are of the last 7 days, in all zones; `spot` is that of `spot_zone`,
    the cheapest one. What the quotas leave is in vCPUs.
    """

    type: InstanceType
    nickname: str | None
    zones: tuple[str, ...] | None = None
    on_demand: float | None = None
    spot: float | None = None
    spot_zone: str | None = None
    spot_low: float | None = None
    spot_high: float | None = None
    on_demand_left: int | None = None
    spot_left: int | None = None


@dataclass(frozen=True)
class Offers:
    """What there is in a region. `notes` say what AWS did not tell, and what stands in for it."""

    region: str
    offers: tuple[Offer, ...]
    notes: tuple[str, ...]


def overview(
    account: Account, names: Iterable[str] | None = None, *, refresh: bool = False
) -> Offers:
    """Return what the account can have, by kind of GPU and price.

    What the account may not ask is taken from the shipped table, as far as that has it; without
    any credentials, all is.

    Args:
        names: only these types; None: all with GPUs, and the usual families without.

    Raises:
        CredentialsError: AWS does not accept the credentials.
        CloudError: AWS cannot be asked, or there is no such region.
    """
    if not account.has_credentials:
        return _shipped(account, names)
    account.identity()
    asked = _Asked(account, refresh)
    types = asked.types(names)
    every = list(types)
    account.client("ec2")
    with ThreadPoolExecutor(4) as pool:
        zones = pool.submit(asked.zones, every)
        prices = pool.submit(asked.prices, every)
        spot = pool.submit(asked.spot, every)
        left = pool.submit(asked.quotas)
        known = zones.result(), prices.result(), spot.result(), left.result()
    offers = [_offer(instance, *known) for instance in types.values()]
    here = [offer for offer in offers if offer.zones != ()]
    return Offers(account.region, tuple(sorted(here, key=_order)), tuple(asked.notes))


class _Asked:
    """Asks, and notes what was refused."""

    def __init__(self, account: Account, refresh: bool) -> None:
        self._account = account
        self._refresh = refresh
        self.notes: list[str] = []

    def types(self, names: Iterable[str] | None) -> dict[str, InstanceType]:
        wanted = None if names is None else list(names)
        try:
            found = catalog.instance_types(self._account, wanted, refresh=self._refresh)
        except DeniedError as error:
            self.notes.append(f"{error.message}: the instance types are {_stand_in()}")
            found = _of_table(wanted)
        return found if wanted is not None else _usual(found)

    def zones(self, names: list[str]) -> dict[str, tuple[str, ...]] | None:
        def ask() -> dict[str, tuple[str, ...]] | None:
            return catalog.zones(self._account, names, refresh=self._refresh)

        return self._unless_denied(ask, None, "zones are not known")

    def prices(self, names: list[str]) -> Mapping[str, float | None]:
        try:
            listed = catalog.listed_prices(self._account, names, refresh=self._refresh)
        except DeniedError as error:
            missing = catalog.shipped_prices(self._account, names, {})
            known = _stand_in() if missing else "not known"
            self.notes.append(f"{error.message}: on-demand prices are {known}")
            return missing
        missing = catalog.shipped_prices(self._account, names, listed)
        if missing:
            first = sorted(missing)[:MISSING_TOLD]
            rest = len(missing) - len(first)
            told = ", ".join([*first, *([f"and {rest} more"] if rest else [])])
            self.notes.append(
                f"not in the AWS Price List: {told}; these on-demand prices are {_stand_in()}"
            )
        return {**listed, **missing}

    def spot(self, names: list[str]) -> Mapping[str, Mapping[str, SpotPrice]]:
        def ask() -> Mapping[str, Mapping[str, SpotPrice]]:
            return catalog.spot_history(self._account, names, refresh=self._refresh)

        return self._unless_denied(ask, {}, "spot prices are not known")

    def quotas(self) -> Quotas:
        def ask() -> Quotas:
            return quotas.ask(self._account)

        return self._unless_denied(ask, Quotas({}), "what the quotas leave is not known")

    def _unless_denied(self, ask: Callable[[], T], otherwise: T, consequence: str) -> T:
        try:
            return ask()
        except DeniedError as error:
            self.notes.append(f"{error.message}: {consequence}")
            return otherwise


def _stand_in() -> str:
    table = shipped()
    return f"those of the shipped table, as of {table.date}"


def _shipped(account: Account, names: Iterable[str] | None) -> Offers:
    """Return what is known without any account."""
    table = shipped()
    region = account.region if account.is_placed else table.region
    prices = table.prices if region == table.region else {}
    types = _of_table(None if names is None else list(names))
    known = prices, dict[str, Any](), Quotas({})
    offers = [_offer(each, None, *known) for each in types.values()]
    where = "" if prices else f", which has no prices of {region}"
    note = f"{NO_CREDENTIALS}: this is the shipped table, as of {table.date}{where}"
    return Offers(region, tuple(sorted(offers, key=_order)), (note,))


def _of_table(names: Sequence[str] | None) -> dict[str, InstanceType]:
    table = shipped().types
    wanted = table if names is None else names
    return {name: table[name] for name in wanted if name in table}


def _usual(types: Mapping[str, InstanceType]) -> dict[str, InstanceType]:
    """Return the types with GPUs, and of the others the usual families, as virtual machines."""
    families = shipped().families
    return {
        name: each
        for name, each in types.items()
        if each.gpus or (each.family in families and BARE not in name)
    }


def _offer(
    instance: InstanceType,
    zones: Mapping[str, tuple[str, ...]] | None,
    prices: Mapping[str, float | None],
    spot: Mapping[str, Mapping[str, SpotPrice]],
    left: Quotas,
) -> Offer:
    name = instance.name
    by_zone = spot.get(name, {})
    cheapest = min(by_zone, key=lambda zone: by_zone[zone].now, default=None)
    return Offer(
        type=instance,
        nickname=nickname_of(instance, {**shipped().types, name: instance}),
        zones=None if zones is None else zones.get(name, ()),
        on_demand=prices.get(name),
        spot=None if cheapest is None else by_zone[cheapest].now,
        spot_zone=cheapest,
        spot_low=min((price.low for price in by_zone.values()), default=None),
        spot_high=max((price.high for price in by_zone.values()), default=None),
        on_demand_left=_left(left, name, ON_DEMAND),
        spot_left=_left(left, name, SPOT) if instance.has_spot else None,
    )


def _left(left: Quotas, name: str, market: str) -> int | None:
    quota = left.of(name, market)
    return None if quota is None else quota.left


def _order(offer: Offer) -> tuple[str, float, int, str]:
    """Those without GPUs first, then by kind of GPU, and by price; what has none comes last."""
    price = offer.on_demand if offer.on_demand is not None else float("inf")
    kind = re.sub(r"^[0-9/]+ ", "", offer.type.gpu or "")
    return kind, price, offer.type.vcpus, offer.type.name
