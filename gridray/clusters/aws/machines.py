"""The instances of clusters, as EC2 tells of them now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gridray.clusters.aws.session import Account, asking
from gridray.clusters.aws.tags import GROUP_TAG, HEAD, KIND_TAG, Whose, filters, mark_of
from gridray.labels import ON_DEMAND

LIVING = ("pending", "running", "shutting-down", "stopping", "stopped")
RUNNING = "running"
STARTING = "pending"


@dataclass(frozen=True)
class Machine:
    """An instance that is not terminated; `group` is the name of its node type.

    `owner` is the identity of the home that its cluster was made from.
    """

    id: str
    cluster: str
    owner: str
    is_head: bool
    group: str
    instance_type: str
    market: str
    zone: str
    state: str
    public_address: str | None
    private_address: str | None
    launched_at: datetime


def machines(account: Account, whose: Whose) -> list[Machine]:
    """Return a cluster's instances, the head first; None: those of all clusters.

    Raises:
        CloudError: AWS cannot be asked.
    """
    living = {"Name": "instance-state-name", "Values": list(LIVING)}
    found = map(_machine, described(account, [*filters(whose), living]))
    return sorted(found, key=lambda each: (each.cluster, not each.is_head, each.group, each.id))


def described(account: Account, wanted: Sequence[Mapping[str, object]]) -> list[Any]:
    """Return the instances that EC2's filters let through, as it describes them.

    Raises:
        CloudError: AWS cannot be asked.
    """
    with asking("for the instances"):
        paginator = account.client("ec2").get_paginator("describe_instances")
        return [
            each
            for page in paginator.paginate(Filters=list(wanted))
            for reservation in page["Reservations"]
            for each in reservation["Instances"]
        ]


def head(account: Account, whose: Whose) -> Machine | None:
    """Return the head, if it runs or is about to.

    Raises:
        CloudError: AWS cannot be asked.
    """
    up = (STARTING, RUNNING)
    heads = [each for each in machines(account, whose) if each.is_head and each.state in up]
    return max(heads, key=lambda each: each.launched_at, default=None)


def _machine(found: Any) -> Machine:
    tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags", ())}
    mark = mark_of(found.get("Tags"))
    return Machine(
        id=found["InstanceId"],
        cluster=mark.cluster if mark else "",
        owner=mark.owner if mark else "",
        is_head=tags.get(KIND_TAG) == HEAD,
        group=tags.get(GROUP_TAG, "-"),
        instance_type=found["InstanceType"],
        market=found.get("InstanceLifecycle", ON_DEMAND),
        zone=found["Placement"]["AvailabilityZone"],
        state=found["State"]["Name"],
        public_address=found.get("PublicIpAddress"),
        private_address=found.get("PrivateIpAddress"),
        launched_at=found["LaunchTime"],
    )
