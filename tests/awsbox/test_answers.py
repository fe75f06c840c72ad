"""What the box says in moto's place."""

import time

import pytest
from botocore.exceptions import ClientError

from tests.awsbox.box import AwsBox

ZONE = "us-west-2a"


def test_launches_fail_for_want_of_capacity_or_quota(box: AwsBox) -> None:
    ec2 = box.client("ec2")
    asked = {"ImageId": "ami-785db401", "MinCount": 1, "MaxCount": 1, "InstanceType": "p3.2xlarge"}
    spot = {"InstanceMarketOptions": {"MarketType": "spot"}, **asked}

    box.capacity("p3.2xlarge", False, zone="us-west-2b")
    subnets = {
        each["AvailabilityZone"]: each["SubnetId"] for each in ec2.describe_subnets()["Subnets"]
    }
    with pytest.raises(ClientError, match="InsufficientInstanceCapacity"):
        ec2.run_instances(**spot, SubnetId=subnets["us-west-2b"])
    box.quota_error("p3.2xlarge", True, market="on-demand")
    with pytest.raises(ClientError, match="VcpuLimitExceeded"):
        ec2.run_instances(**asked)
    box.quota_error("p3.2xlarge", True)
    with pytest.raises(ClientError, match="MaxSpotInstanceCountExceeded"):
        ec2.run_instances(**spot)

    box.capacity("p3.2xlarge", True, zone="us-west-2b")
    box.quota_error("p3.2xlarge", False, market="on-demand")
    box.quota_error("p3.2xlarge", False)
    launched = [
        ec2.run_instances(**spot, SubnetId=subnets["us-west-2b"]),
        ec2.run_instances(**asked),
    ]
    ec2.terminate_instances(InstanceIds=[each["Instances"][0]["InstanceId"] for each in launched])


def test_spot_prices_are_as_they_were_set(box: AwsBox) -> None:
    now = time.time()
    box.spot_price("g4dn.xlarge", ZONE, "0.250000", at=now - 7200)
    box.spot_price("g4dn.xlarge", ZONE, "0.300000", at=now - 60)
    ec2 = box.client("ec2")

    def prices(start: float) -> list[str]:
        history = ec2.describe_spot_price_history(
            InstanceTypes=["g4dn.xlarge"],
            ProductDescriptions=["Linux/UNIX"],
            AvailabilityZone=ZONE,
            StartTime=start,
        )["SpotPriceHistory"]
        return [each["SpotPrice"] for each in history]

    assert prices(now) == ["0.300000"]
    assert prices(now - 3600) == ["0.300000", "0.250000"]


def test_quotas_and_images_have_their_numbers(box: AwsBox) -> None:
    box.quota("L-3819A6DF", 0)
    quotas = box.client("service-quotas")
    listed = quotas.get_paginator("list_service_quotas").paginate(ServiceCode="ec2")
    values = {each["QuotaCode"]: each["Value"] for page in listed for each in page["Quotas"]}
    assert values["L-3819A6DF"] == 0
    asked = quotas.get_service_quota(ServiceCode="ec2", QuotaCode="L-DB2E81BA")
    assert asked["Quota"]["Value"] == values["L-DB2E81BA"] > 0

    ssm = box.client("ssm", "eu-central-1")
    name = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"
    image = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    described = box.client("ec2", "eu-central-1").describe_images(ImageIds=[image])
    assert described["Images"][0]["Architecture"] == "x86_64"
    with pytest.raises(ClientError, match="ParameterNotFound"):
        ssm.get_parameter(Name="/aws/service/of/nobody")


def test_what_is_not_permitted_is_refused_and_simulated(
    box: AwsBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in box.env().items():
        monkeypatch.setenv(name, value)
    import boto3

    ec2, iam = boto3.client("ec2"), boto3.client("iam")

    def simulated() -> list[str]:
        results = iam.simulate_principal_policy(
            PolicySourceArn="arn:aws:iam::123456789012:user/somebody",
            ActionNames=["ec2:CreateKeyPair", "iam:CreateRole"],
        )["EvaluationResults"]
        return [each["EvalDecision"] for each in results]

    box.permit("ec2:CreateKeyPair", False)
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        ec2.create_key_pair(KeyName="refused")
    assert simulated() == ["implicitDeny", "allowed"]
    box.permit("ec2:CreateKeyPair", True)
    assert simulated() == ["allowed", "allowed"]
    ec2.create_key_pair(KeyName="made")
    ec2.close()
    iam.close()


def test_calls_are_noted_with_who_called(box: AwsBox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in box.env().items():
        monkeypatch.setenv(name, value)
    import boto3

    client = boto3.client("sts")
    client.get_caller_identity()
    client.close()
    assert ("user", "sts:GetCallerIdentity") in box.api_calls()
    assert not any(call == "service-quotas:ListServiceQuotas" for _, call in box.api_calls())
