"""What there still is of a cluster in AWS, found by its tags, and the end of what costs."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from gridray.clusters.aws.machines import machines
from gridray.clusters.aws.session import Account, asking
from gridray.clusters.aws.tags import OWNER_TAG, cluster_of, filters
from gridray.errors import CloudError

ROLE_PREFIX = "gridray-"
END_SECONDS = 600.0
PAUSE = 2.0


@dataclass(frozen=True)
class Thing:
    """Something in AWS that carries a cluster's tags, as `instance i-0123 (running)`."""

    kind: str
    id: str
    cluster: str
    state: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.id}" + (f" ({self.state})" if self.state else "")


def find(account: Account, cluster: str | None) -> list[Thing]:
    """Return what carries a cluster's tags, instances first; None: any cluster's.

    Raises:
        CloudError: AWS cannot be asked.
    """
    return [
        *instances(account, cluster),
        *volumes(account, cluster),
        *_groups(account, cluster),
        *_key_pairs(account, cluster),
        *_roles(account, cluster),
    ]


def instances(account: Account, cluster: str | None) -> list[Thing]:
    """Return the instances that are not terminated.

    Raises:
        CloudError: AWS cannot be asked.
    """
    found = machines(account, cluster)
    return [Thing("instance", each.id, each.cluster, each.state) for each in found]


def volumes(account: Account, cluster: str | None) -> list[Thing]:
    """Return the disks.

    Raises:
        CloudError: AWS cannot be asked.
    """
    return [
        _thing("volume", each, "VolumeId", each["State"])
        for each in _pages(account, "describe_volumes", cluster, "Volumes")
    ]


def end_instances(account: Account, cluster: str) -> list[str]:
    """Terminate a cluster's instances, wait until they are, and say which they were.

    Raises:
        CloudError: AWS refuses, or an instance does not end.
    """
    ended: dict[str, None] = {}
    deadline = time.monotonic() + END_SECONDS
    while living := instances(account, cluster):
        ids = [each.id for each in living if each.state != "shutting-down"]
        ended |= dict.fromkeys(each.id for each in living)
        if ids:
            with asking(f"to terminate {', '.join(ids)}"):
                account.client("ec2").terminate_instances(InstanceIds=ids)
        if time.monotonic() > deadline:
            left = ", ".join(map(str, living))
            raise CloudError(
                f"still there after {END_SECONDS:.0f} s: {left}",
                hint="look at them in the EC2 console, then do this again",
            )
        time.sleep(PAUSE)
    return [f"instance {each}" for each in ended]


def delete_volumes(account: Account, cluster: str) -> list[str]:
    """Delete a cluster's disks that no instance has, and say which they were.

    Raises:
        CloudError: AWS refuses.
    """
    gone = []
    for each in volumes(account, cluster):
        if each.state == "available":
            with asking(f"to delete {each}"):
                account.client("ec2").delete_volume(VolumeId=each.id)
            gone.append(f"volume {each.id}")
    return gone


def _groups(account: Account, cluster: str | None) -> list[Thing]:
    return [
        _thing("security group", each, "GroupId")
        for each in _pages(account, "describe_security_groups", cluster, "SecurityGroups")
    ]


def _key_pairs(account: Account, cluster: str | None) -> list[Thing]:
    with asking("for key pairs"):
        found = account.client("ec2").describe_key_pairs(Filters=filters(cluster))["KeyPairs"]
    return [_thing("key pair", each, "KeyName") for each in found]


def _roles(account: Account, cluster: str | None) -> list[Thing]:
    """Return roles and instance profiles; IAM's lists have no tags, so they go by name first.

    Their names end in the region and in what they are for, as `gridray-NAME-us-east-1-head`.
    """
    iam = account.client("iam")
    kinds: list[tuple[str, str, str, Callable[[str], Any]]] = [
        (
            "instance profile",
            "list_instance_profiles",
            "InstanceProfile",
            lambda name: iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"],
        ),
        ("role", "list_roles", "Role", lambda name: iam.get_role(RoleName=name)["Role"]),
    ]
    found = []
    for kind, operation, key, ask in kinds:
        with asking(f"for its {kind}s"):
            pages = iam.get_paginator(operation).paginate()
            named = [each[f"{key}Name"] for page in pages for each in page[f"{key}s"]]
        its = [_tagged(kind, name, ask) for name in named if _is_here(account, name)]
        found += [each for each in its if each and cluster in (None, each.cluster)]
    return found


def _is_here(account: Account, name: str) -> bool:
    endings = (f"-{account.region}-head", f"-{account.region}-worker")
    return name.startswith(ROLE_PREFIX) and name.endswith(endings)


def _tagged(kind: str, name: str, ask: Callable[[str], Any]) -> Thing | None:
    try:
        with asking(f"for the tags of the {kind} {name}"):
            cluster = cluster_of(ask(name).get("Tags"))
    except CloudError as error:
        if error.code == "NoSuchEntity":
            return None
        raise
    return None if cluster is None else Thing(kind, name, cluster)


def _pages(
    account: Account,
    operation: str,
    cluster: str | None,
    key: str,
) -> Iterator[Any]:
    with asking(f"for what is tagged {OWNER_TAG} ({operation})"):
        paginator = account.client("ec2").get_paginator(operation)
        for page in paginator.paginate(Filters=filters(cluster)):
            yield from page[key]


def _thing(kind: str, found: Any, key: str, state: str = "") -> Thing:
    return Thing(kind, found[key], cluster_of(found.get("Tags")) or "", state)
