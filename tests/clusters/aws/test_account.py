import dataclasses
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from gridray.clusters.aws import account as clusters
from gridray.clusters.aws import keypair, made, network, remains, roles
from gridray.clusters.aws.account import Made, Wanted
from gridray.clusters.aws.session import Account
from gridray.clusters.aws.tags import Mark, specification
from gridray.errors import CloudError, ExistsError, NotFoundError, StateError
from tests.clusters.aws.cloud import Cloud

WANTED = Wanted("mine", "us-west-2", ("m5.large",), ssh_from="203.0.113.7/32")
BUCKET = "gridray-123456789012-us-west-2-mine"
# The calls of a `make` that change something, in order; after each of them it may be cut off.
WRITES = (
    "ImportKeyPair",
    "CreateBucket",
    "PutPublicAccessBlock",
    "PutBucketEncryption",
    "PutBucketTagging",
    "CreateSecurityGroup",
    "AuthorizeSecurityGroupIngress",
    "CreateRole",
    "PutRolePolicy",
    "CreateInstanceProfile",
    "AddRoleToInstanceProfile",
    "CreateServiceLinkedRole",
)


class CutOff(Exception):
    """Stands for the end of the process."""


def make(account: Account, home: Path, wanted: Wanted = WANTED) -> Made:
    return clusters.make(account, clusters.plan(account, wanted, home), home)


def things(account: Account) -> list[str]:
    return [str(each) for each in clusters.leftovers(account, "mine")]


def buckets(account: Account) -> list[str]:
    return [each["Name"] for each in account.client("s3").list_buckets()["Buckets"]]


@contextmanager
def cut_off(account: Account, operation: str) -> Iterator[None]:
    """End whatever calls an operation of AWS, once AWS has done it."""

    def end(model: Any, **_: Any) -> None:
        if model.name == operation:
            raise CutOff

    clients = [account.client(service) for service in ("ec2", "iam", "s3")]
    for client in clients:
        client.meta.events.register("after-call", end)
    with pytest.raises(CutOff):
        yield
    for client in clients:
        client.meta.events.unregister("after-call", end)


def test_a_plan_makes_nothing(cloud: Cloud, tmp_path: Path) -> None:
    account = cloud.account("us-west-2")
    planned = clusters.plan(account, WANTED, tmp_path)
    assert things(account) == []
    assert buckets(account) == []
    assert [line.partition(":")[0].split()[0] for line in planned.things] == [
        "bucket",
        "key",
        "security",
        "role",
        "role",
        "role",
        "instance",
    ]
    assert planned.store == f"s3://{BUCKET}"
    assert "sg-to-be-made" in planned.text


def test_made_and_made_again_and_taken_away(cloud: Cloud, tmp_path: Path) -> None:
    account = cloud.account("us-west-2")
    first = make(account, tmp_path)
    there = things(account)
    key = (tmp_path / "clusters/mine/key.pem").read_text()
    token = (tmp_path / "clusters/mine/token").read_text()
    planned = clusters.plan(account, WANTED, tmp_path)
    assert [line.split()[0] for line in planned.things] == ["instance"]
    assert clusters.make(account, planned, tmp_path) == first
    assert things(account) == there
    assert (tmp_path / "clusters/mine/key.pem").read_text() == key
    assert (tmp_path / "clusters/mine/token").read_text() == token
    assert Made.load(tmp_path, "mine") == first
    assert made.names(tmp_path) == ["mine"]
    gone = clusters.unmake(account, first)
    assert len(gone) == 4
    assert things(account) == []
    assert buckets(account) == [BUCKET]
    assert clusters.unmake(account, first, purge_store=True) == [f"bucket {BUCKET}"]
    assert buckets(account) == []


