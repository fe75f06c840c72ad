"""What there still is of a cluster in AWS, found by its tags, and the end of what costs."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from gridray.clusters.aws.machines import machines
from gridray.clusters.aws.session import Account, asking
from gridray.clusters.aws.tags import OWNER_TAG, Mark, Whose, filters, is_among, mark_of
from gridray.errors import CloudError

ROLE_PREFIX = "gridray-"
END_SECONDS = 600.0
PAUSE = 2.0


@dataclass(frozen=True)
class Thing:
    """Something in AWS that carries a cluster's tags, as `instance i-0123 (running)`.

    `owner` is the identity of the home that the cluster was made from.
    """

    kind: str
    id: str
    cluster: str
    state: str = ""
    owner: str = ""

    @property
    def mark(self) -> Mark:
        return Mark(self.cluster, self.owner)

    def __str__(self) -> str:
        return f"{self.kind} {self.id}" + (f" ({self.state})" if self.state else "")


def find(account: Account, whose: Whose) -> list[Thing]:
    """Return what carries a cluster's tags, instances first; None: any cluster's.

    Raises:
        CloudError: AWS cannot be asked.
    """
    return [
        *instances(account, whose),
        *volumes(account, whose),
        *_groups(account, whose),
        *_key_pairs(account, whose),
        *_roles(account, whose),
    ]


def instances(account: Account, whose: Whose) -> list[Thing]:
    """Return the instances that are not terminated.

    Raises:
        CloudError: AWS cannot be asked.
    """
    found = machines(account, whose)
    return [Thing("instance", each.id, each.cluster, each.state, each.owner) for each in found]


def volumes(account: Account, whose: Whose) -> list[Thing]:
    """Return the disks.

    Raises:
        CloudError: AWS cannot be asked.
    """
    return [
        _thing("volume", each, "VolumeId", each["State"])
        for each in _pages(account, "describe_volumes", whose, "Volumes")
    ]


def end_instances(account: Account, mark: Mark) -> list[str]:
    """Terminate a cluster's instances, wait until they are, and say which they were.

    Raises:
        CloudError: AWS refuses, or an instance does not end.
    """
    ended: dict[str, None] = {}
    deadline = time.monotonic() + END_SECONDS
    while living := instances(account, mark):
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


def delete_volumes(account: Account, mark: Mark) -> list[str]:
    """Delete a cluster's disks that no instance has, and say which they were.

    Raises:
        CloudError: AWS refuses.
    """
    gone = []
    for each in volumes(account, mark):
        if each.state == "available":
            with asking(f"to delete {each}"):
                account.client("ec2").delete_volume(VolumeId=each.id)
            gone.append(f"volume {each.id}")
    return gone


def _groups(account: Account, whose: Whose) -> list[Thing]:
    return [
        _thing("security group", each, "GroupId")
        for each in _pages(account, "describe_security_groups", whose, "SecurityGroups")
    ]


def _key_pairs(account: Account, whose: Whose) -> list[Thing]:
    with asking("for key pairs"):
        found = account.client("ec2").describe_key_pairs(Filters=filters(whose))["KeyPairs"]
    return [_thing("key pair", each, "KeyName") for each in found]


def _roles(account: Account, whose: Whose) -> list[Thing]:
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
        its = [_tagged(kind, name, ask, whose) for name in named if _is_here(account, name)]
        found += [each for each in its if each]
    return found


def _is_here(account: Account, name: str) -> bool:
    endings = (f"-{account.region}-head", f"-{account.region}-worker")
    return name.startswith(ROLE_PREFIX) and name.endswith(endings)


def _tagged(kind: str, name: str, ask: Callable[[str], Any], whose: Whose) -> Thing | None:
    try:
        with asking(f"for the tags of the {kind} {name}"):
            mark = mark_of(ask(name).get("Tags"))
    except CloudError as error:
        if error.code == "NoSuchEntity":
            return None
        raise
    if mark is None or not is_among(mark, whose):
        return None
    return Thing(kind, name, mark.cluster, owner=mark.owner)


def _pages(
    account: Account,
    operation: str,
    whose: Whose,
    key: str,
) -> Iterator[Any]:
    with asking(f"for what is tagged {OWNER_TAG} ({operation})"):
        paginator = account.client("ec2").get_paginator(operation)
        for page in paginator.paginate(Filters=filters(whose)):
            yield from page[key]


def _thing(kind: str, found: Any, key: str, state: str = "") -> Thing:
    mark = mark_of(found.get("Tags")) or Mark("", "")
    return Thing(kind, found[key], mark.cluster, state, mark.owner)
