"""What a cloud offers, as the commands show it."""

from gridray.cli import offer_shapes
from gridray.cli.output import Output
from gridray.cli.text import Column, harmless
from gridray.clusters.aws import groups
from gridray.clusters.aws.instancetype import ARM
from gridray.clusters.aws.nicknames import gigabytes
from gridray.clusters.aws.offers import Offer, overview
from gridray.clusters.aws.session import Account

GIBIBYTE = 1 << 30
# Short enough to be whole on a terminal of 100 columns.
COLUMNS = (
    Column("Type"),
    Column("vCPU", right=True),
    Column("RAM", right=True),
    Column("GPU", cut=True),
    Column("VRAM", right=True),
    Column("$/h", right=True),
    Column("Spot", right=True),
    Column("7 days", right=True),
    Column("Left", right=True),
    Column("Nickname", cut=True),
)
LEGEND = """\
$/h: US dollars an hour on demand; Spot: as a spot instance, and its range over 7 days
RAM in GiB; VRAM: GB of each GPU; Left: how many more the quotas let you have, on-demand/spot"""


def offers(
    out: Output,
    cluster: str | None,
    gpus: int | None,
    region: str | None,
    profile: str | None,
    *,
    refresh: bool,
) -> offer_shapes.InstanceTypes:
    """Ask what there is to choose from.

    Raises:
        NotFoundError: there is no such cluster.
        CloudError: AWS cannot be asked, or there is no such region.
    """
    names = None
    if cluster is not None:
        made = groups.groups(cluster)
        names = made.instance_types
        region, profile = region or made.region, profile or made.profile
    found = overview(Account(region, profile), names, refresh=refresh)
    wanted = [each for each in found.offers if gpus is None or each.type.gpus == gpus]
    for note in found.notes:
        out.warn(harmless(note))
    return offer_shapes.InstanceTypes(found.region, tuple(map(_shape, wanted)), found.notes)


def _shape(offer: Offer) -> offer_shapes.InstanceType:
    return offer_shapes.InstanceType(
        name=offer.type.name,
        nickname=offer.nickname,
        vcpus=offer.type.vcpus,
        memory=offer.type.memory,
        architecture=offer.type.architecture,
        gpu=offer.type.gpu,
        gpus=offer.type.gpus,
        gpu_memory=offer.type.gpu_memory,
        zones=offer.zones,
        on_demand_price=offer.on_demand,
        spot_price=offer.spot,
        spot_zone=offer.spot_zone,
        spot_price_low=offer.spot_low,
        spot_price_high=offer.spot_high,
        on_demand_quota_left=offer.on_demand_left,
        spot_quota_left=offer.spot_left,
    )


def show(out: Output, found: offer_shapes.InstanceTypes) -> None:
    if not found.instance_types:
        out.note(f"{found.region} has none of these")
        return
    out.table(COLUMNS, map(_row, found.instance_types))
    out.note(f"\nin {found.region}; {LEGEND}")


def _row(each: offer_shapes.InstanceType) -> tuple[str, ...]:
    return (
        each.name + " arm" * (each.architecture == ARM),
        str(each.vcpus),
        f"{each.memory / GIBIBYTE:g}",
        f"{each.gpus} {each.gpu}" if each.gpus else "-",
        str(gigabytes(each.gpu_memory) or "-"),
        _price(each.on_demand_price),
        _price(each.spot_price),
        _range(each.spot_price_low, each.spot_price_high),
        _left(each),
        each.nickname or "-",
    )


def _price(dollars: float | None) -> str:
    """Return a price in as many digits as a choice needs."""
    if dollars is None:
        return "-"
    return f"{dollars:.3f}" if dollars < 10 else f"{dollars:.2f}"


def _range(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return "-"
    return "-".join(f"{price:.2f}" if price < 10 else f"{price:.1f}" for price in (low, high))


def _left(each: offer_shapes.InstanceType) -> str:
    both = each.on_demand_quota_left, each.spot_quota_left
    if both == (None, None):
        return "-"
    return "/".join("-" if left is None else str(left // each.vcpus) for left in both)
