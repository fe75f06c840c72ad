"""The roles that nodes have in AWS, each with an instance profile of the same name."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gridray.clusters.aws.session import Account, asking
from gridray.clusters.aws.tags import Mark, mark_of, tags
from gridray.errors import CloudError

POLICY = "gridray"
SPOT_SERVICE = "spot.amazonaws.com"
SPOT_ROLE = "AWSServiceRoleForEC2Spot"
# What IAM has made is seen by EC2 some seconds later.
KNOWN_SECONDS = 60.0
PAUSE = 2.0
Document = Mapping[str, Any]


@dataclass(frozen=True)
class Found:
    """A role, or an instance profile, and whose it is."""

    kind: str
    mark: Mark | None


def make(account: Account, name: str, mark: Mark, trust: Document, policy: Document) -> bool:
    """Make a role with its instance profile, or finish what was begun.

    Returns:
        Whether the profile is new, so that EC2 may not know it yet.

    Raises:
        CloudError: AWS refuses, or the name is taken.
    """
    iam = account.client("iam")
    what = {"RoleName": name}
    if _role(account, name, mark) is None:
        with asking(f"to make the role {name}"):
            iam.create_role(
                **what,
                AssumeRolePolicyDocument=json.dumps(trust),
                Description=f"Nodes of Gridray's cluster {mark.cluster}",
                Tags=tags(mark),
            )
    with asking(f"to give the role {name} its policy"):
        iam.put_role_policy(**what, PolicyName=POLICY, PolicyDocument=json.dumps(policy))
    profile = _profile(account, name, mark)
    if profile is None:
        with asking(f"to make the instance profile {name}"):
            iam.create_instance_profile(InstanceProfileName=name, Tags=tags(mark))
    if profile is None or not profile["Roles"]:
        with asking(f"to add the role {name} to its instance profile"):
            iam.add_role_to_instance_profile(InstanceProfileName=name, **what)
        return True
    return False


def wait_until_known(account: Account, launch: Mapping[str, Any]) -> None:
    """Wait until EC2 knows an instance profile, by dry runs of a launch with it.

    Raises:
        CloudError: it does not after a minute, or AWS cannot be asked.
    """
    deadline = time.monotonic() + KNOWN_SECONDS
    while True:
        try:
            with asking("for a dry run of a launch"):
                account.client("ec2").run_instances(DryRun=True, MinCount=1, MaxCount=1, **launch)
            return
        except CloudError as error:
            is_unknown = error.code == "InvalidParameterValue" and "rofile" in error.message
            if error.code is None or (is_unknown and time.monotonic() > deadline):
                raise
            if not is_unknown:
                return
        time.sleep(PAUSE)


def ensure_spot(account: Account) -> None:
    """Make sure that the account has the role with which EC2 gives out spot instances.

    EC2 makes it for whoever asks for the first one, if they may make it; the head may not.

    Raises:
        CloudError: it is not there, and may not be made.
    """
    if has_spot(account):
        return
    try:
        with asking(f"to make the role {SPOT_ROLE}"):
            account.client("iam").create_service_linked_role(AWSServiceName=SPOT_SERVICE)
    except CloudError as error:
        # Somebody else was faster.
        if error.code not in ("InvalidInput", "EntityAlreadyExists"):
            raise


def delete(account: Account, name: str, mark: Mark) -> bool:
    """Delete a role and its instance profile, however much there is; return whether any was.

    Raises:
        CloudError: AWS refuses.
    """
    iam = account.client("iam")
    profile = _profile(account, name, mark)
    if profile is not None:
        with asking(f"to delete the instance profile {name}"):
            for role in profile["Roles"]:
                iam.remove_role_from_instance_profile(
                    InstanceProfileName=name, RoleName=role["RoleName"]
                )
            iam.delete_instance_profile(InstanceProfileName=name)
    role = _role(account, name, mark)
    if role is not None:
        with asking(f"to delete the role {name}"):
            for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
                iam.delete_role_policy(RoleName=name, PolicyName=policy)
            iam.delete_role(RoleName=name)
    return profile is not None or role is not None


def look(account: Account, name: str) -> list[Found]:
    """Return the role and the instance profile of a name, whichever there are.

    Raises:
        CloudError: AWS cannot be asked.
    """
    found = {"role": _get_role(account, name), "instance profile": _get_profile(account, name)}
    return [Found(kind, mark_of(each.get("Tags"))) for kind, each in found.items() if each]


def has_spot(account: Account) -> bool:
    """Whether the account has the role with which EC2 gives out spot instances.

    Raises:
        CloudError: AWS cannot be asked.
    """
    return _get_role(account, SPOT_ROLE) is not None


def _role(account: Account, name: str, mark: Mark) -> Any:
    """Return a role of the cluster's; None: there is none."""
    return _own(_get_role(account, name), mark)


def _profile(account: Account, name: str, mark: Mark) -> Any:
    """Return an instance profile of the cluster's; None: there is none."""
    return _own(_get_profile(account, name), mark)


def _own(found: Any, mark: Mark) -> Any:
    return found if found is not None and mark_of(found.get("Tags")) == mark else None


def _get_role(account: Account, name: str) -> Any:
    return _unless_missing(
        f"for the role {name}", lambda: account.client("iam").get_role(RoleName=name)["Role"]
    )


def _get_profile(account: Account, name: str) -> Any:
    iam = account.client("iam")
    return _unless_missing(
        f"for the instance profile {name}",
        lambda: iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"],
    )


def _unless_missing(what: str, ask: Any) -> Any:
    try:
        with asking(what):
            return ask()
    except CloudError as error:
        if error.code == "NoSuchEntity":
            return None
        raise
