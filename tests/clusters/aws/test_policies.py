import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from ray.autoscaler import tags

from gridray.clusters.aws import account as clusters
from gridray.clusters.aws import policies
from gridray.clusters.aws.account import Wanted
from gridray.clusters.aws.policies import Scope
from gridray.clusters.aws.tags import Mark
from tests.clusters.aws.cloud import Cloud

SCOPE = Scope(
    mark=Mark("mine", "me"),
    partition="aws",
    region="us-east-1",
    account="123456789012",
    vpc="vpc-1",
    security_group="sg-1",
    key_pair="gridray-mine",
    worker_role="gridray-mine-us-east-1-worker",
    bucket="bucket",
    prefix="a/b",
)
# What a launch takes and does not make: an image, and what has a tag by being in the VPC.
NOT_MADE = ("image", "subnet", "network-interface")


def statements() -> Iterator[Any]:
    for document in (policies.head(SCOPE), policies.worker(SCOPE)):
        yield from document["Statement"]


@pytest.mark.parametrize("statement", list(statements()), ids=lambda each: each["Sid"])
def test_no_write_outside_of_the_clusters_own(statement: dict[str, Any]) -> None:
    assert statement["Effect"] == "Allow"
    assert not any("*" in action for action in statement["Action"])
    if all(action.startswith("ec2:Describe") for action in statement["Action"]):
        return
    conditions = json.dumps(statement.get("Condition", {}))
    for resource in statement["Resource"]:
        assert resource.startswith("arn:aws:")
        service, rest = resource.split(":")[2], resource.split(":", 5)[5]
        if service == "s3":
            assert rest in ("bucket", "bucket/a/b/*")
        elif "*" in rest:
            kind, _, which = rest.partition("/")
            assert which == "*" and service == "ec2"
            is_tagged = all(
                f'Tag/{tag}": "{value}"' in conditions
                for tag, value in (("gridray-cluster", "mine"), ("gridray", "me"))
            )
            is_ours = is_tagged or "vpc/vpc-1" in conditions
            assert is_ours or kind == "image"
            assert kind not in NOT_MADE[1:] or "vpc/vpc-1" in conditions


def test_what_the_head_may() -> None:
    allowed = {action for each in policies.head(SCOPE)["Statement"] for action in each["Action"]}
    assert allowed == {
        "ec2:DescribeInstances",
        "ec2:DescribeInstanceTypes",
        "ec2:DescribeSpotPriceHistory",
        "ec2:RunInstances",
        "ec2:CreateTags",
        "ec2:TerminateInstances",
        "iam:PassRole",
        "s3:ListBucket",
        "s3:GetObject",
        "s3:PutObject",
        "s3:DeleteObject",
        "s3:AbortMultipartUpload",
    }
    passing = policies.head(SCOPE)["Statement"][-3]
    assert passing["Resource"] == ["arn:aws:iam::123456789012:role/gridray-mine-us-east-1-worker"]
    assert passing["Condition"]["StringEquals"] == {"iam:PassedToService": "ec2.amazonaws.com"}


def test_no_node_may_lose_the_tags_by_which_it_is_found() -> None:
    (own,) = [each for each in statements() if each["Sid"] == "TagOwn"]
    keys = own["Condition"]["ForAllValues:StringLike"]["aws:TagKeys"]
    written = [getattr(tags, name) for name in dir(tags) if name.startswith("TAG_")]
    # Ray's provider writes the node's name as EC2 has it.
    names = ["Name" if each == tags.TAG_RAY_NODE_NAME else each for each in written]
    assert all(any(fnmatchcase(each, key) for key in keys) for each in names)
    for each in ("gridray", "gridray-cluster"):
        assert not any(fnmatchcase(each, key) for key in keys)
    assert own["Condition"]["Null"] == {"aws:TagKeys": "false"}


def test_a_worker_may_nothing_but_use_the_store() -> None:
    actions = {action for each in policies.worker(SCOPE)["Statement"] for action in each["Action"]}
    assert all(action.startswith("s3:") for action in actions)


def test_they_are_on_the_roles(cloud: Cloud, tmp_path: Path) -> None:
    account = cloud.account()
    wanted = Wanted("mine", "us-east-1", ("m5.large",), store="s3://bucket/a/b")
    made = clusters.make(account, clusters.plan(account, wanted, tmp_path), tmp_path)
    iam = account.client("iam")
    for role, document in ((made.head_role, policies.head), (made.worker_role, policies.worker)):
        found = iam.get_role_policy(RoleName=role, PolicyName="gridray")["PolicyDocument"]
        ours = json.dumps(document(SCOPE)["Statement"][-1])
        assert json.dumps(found["Statement"][-1]) == ours
        attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        assert attached == []
        trusted = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]["Statement"]
        assert [each["Principal"] for each in trusted] == [{"Service": "ec2.amazonaws.com"}]
