"""How a cluster will look: its names in AWS, its nodes, their images and places."""

from collections.abc import Mapping

from gridray.clusters.aws import bucket, catalog, images, network
from gridray.clusters.aws.clusterfile import HEAD, HEAD_DISK_GB, MARKETS, Nodes, Wanted, group_name
from gridray.clusters.aws.images import Image
from gridray.clusters.aws.instancetype import InstanceType
from gridray.clusters.aws.network import Network
from gridray.clusters.aws.session import Account
from gridray.errors import CloudError, UsageError
from gridray.labels import SPOT
from gridray.settings import CLUSTER_NAME, LOCAL

# The longest name of a bucket has 63 characters, and this is in its.
LONGEST_NAME = 24
# In seconds. A head that is only slow, or starts its GCS anew, is back by then.
LEAST_TIMEOUT = 60


def name(cluster: str) -> str:
    """Return the name of a cluster's key pair and security group."""
    return f"gridray-{cluster}"


def role_names(wanted: Wanted) -> tuple[str, str]:
    """Return the names of the roles of head and workers; IAM has one name for all regions."""
    prefix = f"gridray-{wanted.name}-{wanted.region}"
    return f"{prefix}-head", f"{prefix}-worker"


def bucket_name(account: str, wanted: Wanted) -> str:
    """Return the name of the bucket that is made for a cluster without a store."""
    return f"gridray-{account}-{wanted.region}-{wanted.name}"


def check(wanted: Wanted) -> None:
    """Check what can be checked without asking anybody.

    Raises:
        UsageError: something cannot be meant.
    """
    if not CLUSTER_NAME.fullmatch(wanted.name) or len(wanted.name) > LONGEST_NAME:
        raise UsageError(
            f"{wanted.name!r} is no name for a cluster in AWS",
            hint=f"a name is made of up to {LONGEST_NAME} lower-case letters, digits and '-'",
        )
    if wanted.name == LOCAL:
        raise UsageError(f"the name {LOCAL!r} is taken by this machine's own cluster")
    if not wanted.instance_types:
        raise UsageError(
            "a cluster has to have at least one instance type",
            hint="name some with --instance-types g4dn.xlarge,m5.large",
        )
    unknown = sorted(set(wanted.markets) - set(MARKETS))
    if unknown or not wanted.markets:
        raise UsageError(
            f"there is no market {unknown[0]!r}" if unknown else "a cluster has to have a market",
            hint=f"the markets are: {', '.join(MARKETS)}",
        )
    if wanted.max_workers < 1 or wanted.idle_timeout <= 0:
        raise UsageError(
            f"a cluster of at most {wanted.max_workers} workers, which end after "
            f"{wanted.idle_timeout:g} minutes with nothing to do, can run nothing",
            hint="both have to be above 0",
        )
    if wanted.head_timeout < LEAST_TIMEOUT:
        raise UsageError(
            f"workers that end themselves after {wanted.head_timeout:g} s without the head would "
            "do so whenever it is slow",
            hint=f"--head-timeout has to be at least {LEAST_TIMEOUT} s",
        )
    network.check_block(wanted.ssh_from)
    if wanted.store is not None:
        bucket.parse(wanted.store)


def nodes(account: Account, wanted: Wanted, where: Network) -> tuple[Nodes, tuple[Nodes, ...]]:
    """Return the head, and the worker groups: one for each instance type and market.

    Raises:
        CloudError: a type, or an image for it, does not exist, or none of the subnets' zones has
            it, or it cannot be had as spot.
    """
    names = list(dict.fromkeys(wanted.instance_types))
    every = list(dict.fromkeys([wanted.head_type, *names]))
    types = catalog.instance_types(account, every)
    zones = catalog.zones(account, every)
    for each in every:
        if each not in types or not zones.get(each):
            raise CloudError(
                f"{wanted.region} has no instance type {each!r}",
                hint=f"`gridray instance-types --region {wanted.region}` lists what it has",
            )
    workers = [types[each] for each in names]
    chosen = images.choose(account, workers, wanted.amis)
    head_type = types[wanted.head_type]
    heads = (wanted.head_ami,) if wanted.head_ami else ()
    head_image = images.choose(account, [head_type], heads)[head_type.name]
    head_disk = max(HEAD_DISK_GB, head_image.disk_gb)
    head_places = _places(where, wanted, head_type, zones)
    head = Nodes(HEAD, head_type, None, head_image, head_places, head_disk)
    return head, tuple(
        _group(wanted, each, market, chosen[each.name], _places(where, wanted, each, zones))
        for each in workers
        for market in dict.fromkeys(wanted.markets)
    )


def _group(
    wanted: Wanted,
    instance: InstanceType,
    market: str,
    image: Image,
    subnets: tuple[str, ...],
) -> Nodes:
    if market == SPOT and not instance.has_spot:
        raise CloudError(
            f"{instance.name} cannot be had as a spot instance", hint="take it with --on-demand"
        )
    if wanted.disk_gb < image.disk_gb:
        raise CloudError(
            f"a disk of {wanted.disk_gb} GB is too small for the image of {instance.name}, "
            f"{image.id}, which has {image.disk_gb} GB",
            hint=f"give --disk-size {image.disk_gb} or more",
        )
    name_ = group_name(instance.name, market)
    return Nodes(name_, instance, market, image, subnets, wanted.disk_gb)


def _places(
    where: Network,
    wanted: Wanted,
    instance: InstanceType,
    zones: Mapping[str, tuple[str, ...]],
) -> tuple[str, ...]:
    """Return the subnets in which a type can be had."""
    found = where.offering(zones[instance.name])
    if not found:
        raise CloudError(
            f"{instance.name} is offered in {', '.join(zones[instance.name])} of {wanted.region}, "
            f"and the subnets are in {', '.join(sorted(set(where.subnets.values())))}",
            hint="make a subnet in a zone that has it, or take another type",
        )
    return found
