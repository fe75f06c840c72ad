from datetime import timedelta

import boto3
import pytest

from gridray.clusters.aws import images
from gridray.clusters.aws.instancetype import shipped
from gridray.clusters.aws.session import Account
from gridray.errors import CloudError
from tests.clusters.aws import amis
from tests.clusters.aws.cloud import Cloud

TYPES = shipped().types


@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        ("m5.large", "canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"),
        ("m7g.large", "canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id"),
        (
            "g5.xlarge",
            "deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-22.04/latest/ami-id",
        ),
        (
            "g5g.xlarge",
            "deeplearning/ami/arm64/base-oss-nvidia-driver-gpu-ubuntu-22.04/latest/ami-id",
        ),
        (
            "p3.2xlarge",
            "deeplearning/ami/x86_64/base-proprietary-nvidia-driver-gpu-ubuntu-22.04/latest/ami-id",
        ),
    ],
)
def test_sources(name: str, parameter: str) -> None:
    assert images.source(TYPES[name]).parameter == f"/aws/service/{parameter}"


@pytest.mark.parametrize("name", sorted(TYPES))
def test_every_shipped_type_has_an_image_or_is_told_to_bring_one(name: str) -> None:
    try:
        assert images.source(TYPES[name]).pattern
    except CloudError as error:
        assert "/" in str(TYPES[name].gpu)
        assert "--ami" in str(error.hint)


def test_what_ssm_says(cloud: Cloud) -> None:
    account = cloud.account()
    found = images.choose(account, [TYPES[name] for name in amis.TYPES])
    assert {name: image.id for name, image in found.items()} == cloud.images["us-east-1"]
    assert found["m7g.large"].architecture == "arm64"
    assert {image.root for image in found.values()} == {"/dev/sda1"}


def test_without_ssm_the_newest_of_the_name(cloud: Cloud) -> None:
    amis.seed("us-east-2", in_ssm=False)
    where = images.source(TYPES["m5.large"])
    newest = amis.add("us-east-2", where, "x86_64", amis.CREATED + timedelta(days=9))
    amis.add("us-east-2", where, "x86_64", amis.CREATED - timedelta(days=9))
    found = images.choose(Account("us-east-2"), [TYPES["m5.large"]])
    assert found["m5.large"] == images.Image(newest, "x86_64", "/dev/sda1", amis.SIZE)


def test_no_image_at_all(cloud: Cloud) -> None:
    with pytest.raises(CloudError, match="no image 'ubuntu/images") as caught:
        images.choose(Account("us-east-2"), [TYPES["m5.large"]])
    assert caught.value.hint == "name one with --ami"


def test_an_image_of_ones_own_is_for_its_architecture(cloud: Cloud) -> None:
    account = cloud.account()
    own = boto3.client("ec2", region_name="us-east-1").register_image(
        Name="our-own", Architecture="x86_64"
    )["ImageId"]
    arm = cloud.images["us-east-1"]["m7g.large"]
    both = [TYPES["g4dn.xlarge"], TYPES["m7g.large"]]
    found = images.choose(account, both, [own, arm])
    assert [found[each.name].id for each in both] == [own, arm]
    with pytest.raises(CloudError, match=r"m7g.large is arm64,") as caught:
        images.choose(account, both, [own])
    assert own in caught.value.message


def test_an_id_that_is_none(cloud: Cloud) -> None:
    with pytest.raises(CloudError, match="no image 'ami-x' in us-east-1"):
        images.named(Account("us-east-1"), "ami-x")
