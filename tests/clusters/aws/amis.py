"""The images of today, which moto does not know: put into its state, as it runs in here."""

from datetime import datetime, timezone
from typing import Any

from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ec2.models.amis import Ami
from moto.ssm.models import Parameter

from gridray.clusters.aws.images import Source, source
from gridray.clusters.aws.instancetype import ARM, X86, shipped

TYPES = ("m5.large", "m7g.large", "g4dn.xlarge", "g5g.xlarge", "p3.2xlarge")
# GB; what moto says of each image.
SIZE = 15
CREATED = datetime(2026, 7, 1, tzinfo=timezone.utc)


def seed(region: str, *, in_ssm: bool = True) -> dict[str, str]:
    """Add an image for each kind of node; return their ids by instance type."""
    found = {}
    for name in TYPES:
        instance = shipped().types[name]
        where = source(instance)
        found[name] = add(region, where, instance.architecture, CREATED)
        if in_ssm:
            _parameter(region, where.parameter, found[name])
    return found


def add(region: str, where: Source, architecture: str, created: datetime) -> str:
    """Add one image of a name that fits."""
    ec2 = get_backend("ec2")[DEFAULT_ACCOUNT_ID][region]
    number = len(ec2.amis)
    image = Ami(
        ec2,
        f"ami-{number:017x}",
        name=where.pattern.replace("*", f"{created:%Y%m%d}"),
        owner_id=where.owner if where.owner.isdigit() else "898082745236",
        owner_alias=None if where.owner.isdigit() else where.owner,
        public=True,
        virtualization_type="hvm",
        architecture={X86: "x86_64", ARM: "arm64"}[architecture],
        creation_date=created,
        root_device_type="ebs",
        root_device_name="/dev/sda1",
    )
    ec2.amis[image.id] = image
    return str(image.id)


def _parameter(region: str, name: str, value: str) -> None:
    ssm: Any = get_backend("ssm")[DEFAULT_ACCOUNT_ID][region]
    ssm._parameters[name].append(
        Parameter(
            account_id=DEFAULT_ACCOUNT_ID,
            name=name,
            value=value,
            parameter_type="String",
            description=None,
            allowed_pattern=None,
            keyid=None,
            last_modified_date=CREATED,
            version=1,
            data_type="aws:ec2:image",
        )
    )
