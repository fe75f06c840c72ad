"""What EC2 offers an account in its region: instance types, zones and prices.

Every function asks AWS at most once a day, for spot prices once an hour, and keeps the answers in
the home. Prices are US dollars an hour for Linux on shared machines.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar

from gridray.clusters.aws.cache import DAY, HOUR, Cache, directory
from gridray.clusters.aws.instancetype import InstanceType, shipped
from gridray.clusters.aws.session import Account, asking
from gridray.errors import DeniedError

# The Price List is served in few regions only, for all of them.
PRICING_REGIONS = {"eu": "eu-central-1", "ap": "ap-south-1", "me": "eu-central-1"}
PRICING_REGION = "us-east-1"
HISTORY = timedelta(days=7)
AT_ONCE = 8
# EC2 takes 200 values for a filter; the Price List's answers are long, and its pages 100 items.
FILTER_VALUES = 100
PRICED_TOGETHER = 25
SPOT_TOGETHER = 10
EVERYTHING = "*"
T = TypeVar("T")


@dataclass(frozen=True)
class SpotPrice:
    """A spot price in one zone: as of now, and its range over the last 7 days."""

    now: float
    low: float
    high: float


def instance_types(
    account: Account, names: Iterable[str] | None = None, *, refresh: bool = False
) -> dict[str, InstanceType]:
    """Return the instance types that EC2 knows in the region, by name.

    Args:
        names: only these; those that EC2 does not know are left out. None: all, some 1,000.
        refresh: whether to ask even if the answers kept are good.

    Raises:
        CloudError: AWS cannot be asked, or refuses.
    """
    cache = _cache(account, "types", DAY, refresh)
    if names is not None:
        ask = _parted(lambda part: _describe(account, part), FILTER_VALUES)
        return cache.many(names, ask, lambda value: InstanceType(**value))
    every = cache.one(
        EVERYTHING,
        lambda: list(_describe(account, None).values()),
        lambda values: [InstanceType(**value) for value in values],
    )
    return {each.name: each for each in every}


def zones(
    account: Account, names: Iterable[str], *, refresh: bool = False
) -> dict[str, tuple[str, ...]]:
    """Return the zones of the region that offer each of these types; none: the region has it not.

    Raises:
        CloudError: AWS cannot be asked, or refuses.
    """
    ask = _parted(lambda part: _offerings(account, part), FILTER_VALUES)
    return _cache(account, "zones", DAY, refresh).many(names, ask, tuple)


def on_demand_prices(
    account: Account, names: Iterable[str], *, refresh: bool = False
) -> dict[str, float | None]:
    """Return the on-demand prices of these types, as far as they are known.

    What is not in the Price List, or what an account may not see there, is that of the shipped
    table, if it is of the account's region.

    Raises:
        CloudError: AWS cannot be asked.
    """
    wanted = list(names)
    try:
        listed = listed_prices(account, wanted, refresh=refresh)
    except DeniedError:
        listed = {}
    return {**dict.fromkeys(wanted), **listed, **shipped_prices(account, wanted, listed)}


def shipped_prices(
    account: Account, names: Iterable[str], listed: Mapping[str, float | None]
) -> dict[str, float]:
    """Return what the shipped table knows of on-demand prices that are not listed."""
    table = shipped()
    known = table.prices if account.region == table.region else {}
    prices = {name: known.get(name) for name in names if listed.get(name) is None}
    return {name: price for name, price in prices.items() if price is not None}


def listed_prices(
    account: Account, names: Iterable[str], *, refresh: bool = False
) -> dict[str, float | None]:
    """Return the on-demand prices of these types from the Price List; None: not in it.

    Raises:
        DeniedError: the account may not see it.
        CloudError: AWS cannot be asked, or refuses.
    """
    ask = _parted(lambda part: _products(account, part), PRICED_TOGETHER)
    return _cache(account, "prices", DAY, refresh).many(names, ask, _number)


def spot_prices(account: Account, names: Iterable[str]) -> dict[str, dict[str, float]]:
    """Return the spot prices of these types as of now, by zone; {}: there are none, or unknown.

    Raises:
        CloudError: AWS cannot be asked.
    """
    wanted = list(names)
    try:
        history = spot_history(account, wanted)
    except DeniedError:
        history = {}
    return {
        name: {zone: price.now for zone, price in history.get(name, {}).items()} for name in wanted
    }


def spot_history(
    account: Account, names: Iterable[str], *, refresh: bool = False
) -> dict[str, dict[str, SpotPrice]]:
    """Return the spot prices of these types by zone, with their range over the last 7 days.

    Raises:
        DeniedError: the account may not see them.
        CloudError: AWS cannot be asked, or refuses.
    """
    ask = _parted(lambda part: _spot(account, part), SPOT_TOGETHER)
    return _cache(account, "spot", HOUR, refresh).many(
        names, ask, lambda value: {zone: SpotPrice(**price) for zone, price in value.items()}
    )


def _cache(account: Account, what: str, seconds: float, refresh: bool) -> Cache:
    where = directory(account.identity().account, account.region)
    return Cache(where / f"{what}.json", seconds, refresh=refresh)


def _parted(
    ask: Callable[[list[str]], Mapping[str, T]], size: int
) -> Callable[[list[str]], dict[str, T]]:
    """Return a function that asks for a few names at a time, several at once."""

    def together(names: list[str]) -> dict[str, T]:
        parts = [names[start : start + size] for start in range(0, len(names), size)]
        with ThreadPoolExecutor(min(AT_ONCE, len(parts))) as pool:
            return {name: value for found in pool.map(ask, parts) for name, value in found.items()}

    return together


def _describe(account: Account, names: list[str] | None) -> dict[str, InstanceType]:
    filters = [] if names is None else [{"Name": "instance-type", "Values": names}]
    found = {}
    with asking("which instance types there are"):
        for item in _pages(account.client("ec2"), "describe_instance_types", Filters=filters):
            instance = InstanceType.of(item)
            found[instance.name] = instance
    return found


def _offerings(account: Account, names: list[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {name: set() for name in names}
    with asking("which zones offer the instance types"):
        for item in _pages(
            account.client("ec2"),
            "describe_instance_type_offerings",
            LocationType="availability-zone",
            Filters=[{"Name": "instance-type", "Values": names}],
        ):
            found[item["InstanceType"]].add(item["Location"])
    return {name: tuple(sorted(zones)) for name, zones in found.items()}


def _spot(account: Account, names: list[str]) -> dict[str, dict[str, SpotPrice]]:
    newest: dict[tuple[str, str], tuple[Any, float]] = {}
    seen: dict[tuple[str, str], list[float]] = {}
    with asking("for spot prices"):
        for item in _pages(
            account.client("ec2"),
            "describe_spot_price_history",
            InstanceTypes=names,
            ProductDescriptions=["Linux/UNIX"],
            StartTime=datetime.now(timezone.utc) - HISTORY,
        ):
            key = item["InstanceType"], item["AvailabilityZone"]
            price = float(item["SpotPrice"])
            seen.setdefault(key, []).append(price)
            if key not in newest or newest[key][0] < item["Timestamp"]:
                newest[key] = item["Timestamp"], price
    found: dict[str, dict[str, SpotPrice]] = {name: {} for name in names}
    for (name, zone), prices in sorted(seen.items()):
        found[name][zone] = SpotPrice(newest[name, zone][1], min(prices), max(prices))
    return found


def _pages(client: Any, operation: str, **arguments: Any) -> Iterator[Any]:
    """Yield the items of all pages of an answer, of which they are the only list."""
    paginator = client.get_paginator(operation)
    for page in paginator.paginate(**arguments):
        for key in paginator.result_keys:
            yield from key.search(page) or ()


def _products(account: Account, names: list[str]) -> dict[str, float | None]:
    """Return prices by the Price List; a type may be in it twice, the first free of charge."""
    where = PRICING_REGIONS.get(account.region.partition("-")[0], PRICING_REGION)
    filters = {
        "regionCode": account.region,
        "operatingSystem": "Linux",
        "tenancy": "Shared",
        "preInstalledSw": "NA",
        "capacitystatus": "Used",
    }
    terms = [_filter("TERM_MATCH", field, value) for field, value in filters.items()]
    found: dict[str, float | None] = dict.fromkeys(names)
    with asking("for on-demand prices"):
        for text in _pages(
            account.client("pricing", where),
            "get_products",
            ServiceCode="AmazonEC2",
            Filters=[*terms, _filter("ANY_OF", "instanceType", ",".join(names))],
        ):
            name, price = _product(json.loads(text))
            if name in found and price:
                found[name] = max(price, found[name] or 0)
    return found


def _filter(kind: str, field: str, value: str) -> dict[str, str]:
    return {"Type": kind, "Field": field, "Value": value}


def _product(item: Mapping[str, Any]) -> tuple[str, float]:
    """Return the instance type of a product, and its price an hour on demand."""
    name = item["product"]["attributes"].get("instanceType", "")
    prices = [
        float(dimension["pricePerUnit"].get("USD", 0))
        for term in item.get("terms", {}).get("OnDemand", {}).values()
        for dimension in term["priceDimensions"].values()
        if dimension.get("unit") == "Hrs"
    ]
    return name, max(prices, default=0.0)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
