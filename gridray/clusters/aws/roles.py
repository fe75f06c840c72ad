"""The roles that nodes have in AWS, each with an instance profile of the same name."""

import json
import time
from collections.abc import Mapping
from typing import Any

from gridray.clusters.aws.session import Account, asking
from gridray.clusters.aws.tags import cluster_of, tags
from gridray.errors import CloudError, ExistsError

POLICY = "gridray"
SPOT_SERVICE = "spot.amazonaws.com"
SPOT_ROLE = "AWSServiceRoleForEC2Spot"
# What IAM has made is seen by EC2 some seconds later.
KNOWN_SECONDS = 60.0
PAUSE = 2.0
Document = Mapping[str, Any]


def make(account: Account, name: str, cluster: str, trust: Document, policy: Document) -> bool:
    """Make a role with its instance profile, or finish what was begun.

    Returns:
        Whether the profile is new, so that EC2 may not know it yet.

    Raises:
        ExistsError: there is a role of this name that is not the cluster's.
        CloudError: AWS refuses.
    """
    iam = account.client("iam")
    what = {"RoleName": name}
    if _owned(account, name, cluster) is None:
        with asking(f"to make the role {name}"):
            iam.create_role(
                **what,
                AssumeRolePolicyDocument=json.dumps(trust),
                Description=f"Nodes of Gridray's cluster {cluster}",
                Tags=tags(cluster),
            )
    with asking(f"to give the role {name} its policy"):
        iam.put_role_policy(**what, PolicyName=POLICY, PolicyDocument=json.dumps(policy))
    profile = _profile(account, name)
    if profile is None:
        with asking(f"to make the instance profile {name}"):
            iam.create_instance_profile(InstanceProfileName=name, Tags=tags(cluster))
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
    iam = account.client("iam")
    try:
        with asking(f"for the role {SPOT_ROLE}"):
            iam.get_role(RoleName=SPOT_ROLE)
            return
    except CloudError as error:
        if error.code != "NoSuchEntity":
            raise
    try:
        with asking(f"to make the role {SPOT_ROLE}"):
            iam.create_service_linked_role(AWSServiceName=SPOT_SERVICE)
    except CloudError as error:
        # Somebody else was faster.
        if error.code not in ("InvalidInput", "EntityAlreadyExists"):
            raise


def delete(account: Account, name: str, cluster: str) -> bool:
    """Delete a role and its instance profile, however much there is; return whether any was.

    Raises:
        CloudError: AWS refuses.
    """
    iam = account.client("iam")
    profile = _profile(account, name)
    if profile is not None and cluster_of(profile.get("Tags")) in (cluster, None):
        with asking(f"to delete the instance profile {name}"):
            for role in profile["Roles"]:
                iam.remove_role_from_instance_profile(
                    InstanceProfileName=name, RoleName=role["RoleName"]
                )
            iam.delete_instance_profile(InstanceProfileName=name)
    try:
        role = _owned(account, name, cluster)
    except ExistsError:
        role = None
    if role is not None:
        with asking(f"to delete the role {name}"):
            for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
                iam.delete_role_policy(RoleName=name, PolicyName=policy)
            iam.delete_role(RoleName=name)
    return profile is not None or role is not None


def exists(account: Account, name: str) -> bool:
    """Whether there is a role, or an instance profile, of this name.

    Raises:
        CloudError: AWS cannot be asked.
    """
    return _role(account, name) is not None or _profile(account, name) is not None


def _owned(account: Account, name: str, cluster: str) -> Any:
    """Return a role of the cluster's; None: there is none.

    Raises:
        ExistsError: it is not the cluster's.
    """
    role = _role(account, name)
    if role is not None and cluster_of(role.get("Tags")) != cluster:
        raise ExistsError(
            f"the account has a role {name!r} that is not Gridray's",
            hint="take another name for the cluster, or delete the role",
        )
    return role


def _role(account: Account, name: str) -> Any:
    return _unless_missing(
        f"for the role {name}", lambda: account.client("iam").get_role(RoleName=name)["Role"]
    )


def _profile(account: Account, name: str) -> Any:
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
