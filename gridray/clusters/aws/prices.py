"""What the machines of a cluster cost, and which ones it has, as AWS says."""

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from gridray import layout
from gridray.clusters.aws import catalog
from gridray.clusters.aws.instancetype import InstanceType, shipped
from gridray.clusters.aws.machines import described
from gridray.clusters.aws.session import Account
from gridray.clusters.aws.tags import HEAD, KIND_TAG, filters
from gridray.errors import CloudError, CredentialsError
from gridray.labels import ON_DEMAND, SPOT
from gridray.machines import Machine, Machines, read_price_list
from gridray.store import Store

ALIVE = ("pending", "running")
# When an instance was terminated, in the words of its StateTransitionReason.
MOMENT = re.compile(r"\((\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (?:GMT|UTC)\)")


@dataclass(frozen=True)
class Instance:
    """A machine of a cluster as EC2 has it; times are Unix times in seconds.

    `is_gone` says that it is not paid for any more; `gone_at` since when, as far as EC2 tells.
    """

    instance_id: str
    instance_type: str
    market: str
    zone: str
    is_head: bool
    since: float
    is_gone: bool = False
    gone_at: float | None = None


def record(store: Store, key: str, account: Account, types: Iterable[InstanceType]) -> Machines:
    """Write what the machines of a cluster are and cost as of now, and return it.

    What is there already of other types, and prices that cannot be had anew, stay.

    Args:
        types: of the head and of all worker groups.

    Raises:
        CredentialsError: AWS does not know who asks.
        CloudError: AWS cannot be asked for spot prices.
        StoreError: the store cannot be written.
    """
    wanted = {each.name: each for each in types}
    before = read_price_list(store, key)
    known = dict(before.machines.types) if before else {}
    on_demand, source = _on_demand(account, list(wanted))
    spot = catalog.spot_prices(account, wanted)
    for name, each in wanted.items():
        old = known.get(name)
        known[name] = Machine(
            vcpus=each.vcpus,
            gpus=each.gpus,
            memory=each.memory,
            on_demand=on_demand.get(name) or (old.on_demand if old else None),
            spot=spot.get(name) or (old.spot if old else {}),
        )
    found = Machines(account.region, round(time.time()), source, known)
    store.put_json(layout.machines(key), found.to_json())
    return found


def _on_demand(account: Account, names: list[str]) -> tuple[Mapping[str, float | None], str]:
    """Return on-demand prices, and where they are from: no cluster is worth less for want of them.

    Raises:
        CredentialsError: AWS does not know who asks.
    """
    try:
        listed = catalog.listed_prices(account, names)
    except CredentialsError:
        raise
    except CloudError:
        listed = {}
    missing = catalog.shipped_prices(account, names, listed)
    is_listed = any(price is not None for price in listed.values())
    sources = ["the AWS Price List"] if is_listed else []
    sources += [f"Gridray's own table of {shipped().date}"] if missing or not is_listed else []
    return {**listed, **missing}, " and ".join(sources)


def spot(region: str, names: Iterable[str]) -> dict[str, dict[str, float]]:
    """Return the spot prices of these types by zone, asked for anew.

    Raises:
        CloudError: AWS cannot be asked, or refuses.
    """
    history = catalog.spot_history(Account(region), names, refresh=True)
    return {
        name: {zone: price.now for zone, price in zones.items()} for name, zones in history.items()
    }


def instances(region: str, cluster: str) -> list[Instance]:
    """Return the machines that a cluster has, and those that it had about an hour ago.

    Raises:
        CloudError: AWS cannot be asked, or refuses.
    """
    return [_instance(each) for each in described(Account(region), filters(cluster))]


def _instance(raw: Mapping[str, Any]) -> Instance:
    tags = {tag["Key"]: tag["Value"] for tag in raw.get("Tags", ())}
    found = Instance(
        instance_id=raw["InstanceId"],
        instance_type=raw["InstanceType"],
        market=SPOT if raw.get("InstanceLifecycle") == "spot" else ON_DEMAND,
        zone=raw.get("Placement", {}).get("AvailabilityZone", ""),
        is_head=tags.get(KIND_TAG) == HEAD,
        since=raw["LaunchTime"].timestamp(),
    )
    if raw["State"]["Name"] in ALIVE:
        return found
    moment = MOMENT.search(raw.get("StateTransitionReason") or "")
    return replace(found, is_gone=True, gone_at=_time(moment.group(1)) if moment else None)


def _time(text: str) -> float:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc).timestamp()
