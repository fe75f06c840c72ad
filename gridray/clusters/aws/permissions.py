"""Which permissions a caller lacks, by dry runs of EC2 and by IAM's own simulation.

A dry run makes nothing: EC2 answers `DryRunOperation` if it would have been done, and
`UnauthorizedOperation` if not. Any other answer says nothing about permissions.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gridray.clusters.aws.session import DENIED, Account, Identity, asking, permission_of
from gridray.errors import CloudError

NOBODY = "00000000000000000"
NAME = "gridray-preflight"
IAM = (
    "iam:CreateRole",
    "iam:PutRolePolicy",
    "iam:CreateInstanceProfile",
    "iam:AddRoleToInstanceProfile",
    "iam:PassRole",
)
Call = tuple[str, dict[str, Any]]


def missing(account: Account, instance_type: str, vpc: str | None, image: str | None) -> list[str]:
    """Return the permissions of EC2, as `ec2:RunInstances`, that the caller certainly lacks.

    Args:
        instance_type: what a dry run launches.
        vpc: where a dry run makes a security group.
        image: what a dry run launches from; None: an image that does not exist.

    Raises:
        CloudError: AWS cannot be asked.
    """
    calls = _calls(instance_type, vpc, image)
    account.client("ec2")
    with ThreadPoolExecutor(len(calls)) as pool:
        found = pool.map(lambda call: _denied(account, *call), calls)
        return [permission for permission in found if permission]


def _calls(instance_type: str, vpc: str | None, image: str | None) -> list[Call]:
    tags = [{"Key": "gridray", "Value": "1"}]
    launch = {
        "ImageId": image or f"ami-{NOBODY}",
        "InstanceType": instance_type,
        "MinCount": 1,
        "MaxCount": 1,
        "TagSpecifications": [{"ResourceType": "instance", "Tags": tags}],
    }
    group = {"GroupName": NAME, "Description": NAME, **({"VpcId": vpc} if vpc else {})}
    return [
        ("run_instances", launch),
        ("create_tags", {"Resources": [f"i-{NOBODY}"], "Tags": tags}),
        ("terminate_instances", {"InstanceIds": [f"i-{NOBODY}"]}),
        ("create_security_group", group),
        ("create_key_pair", {"KeyName": NAME}),
    ]


def _denied(account: Account, operation: str, arguments: dict[str, Any]) -> str | None:
    """Return the permission that a dry run lacks."""
    from botocore.exceptions import ClientError

    with asking(f"for a dry run of {operation}"):
        try:
            getattr(account.client("ec2"), operation)(DryRun=True, **arguments)
        except ClientError as error:
            code = error.response["Error"].get("Code")
            return permission_of(error) if code in DENIED else None
    return None


def simulated(account: Account) -> list[str]:
    """Return the permissions of IAM that the caller seems to lack; [] if IAM may not be asked.

    What a policy allows for some resources only looks as if it were lacking.
    """
    source = _policy_source(account.identity())
    if source is None:
        return []
    try:
        with asking("what the caller may do"):
            answer = account.client("iam").simulate_principal_policy(
                PolicySourceArn=source, ActionNames=list(IAM)
            )
    except CloudError:
        return []
    decisions = {
        each["EvalActionName"]: each["EvalDecision"] for each in answer["EvaluationResults"]
    }
    return [action for action in IAM if decisions.get(action, "allowed") != "allowed"]


def _policy_source(identity: Identity) -> str | None:
    """Return the user or role whose policies count; None: the account's root, which may do all."""
    head, kind, rest = identity.arn.partition(":assumed-role/")
    if kind:
        partition = head.split(":")[1]
        return f"arn:{partition}:iam::{identity.account}:role/{rest.partition('/')[0]}"
    return None if identity.arn.endswith(":root") else identity.arn
