"""Everything that is in the way of a cluster, at once, and nothing made."""

import boto3
import pytest

from gridray.clusters.aws.preflight import Problem, Wanted, check
from gridray.clusters.aws.session import Account
from gridray.labels import ON_DEMAND, SPOT
from tests.clusters.aws.conftest import Allow
from tests.clusters.aws.lists import Lists

GPUS = Wanted("g4dn.xlarge", SPOT, 4)
HEAD = "m6i.large"


def the_only(problems: list[Problem]) -> Problem:
    (problem,) = problems
    return problem


def test_nothing_is_in_the_way_and_nothing_is_made(account: Account) -> None:
    assert check(account, [GPUS, Wanted("c6i.large", ON_DEMAND, 2)], HEAD) == []
    ec2 = account.client("ec2")
    assert ec2.describe_instances()["Reservations"] == []
    assert ec2.describe_key_pairs()["KeyPairs"] == []
    names = [each["GroupName"] for each in ec2.describe_security_groups()["SecurityGroups"]]
    assert names == ["default"]


def test_no_credentials(nobody: None) -> None:
    problem = the_only(check(Account("us-east-1"), [GPUS], HEAD))
    assert "no AWS credentials" in problem.message
    assert problem.is_fatal


def test_an_expired_token(aws: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.refused["GetCallerIdentity"] = ("ExpiredToken", "too old")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws.url)
    problem = the_only(check(Account(), [GPUS], HEAD))
    assert "have expired" in problem.message
    assert "aws sso login" in problem.hint


def test_an_unknown_region(aws: Lists) -> None:
    assert "no region 'mars-1'" in the_only(check(Account("mars-1"), [GPUS], HEAD)).message


def test_a_type_that_ec2_does_not_know(account: Account) -> None:
    problem = the_only(check(account, [GPUS, Wanted("g4dn.xlrge", SPOT, 1)], HEAD))
    assert "no instance type 'g4dn.xlrge'" in problem.message
    assert "g4dn.xlarge" in problem.hint
    assert problem.is_fatal


def test_a_region_without_the_type(aws: Lists) -> None:
    problem = the_only(check(Account("eu-west-3"), [Wanted("p5.48xlarge", ON_DEMAND, 1)], HEAD))
    assert problem.message.startswith("p5.48xlarge is not offered in eu-west-3, but in us-east-1")
    assert "--region" in problem.hint


@pytest.mark.parametrize("limit", [0, 3])
def test_a_quota_that_not_one_node_fits_in(account: Account, aws: Lists, limit: int) -> None:
    aws.limits["L-3819A6DF"] = limit
    problem = the_only(check(account, [GPUS], HEAD))
    assert "'All G and VT Spot Instance Requests' (L-3819A6DF)" in problem.message
    assert f"{limit} of {limit} vCPUs left" in problem.message
    assert "g4dn.xlarge needs 4" in problem.message
    assert "quotas/L-3819A6DF?region=us-east-1" in problem.hint
    assert problem.is_fatal


def test_a_quota_that_not_all_nodes_fit_in(account: Account, aws: Lists) -> None:
    aws.limits["L-3819A6DF"] = 12
    groups = [GPUS, Wanted("g4dn.2xlarge", SPOT, 4)]
    problem = the_only(check(account, groups, HEAD))
    assert "may grow to 48 (4 × g4dn.xlarge, 4 × g4dn.2xlarge)" in problem.message
    assert not problem.is_fatal
    assert "to 24 (" in the_only(check(account, groups, HEAD, max_workers=3)).message
    assert check(account, groups, HEAD, max_workers=1) == []


def test_the_head_counts_too(account: Account, aws: Lists) -> None:
    aws.limits["L-1216C47A"] = 6
    groups = [Wanted("c6i.large", ON_DEMAND, 2), GPUS]
    assert check(account, groups, HEAD) == []
    groups[0] = Wanted("c6i.large", ON_DEMAND, 3)
    assert "may grow to 8" in the_only(check(account, groups, HEAD)).message
    assert check(account, groups, HEAD, max_workers=2) == []


def test_quotas_that_may_not_be_seen_are_only_not_checked(account: Account, aws: Lists) -> None:
    aws.refused["ListServiceQuotas"] = ("AccessDeniedException", "no")
    problem = the_only(check(account, [GPUS], HEAD))
    assert "the quotas are not checked" in problem.message
    assert not problem.is_fatal


def test_subnets_where_the_type_is_not(account: Account) -> None:
    subnets = account.client("ec2").describe_subnets()["Subnets"]
    (there,) = [each["SubnetId"] for each in subnets if each["AvailabilityZone"] == "us-east-1e"]
    problem = the_only(check(account, [GPUS], "i4i.large", subnets=[there]))
    assert "g4dn.xlarge is offered in us-east-1a" in problem.message
    assert "subnets are in us-east-1e" in problem.message


def test_a_subnet_that_does_not_exist(account: Account) -> None:
    problem = the_only(check(account, [GPUS], HEAD, subnets=["subnet-12345678"]))
    assert "subnet-12345678" in problem.message


def test_no_default_vpc(account: Account) -> None:
    ec2 = account.client("ec2")
    for subnet in ec2.describe_subnets()["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    problem = the_only(check(account, [GPUS], HEAD))
    assert "no default VPC with subnets in us-east-1" in problem.message
    assert "create-default-vpc" in problem.hint


def test_a_type_that_is_never_spot(account: Account) -> None:
    problem = the_only(check(account, [Wanted("hpc7g.4xlarge", SPOT, 1)], HEAD))
    assert "cannot be had as a spot instance" in problem.message


def test_missing_permissions_are_named(allowed: Allow, aws: Lists) -> None:
    account = allowed("ec2:Describe*", "ec2:RunInstances")
    aws.denied.add("iam:PassRole")
    problems = check(account, [GPUS], HEAD)
    fatal = [problem.message for problem in problems if problem.is_fatal]
    assert fatal == [
        f"the permission ec2:{name} is missing"
        for name in ("CreateTags", "TerminateInstances", "CreateSecurityGroup", "CreateKeyPair")
    ]
    (maybe,) = [problem.message for problem in problems if not problem.is_fatal]
    assert maybe == "the permission iam:PassRole seems to be missing"


def test_whoever_may_not_look_hears_of_it_once_each(allowed: Allow) -> None:
    account = allowed("sts:GetCallerIdentity")
    messages = [problem.message for problem in check(account, [GPUS], HEAD)]
    assert any("ec2:DescribeInstanceTypeOfferings" in message for message in messages)
    assert any("ec2:RunInstances is missing" in message for message in messages)
    assert len(messages) == len(set(messages))


def test_iam_may_refuse_to_simulate(account: Account, aws: Lists) -> None:
    aws.refused["SimulatePrincipalPolicy"] = ("AccessDenied", "no")
    aws.denied.add("iam:PassRole")
    assert check(account, [GPUS], HEAD) == []


def test_all_at_once(aws: Lists) -> None:
    aws.limits["L-3819A6DF"] = 0
    aws.denied.add("iam:CreateRole")
    groups = [GPUS, Wanted("nope.large", SPOT, 1), Wanted("hpc7g.4xlarge", SPOT, 1)]
    problems = check(Account(), groups, HEAD)
    assert len(problems) == 4
    assert [problem.is_fatal for problem in problems] == [True, True, True, False]
    assert boto3.client("ec2").describe_instances()["Reservations"] == []
