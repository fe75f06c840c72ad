"""What costs in AWS and belongs to no cluster that this machine knows."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from gridray.clusters.aws import bucket, machines, made, remains
from gridray.clusters.aws.bucket import Bucket
from gridray.clusters.aws.made import Made
from gridray.clusters.aws.remains import Thing
from gridray.clusters.aws.session import Account
from gridray.clusters.aws.tags import Mark
from gridray.errors import GridrayError

AT_ONCE = 8
COSTLY = ("instance", "volume")
UP = (machines.RUNNING, machines.STARTING)


@dataclass(frozen=True)
class Stray:
    """Something with a cluster's tags, in a region, that is in nobody's hands here.

    `is_led` says that its cluster has a head, so that somebody else may use it.
    """

    region: str
    thing: Thing
    is_led: bool = False

    @property
    def is_costly(self) -> bool:
        return self.thing.kind in COSTLY


def regions(home: Path, named: Iterable[str], account: Account) -> list[str]:
    """Return the regions to look at: those named, or those of the clusters and of the settings."""
    chosen = list(dict.fromkeys(named))
    if chosen:
        return chosen
    known = [each.region for each in clusters(home)]
    return list(dict.fromkeys([*known, *([account.region] if account.is_placed else [])]))


def clusters(home: Path) -> list[Made]:
    """Return the clusters that this machine knows; what cannot be read is passed over."""
    found = []
    for name in made.names(home):
        try:
            found.append(Made.load(home, name))
        except GridrayError:
            continue
    return found


def find(home: Path, account: Account, where: Iterable[str]) -> list[Stray]:
    """Return what is left over, of instances, disks, keys, roles and security groups.

    Raises:
        CloudError: AWS cannot be asked.
    """
    places = list(where)
    if not places:
        return []
    # The caller may have no region configured.
    number = account.at(places[0]).identity().account
    ours = {(each.mark, each.region) for each in clusters(home) if each.account == number}

    def look(region: str) -> list[Stray]:
        place = account.at(region)
        heads = [each for each in machines.machines(place, None) if each.is_head]
        led = {Mark(each.cluster, each.owner) for each in heads if each.state in UP}
        return [
            Stray(region, each, each.mark in led)
            for each in remains.find(place, None)
            if (each.mark, region) not in ours
        ]

    with ThreadPoolExecutor(min(AT_ONCE, len(places) or 1)) as pool:
        return [each for found in pool.map(look, places) for each in found]


def buckets(home: Path, account: Account, region: str) -> list[Bucket]:
    """Return the buckets, of all regions, that were made for clusters, and that none here uses.

    Raises:
        CloudError: AWS cannot be asked.
    """
    kept = {bucket.parse(each.store)[0] for each in clusters(home)}
    return [each for each in bucket.made(account.at(region)) if each.name not in kept]


def end(account: Account, found: Iterable[Stray]) -> list[str]:
    """Terminate the instances among what was found, delete the disks, and say which they were.

    Raises:
        CloudError: AWS refuses.
    """
    costly = [each for each in found if each.is_costly]
    gone = []
    for region, mark in dict.fromkeys((each.region, each.thing.mark) for each in costly):
        place = account.at(region)
        gone += remains.end_instances(place, mark)
        gone += remains.delete_volumes(place, mark)
    return gone