def test_only_the_user_can_look_into_the_directory(cloud: Cloud, tmp_path: Path) -> None:
    make(cloud.account("us-west-2"), tmp_path)
    top = tmp_path / "clusters/mine"
    for path in (top, *top.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    assert {path.name for path in top.iterdir()} == {
        ".cluster.yaml.written",
        "cluster.yaml",
        "key.pem",
        "made.json",
        "node",
        "token",
    }


@pytest.mark.parametrize("operation", WRITES)
def test_cut_off_it_can_be_repeated_and_undone(
    cloud: Cloud, tmp_path: Path, operation: str
) -> None:
    account = cloud.account("us-west-2")
    planned = clusters.plan(account, WANTED, tmp_path)
    with cut_off(account, operation):
        clusters.make(account, planned, tmp_path)
    half = Made.load(tmp_path, "mine")
    clusters.unmake(account, half, purge_store=True)
    assert things(account) == []
    assert buckets(account) == []
    if roles.has_spot(account):
        account.client("iam").delete_role(RoleName=roles.SPOT_ROLE)
    with cut_off(account, operation):
        clusters.make(account, planned, tmp_path)
    whole = make(account, tmp_path)
    assert whole.bucket == BUCKET
    assert len(things(account)) == 6
    tags = account.client("s3").get_bucket_tagging(Bucket=BUCKET)["TagSet"]
    assert {"Key": "gridray-cluster", "Value": "mine"} in tags
    clusters.unmake(account, whole, purge_store=True)
    assert things(account) == []
    assert buckets(account) == []


def test_the_bucket_is_closed(cloud: Cloud, tmp_path: Path) -> None:
    account = cloud.account("us-west-2")
    make(account, tmp_path)
    s3 = account.client("s3")
    access = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    assert set(access.values()) == {True}
    rule = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert s3.get_bucket_location(Bucket=BUCKET)["LocationConstraint"] == "us-west-2"


def test_a_purge_takes_what_is_in_the_bucket(cloud: Cloud, tmp_path: Path) -> None:
    account = cloud.account("us-west-2")
    what = make(account, tmp_path)
    s3 = account.client("s3")
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for _ in range(2):
        s3.put_object(Bucket=BUCKET, Key="a b/ü", Body=b"x")
    s3.delete_object(Bucket=BUCKET, Key="a b/ü")
    clusters.unmake(account, what, purge_store=True)
    assert buckets(account) == []


def test_ones_own_bucket_is_left_as_it_is(cloud: Cloud, tmp_path: Path) -> None:
    account = cloud.account("us-west-2")
    s3 = boto3.client("s3", region_name="eu-west-1")
    s3.create_bucket(
        Bucket="our-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    wanted = Wanted("mine", "us-west-2", ("m5.large",), store="s3://our-bucket/runs")
    planned = clusters.plan(account, wanted, tmp_path)
    assert not any(line.startswith("bucket") for line in planned.things)
    assert "AWS_REGION=eu-west-1" in planned.text
    what = clusters.make(account, planned, tmp_path)
    assert what.bucket is None
    clusters.unmake(account, what, purge_store=True)
    assert buckets(account) == ["our-bucket"]


def test_somebody_elses_bucket(cloud: Cloud, tmp_path: Path, foreign_bucket: str) -> None:
    account = cloud.account("us-west-2")
    wanted = Wanted("mine", "us-west-2", ("m5.large",), store=f"s3://{foreign_bucket}")
    with pytest.raises(CloudError, match="somebody else's") as caught:
        make(account, tmp_path, wanted)
    assert "--store" in str(caught.value.hint)
    assert things(account) == []
    assert made.names(tmp_path) == []


def test_another_machines_cluster_is_refused_before_anything_is_written(
    cloud: Cloud, tmp_path: Path
) -> None:
    account = cloud.account("us-west-2")
    theirs = make(account, tmp_path / "one")
    start(account, theirs.mark)
    before = things(account)
    with pytest.raises(ExistsError, match="this machine does not know: i-"):
        clusters.plan(account, WANTED, tmp_path / "two")
    remains.end_instances(account, theirs.mark)
    with pytest.raises(ExistsError, match="key pair 'gridray-mine' is there already"):
        clusters.plan(account, WANTED, tmp_path / "two")
    assert not (tmp_path / "two").exists()
    assert things(account) == before[2:]


def test_nothing_of_another_machine_is_ended_even_where_a_file_says_so(
    cloud: Cloud, tmp_path: Path
) -> None:
    account = cloud.account("us-west-2")
    theirs = make(account, tmp_path / "one")
    start(account, theirs.mark)
    before = things(account)
    stale = dataclasses.replace(theirs, owner="another")
    assert clusters.unmake(account, stale, purge_store=True) == []
    assert things(account) == before
    assert buckets(account) == [BUCKET]


def test_what_a_home_has_lost_it_can_make_anew(cloud: Cloud, tmp_path: Path) -> None:
    account = cloud.account("us-west-2")
    lost = make(account, tmp_path)
    shutil.rmtree(tmp_path / "clusters/mine")
    instance = start(account, lost.mark)
    with pytest.raises(ExistsError, match=instance):
        make(account, tmp_path)
    remains.end_instances(account, lost.mark)
    found = make(account, tmp_path)
    assert (found.mark, found.bucket) == (lost.mark, BUCKET)
    key = (tmp_path / "clusters/mine/key.pem").read_text()
    known = keypair.look(account, "gridray-mine")
    assert (
        known
        and known.public.split()[:2]
        == keypair.ensure(tmp_path / "clusters/mine/key.pem").split()[:2]
    )
    assert key == (tmp_path / "clusters/mine/key.pem").read_text()


def test_names_that_are_somebody_elses(cloud: Cloud, tmp_path: Path) -> None:
    account = cloud.account("us-west-2")
    ec2, iam, s3 = account.client("ec2"), account.client("iam"), account.client("s3")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    ec2.create_security_group(GroupName="gridray-mine", Description="x", VpcId=vpc)
    with pytest.raises(ExistsError, match=r"security group 'gridray-mine' .* not Gridray's"):
        make(account, tmp_path)
    ec2.delete_security_group(GroupName="gridray-mine")
    role = "gridray-mine-us-west-2-head"
    iam.create_role(RoleName=role, AssumeRolePolicyDocument="{}")
    with pytest.raises(ExistsError, match=f"the role '{role}'"):
        make(account, tmp_path)
    iam.delete_role(RoleName=role)
    iam.create_instance_profile(InstanceProfileName=role)
    with pytest.raises(ExistsError, match=f"the instance profile '{role}'"):
        make(account, tmp_path)
    iam.delete_instance_profile(InstanceProfileName=role)
    where = {"LocationConstraint": "us-west-2"}
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
    with pytest.raises(ExistsError, match=BUCKET) as caught:
        make(account, tmp_path)
    assert f"--store s3://{BUCKET}" in str(caught.value.hint)
    assert things(account) == [] and not (tmp_path / "clusters").exists()


def test_made_elsewhere(cloud: Cloud, tmp_path: Path) -> None:
    make(cloud.account("us-west-2"), tmp_path)
    wanted = Wanted("mine", "us-east-1", ("m5.large",))
    with pytest.raises(StateError, match="the region us-west-2, not us-east-1"):
        make(cloud.account("us-east-1"), tmp_path, wanted)
    assert clusters.leftovers(Account("us-east-1"), "mine") == []


def test_ssh_from_one_address_only(cloud: Cloud, tmp_path: Path) -> None:
    account = cloud.account("us-west-2")
    what = make(account, tmp_path)
    assert what.vpc
    group = network.security_group(account, "gridray-mine", what.vpc)
    assert group
    assert rules(account, group.id) == [("-1", None, group.id), ("tcp", 22, "203.0.113.7/32")]
    network.allow_ssh(account, group.id, "198.51.100.9")
    assert rules(account, group.id) == [("-1", None, group.id), ("tcp", 22, "198.51.100.9/32")]


def rules(account: Account, group: str) -> list[tuple[str, int | None, str]]:
    found = account.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    return sorted(
        (rule["IpProtocol"], rule.get("FromPort"), source)
        for rule in found["IpPermissions"]
        for source in [
            *(each["CidrIp"] for each in rule["IpRanges"]),
            *(each["GroupId"] for each in rule["UserIdGroupPairs"]),
        ]
    )


def start(account: Account, mark: Mark) -> str:
    """Return the id of an instance that runs, as one of a cluster's."""
    answer = account.client("ec2").run_instances(
        ImageId=account.client("ec2").describe_images(Owners=["amazon"])["Images"][0]["ImageId"],
        InstanceType="m5.large",
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[*specification("instance", mark), *specification("volume", mark)],
    )
    return str(answer["Instances"][0]["InstanceId"])


def test_instances_are_found_and_ended(cloud: Cloud, tmp_path: Path) -> None:
    account = cloud.account("us-west-2")
    planned = clusters.plan(account, WANTED, tmp_path)
    what = clusters.make(account, planned, tmp_path)
    ec2 = account.client("ec2")
    for _ in range(2):
        start(account, what.mark)
    ec2.run_instances(
        ImageId=planned.head.image.id, InstanceType="m5.large", MinCount=1, MaxCount=1
    )
    found = clusters.leftovers(account, "mine")
    assert [each.kind for each in found[:4]] == ["instance", "instance", "volume", "volume"]
    assert {each.cluster for each in clusters.leftovers(account, None)} == {"mine"}
    assert clusters.leftovers(account, "other") == []
    gone = clusters.unmake(account, what)
    assert sum(line.startswith("instance") for line in gone) == 2
    assert clusters.leftovers(account, "mine") == []
    alive = [{"Name": "instance-state-name", "Values": ["running"]}]
    assert len(ec2.describe_instances(Filters=alive)["Reservations"]) == 1


def group_of(account: Account, what: Made) -> str:
    found = network.security_group(account, "gridray-mine", str(what.vpc))
    assert found
    return found.id


@pytest.mark.parametrize("is_edited", [False, True])
def test_the_file_names_the_group_that_there_is(
    cloud: Cloud, tmp_path: Path, is_edited: bool
) -> None:
    account = cloud.account("us-west-2")
    what = make(account, tmp_path)
    path = tmp_path / "clusters/mine/cluster.yaml"
    if is_edited:
        other = "    # sg-0123456789abcdef0 is mine\n"
        path.write_text(path.read_text() + other)
    before = path.read_text()
    groups = [group_of(account, what)]
    for _ in range(2):
        account.client("ec2").delete_security_group(GroupId=groups[-1])
        make(account, tmp_path)
        groups.append(group_of(account, what))
        assert path.read_text() == before.replace(groups[0], groups[-1])
    assert len(set(groups)) == 3


def test_who_edits_the_file_owns_it(cloud: Cloud, tmp_path: Path) -> None:
    account = cloud.account("us-west-2")
    make(account, tmp_path)
    path = tmp_path / "clusters/mine/cluster.yaml"
    smaller = Wanted(**{**vars(WANTED), "max_workers": 3})
    planned = clusters.plan(account, smaller, tmp_path)
    clusters.make(account, planned, tmp_path, is_up=True)
    assert "\nmax_workers: 8\n" in path.read_text()
    clusters.make(account, planned, tmp_path)
    assert "\nmax_workers: 3\n" in path.read_text()
    path.write_text("cluster_name: edited\n")
    clusters.make(account, planned, tmp_path)
    assert path.read_text() == "cluster_name: edited\n"


def test_no_such_cluster(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="'nothing'"):
        Made.load(tmp_path, "nothing")
    assert made.names(tmp_path) == []
