"""Which image a node starts from: the newest of Ubuntu, or of AWS with the drivers of GPUs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gridray.clusters.aws.instancetype import ARM, X86, InstanceType
from gridray.clusters.aws.session import Account, asking
from gridray.errors import CloudError

CANONICAL = "099720109477"
AMAZON = "amazon"
DEBIAN = {X86: "amd64", ARM: "arm64"}
# NVIDIA's open kernel modules begin with Turing.
OLD_GPUS = ("M60", "K80", "V100")
# NVIDIA's, and with drivers that these images have; others, and parts of a GPU, need their own.
KNOWN_GPUS = (
    *("T4", "T4g", "A10G", "L4", "L40S", "A100", "H100", "H200", "B200", "B300"),
    *("RTX PRO 4500", "RTX PRO Server 6000"),
)


@dataclass(frozen=True)
class Image:
    """An image: its root device, and the least that its disk has, in GB."""

    id: str
    architecture: str
    root: str
    disk_gb: int


@dataclass(frozen=True)
class Source:
    """Where the newest image of a kind is found: a public parameter of SSM, or by its name."""

    parameter: str
    owner: str
    pattern: str


def source(instance: InstanceType) -> Source:
    """Return where the image for an instance type is found.

    Raises:
        CloudError: no public image has the driver of its GPU.
    """
    architecture = instance.architecture
    if architecture not in DEBIAN:
        raise CloudError(
            f"{instance.name} has the architecture {architecture}, for which there is no image",
            hint=f"take a type with {X86} or {ARM}",
        )
    if instance.gpu is None:
        name = DEBIAN[architecture]
        return Source(
            f"/aws/service/canonical/ubuntu/server/24.04/stable/current/{name}/hvm/ebs-gp3/ami-id",
            CANONICAL,
            f"ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-{name}-server-*",
        )
    if instance.gpu not in (*KNOWN_GPUS, *OLD_GPUS):
        raise CloudError(
            f"no public image of AWS has a driver for the GPU of {instance.name} ({instance.gpu})",
            hint="name an image that has one with --ami",
        )
    kind = "proprietary" if instance.gpu in OLD_GPUS else "oss"
    words = "Proprietary" if instance.gpu in OLD_GPUS else "OSS"
    arm = "ARM64 " if architecture == ARM else ""
    return Source(
        f"/aws/service/deeplearning/ami/{architecture}/"
        f"base-{kind}-nvidia-driver-gpu-ubuntu-22.04/latest/ami-id",
        AMAZON,
        f"Deep Learning {arm}Base {words} Nvidia Driver GPU AMI (Ubuntu 22.04) *",
    )


def choose(
    account: Account, types: Iterable[InstanceType], amis: Sequence[str] = ()
) -> dict[str, Image]:
    """Return an image for each instance type, by the type's name.

    Args:
        amis: ids of images to take instead, each for the types of its architecture.

    Raises:
        CloudError: an image does not exist, or none is for a type's architecture.
    """
    given = [named(account, ami) for ami in amis]
    if given:
        return {each.name: _fitting(each, given) for each in types}
    found: dict[Source, Image] = {}
    chosen = {}
    for each in types:
        where = source(each)
        if where not in found:
            found[where] = _newest(account, where)
        chosen[each.name] = found[where]
    return chosen


def named(account: Account, ami: str) -> Image:
    """Return the image of an id.

    Raises:
        CloudError: there is none in this region, or it cannot be used.
    """
    missing = CloudError(
        f"there is no image {ami!r} in {account.region} that this account can use",
        hint="images have another id in each region; leave --ami out for the usual ones",
    )
    try:
        with asking(f"for the image {ami}"):
            found = account.client("ec2").describe_images(ImageIds=[ami])["Images"]
    except CloudError as error:
        if error.code is not None and error.code.startswith("InvalidAMIID"):
            raise missing from error
        raise
    if not found:
        raise missing
    return _image(found[0])


def _fitting(instance: InstanceType, images: Sequence[Image]) -> Image:
    for image in images:
        if image.architecture == instance.architecture:
            return image
    given = ", ".join(f"{image.id} ({image.architecture})" for image in images)
    raise CloudError(
        f"{instance.name} is {instance.architecture}, and the image given is not: {given}",
        hint=f"give an image for {instance.architecture} with --ami, or leave --ami out",
    )


def _newest(account: Account, where: Source) -> Image:
    """Return the newest image, by SSM or by name.

    An account that may not ask SSM, and a region whose SSM does not have it, has EC2 still.
    """
    try:
        with asking(f"for the parameter {where.parameter}"):
            answer = account.client("ssm").get_parameter(Name=where.parameter)
        return named(account, answer["Parameter"]["Value"])
    except CloudError as error:
        if error.code is None:
            raise
        image = _by_name(account, where)
        if image is None:
            raise CloudError(
                f"no image {where.pattern!r} is found in {account.region}, nor by SSM "
                f"({error.message})",
                hint="name one with --ami",
            ) from error
        return image


def _by_name(account: Account, where: Source) -> Image | None:
    with asking(f"for images {where.pattern!r}"):
        found = account.client("ec2").describe_images(
            Owners=[where.owner],
            Filters=[
                {"Name": "name", "Values": [where.pattern]},
                {"Name": "state", "Values": ["available"]},
            ],
        )["Images"]
    newest = max(found, key=lambda image: str(image.get("CreationDate", "")), default=None)
    return None if newest is None else _image(newest)


def _image(answer: Mapping[str, Any]) -> Image:
    root = answer.get("RootDeviceName") or "/dev/sda1"
    disks = [
        mapping.get("Ebs", {}).get("VolumeSize", 0)
        for mapping in answer.get("BlockDeviceMappings", ())
        if mapping.get("DeviceName") == root
    ]
    return Image(answer["ImageId"], answer.get("Architecture", X86), root, max(disks, default=0))
