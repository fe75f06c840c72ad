"""The books of a cluster in a cloud: its spot prices, and which machines it had when.

They are kept in a thread of their own, since a cloud may take long to answer, and only where the
client has written what the cluster's machines are. What fails is told once, and tried again.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from gridray import layout
from gridray.errors import GridrayError
from gridray.machines import (
    Ledger,
    NodeRecord,
    PriceList,
    SpotPrices,
    read_ledger,
    read_price_list,
)
from gridray.store import Store

if TYPE_CHECKING:
    from gridray.clusters.aws.prices import Instance

# Seconds. Looking is free, writing costs money on S3.
LOOK_INTERVAL = 60.0
QUIET_INTERVAL = 600.0
PRICES_INTERVAL = 3600.0

# A machine that is stopped and started again is another one to who pays for it.
Key = tuple[str, float]


class Books:
    """The books of one cluster; what they know is in the store."""

    def __init__(self, store: Store, cluster_key: str) -> None:
        self._store = store
        self._cluster_key = cluster_key
        self._prices: PriceList | None = None
        self._read_at = float("-inf")
        self._asked_at = float("-inf")
        self._nodes: dict[Key, NodeRecord] | None = None
        self._written: dict[Key, NodeRecord] = {}
        self._written_at = float("-inf")
        self._told: set[str] = set()

    def keep_forever(self) -> None:
        """Look until the process ends."""
        while True:
            self.look(time.time())
            time.sleep(LOOK_INTERVAL)

    def look(self, now: float) -> None:
        """Bring the books up to date (`now`: Unix, s), as far as that can be done."""
        try:
            self._read(now)
            if self._prices is not None:
                self._count(self._ask_prices(self._prices, now), now)
        except (GridrayError, ImportError) as error:
            self._tell_once(str(error))

    def _read(self, now: float) -> None:
        if now - self._read_at < QUIET_INTERVAL:
            return
        self._read_at = now
        self._prices = read_price_list(self._store, self._cluster_key)

    def _ask_prices(self, prices: PriceList, now: float) -> PriceList:
        """Ask for spot prices once an hour; those that cannot be had stay as they were."""
        latest = prices.latest
        is_known = latest is not None and set(prices.machines.types) <= set(latest.spot)
        if latest is not None and is_known and now - latest.at < PRICES_INTERVAL:
            return prices
        if now - self._asked_at < QUIET_INTERVAL:
            return prices
        self._asked_at = now
        try:
            from gridray.clusters.aws import prices as aws

            found = aws.spot(prices.machines.region, prices.machines.types)
        except (GridrayError, ImportError) as error:
            self._tell_once(f"the spot prices stay as they were: {error}")
            return prices
        old = latest.spot if latest else {}
        spot = {name: zones or old.get(name, {}) for name, zones in found.items()}
        renewed = SpotPrices(round(now), spot)
        self._store.put_json(layout.prices(self._cluster_key), renewed.to_json())
        self._prices = replace(prices, latest=renewed)
        return self._prices

    def _count(self, prices: PriceList, now: float) -> None:
        """Note which machines are there, and write that if it is due."""
        from gridray.clusters.aws import prices as aws

        if self._nodes is None:
            known = read_ledger(self._store, self._cluster_key)
            self._written = {(node.instance_id, node.since): node for node in known}
            self._nodes = dict(self._written)
        seen = aws.instances(prices.machines.region, self._cluster_key)
        self._nodes = counted(self._nodes, seen, prices, now)
        if is_due(self._written, self._nodes, now - self._written_at):
            self._write(self._nodes, now)

    def _write(self, nodes: Mapping[Key, NodeRecord], now: float) -> None:
        changed = {_month(key) for key in nodes if nodes[key] != self._written.get(key)}
        for month in sorted(changed):
            ledger = Ledger(tuple(node for key, node in nodes.items() if _month(key) == month))
            key = layout.node_ledger(self._cluster_key, month)
            self._store.put_json(key, ledger.to_json())
        self._written, self._written_at = dict(nodes), now

    def _tell_once(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            print(f"gridray: the books of the cluster: {text}", flush=True)  # noqa: T201


def counted(
    nodes: Mapping[Key, NodeRecord], seen: Iterable["Instance"], prices: PriceList, now: float
) -> dict[Key, NodeRecord]:
    """Return the machines of a cluster after another look at it.

    Each keeps the price that was known when it came, or the first one known since then.
    """
    after = dict(nodes)
    there = set()
    for each in seen:
        since = float(round(each.since))
        key: Key = (each.instance_id, since)
        there.add(key)
        node = after.get(key) or NodeRecord(
            each.instance_id,
            each.instance_type,
            each.market,
            each.zone,
            each.is_head,
            since,
            since,
        )
        if node.price is None:
            node = replace(node, price=prices.price(node.instance_type, node.market, node.zone))
        if not node.is_gone:
            until = (each.gone_at or node.until) if each.is_gone else now
            node = replace(node, until=round(max(until, since)), is_gone=each.is_gone)
        after[key] = node
    for key, node in nodes.items():
        if key not in there and not node.is_gone:
            after[key] = replace(node, is_gone=True)
    return after


def is_due(written: Mapping[Key, NodeRecord], nodes: Mapping[Key, NodeRecord], age: float) -> bool:
    """Whether the ledger is to be written, where the last time was so many seconds ago.

    While machines come and go, or experiments may be on them, that is once a minute; what is said
    of a head alone can wait.
    """
    changed = [node for key, node in nodes.items() if node != written.get(key)]
    is_news = any(not node.is_head or node.is_gone for node in changed)
    return bool(changed) and age >= (LOOK_INTERVAL if is_news else QUIET_INTERVAL)


def _month(key: Key) -> str:
    return time.strftime("%Y-%m", time.gmtime(key[1]))
