"""What the head and the workers of a cluster may do in AWS: no more than they need.

Conditions by EC2's entries in AWS's Service Authorization Reference: an instance can be launched
with the cluster's tags only, tagged or terminated only if it carries them, and keeps them.
"""

from dataclasses import dataclass
from typing import Any

from gridray.clusters.aws.tags import Mark, tags

VERSION = "2012-10-17"
Document = dict[str, Any]
Statement = dict[str, Any]
# What is made by a launch, and can be tagged by it.
LAUNCHED = ("instance", "volume", "spot-instances-request")
# What Ray's autoscaler writes on its nodes. Source: ray/autoscaler/tags.py, aws/node_provider.py.
AUTOSCALER_TAGS = ("ray-*", "Name")
DESCRIBE = ("ec2:DescribeInstances", "ec2:DescribeInstanceTypes", "ec2:DescribeSpotPriceHistory")


@dataclass(frozen=True)
class Scope:
    """What a cluster's policies are about. `prefix` is the store's, without a slash at its ends."""

    mark: Mark
    partition: str
    region: str
    account: str
    vpc: str
    security_group: str
    key_pair: str
    worker_role: str
    bucket: str
    prefix: str

    def ec2(self, resource: str) -> str:
        return f"arn:{self.partition}:ec2:{self.region}:{self.account}:{resource}"

    @property
    def role(self) -> str:
        return f"arn:{self.partition}:iam::{self.account}:role/{self.worker_role}"


def trust(partition: str) -> Document:
    """Return who may take on the roles: EC2's instances."""
    principal = {"Service": _service(partition)}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return {"Version": VERSION, "Statement": [statement]}


def head(scope: Scope) -> Document:
    """Return what the head may: the workers' life, and the store."""
    return {"Version": VERSION, "Statement": [*_instances(scope), *_store(scope)]}


def worker(scope: Scope) -> Document:
    """Return what a worker may: the store."""
    return {"Version": VERSION, "Statement": _store(scope)}


def _instances(scope: Scope) -> list[Statement]:
    launched = [scope.ec2(f"{kind}/*") for kind in LAUNCHED]
    requested = {"StringEquals": _tags("aws:RequestTag", scope)}
    tagged = {"StringEquals": _tags("ec2:ResourceTag", scope)}
    creating = {"StringEquals": {"ec2:CreateAction": "RunInstances", **requested["StringEquals"]}}
    # Never those by which Gridray finds what has to end.
    tagging = {
        **tagged,
        "ForAllValues:StringLike": {"aws:TagKeys": list(AUTOSCALER_TAGS)},
        "Null": {"aws:TagKeys": "false"},
    }
    in_vpc = {"ArnEquals": {"ec2:Vpc": scope.ec2(f"vpc/{scope.vpc}")}}
    passing = {"StringEquals": {"iam:PassedToService": _service(scope.partition)}}
    network = [scope.ec2("subnet/*"), scope.ec2("network-interface/*")]
    used = [
        scope.ec2(f"security-group/{scope.security_group}"),
        scope.ec2(f"key-pair/{scope.key_pair}"),
        f"arn:{scope.partition}:ec2:{scope.region}::image/*",
    ]
    instances = [scope.ec2("instance/*")]
    return [
        _allow("Look", DESCRIBE, ["*"]),
        _allow("LaunchTagged", ["ec2:RunInstances"], launched, requested),
        _allow("LaunchInNetwork", ["ec2:RunInstances"], network, in_vpc),
        _allow("LaunchWith", ["ec2:RunInstances"], used),
        _allow("TagWhatIsLaunched", ["ec2:CreateTags"], launched, creating),
        _allow("TagOwn", ["ec2:CreateTags"], instances, tagging),
        _allow("TerminateOwn", ["ec2:TerminateInstances"], instances, tagged),
        _allow("PassWorkerRole", ["iam:PassRole"], [scope.role], passing),
    ]


def _tags(key: str, scope: Scope) -> dict[str, str]:
    return {f"{key}/{each['Key']}": each["Value"] for each in tags(scope.mark)}


def _store(scope: Scope) -> list[Statement]:
    bucket = f"arn:{scope.partition}:s3:::{scope.bucket}"
    below = f"{scope.prefix}/" if scope.prefix else ""
    listed = {"StringLike": {"s3:prefix": [f"{below}*"]}} if below else None
    objects = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    return [
        _allow("ListStore", ["s3:ListBucket"], [bucket], listed),
        _allow("UseStore", objects, [f"{bucket}/{below}*"]),
    ]


def _allow(
    name: str, actions: Any, resources: list[str], condition: Document | None = None
) -> Statement:
    statement = {
        "Sid": name,
        "Effect": "Allow",
        "Action": list(actions),
        "Resource": resources,
    }
    return statement | ({"Condition": condition} if condition else {})


def _service(partition: str) -> str:
    return "ec2.amazonaws.com.cn" if partition == "aws-cn" else "ec2.amazonaws.com"
