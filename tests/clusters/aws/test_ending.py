from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from gridray.clusters.aws.ending import end_workers
from gridray.clusters.aws.tags import Mark, tags
from gridray.errors import CloudError

REGION = "eu-west-1"


@pytest.fixture
def ec2(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    client = boto3.client("ec2", region_name=REGION)
    yield client
    client.close()
    server.stop()


def launch(ec2: Any, cluster: str, kind: str) -> str:
    image = ec2.describe_images()["Images"][0]["ImageId"]
    marks = [*tags(Mark(cluster, "me")), {"Key": "ray-node-type", "Value": kind}]
    answer = ec2.run_instances(
        ImageId=image,
        MinCount=1,
        MaxCount=1,
        InstanceType="t3.small",
        TagSpecifications=[{"ResourceType": "instance", "Tags": marks}],
    )
    return str(answer["Instances"][0]["InstanceId"])


def state(ec2: Any, instance: str) -> str:
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    return str(found["State"]["Name"])


def test_the_workers_of_a_cluster_end_and_nothing_else(ec2: Any) -> None:
    workers = [launch(ec2, "mine", "worker") for _ in range(2)]
    stopped = launch(ec2, "mine", "worker")
    ec2.stop_instances(InstanceIds=[stopped])
    others = [launch(ec2, "mine", "head"), launch(ec2, "mine-2", "worker")]
    assert sorted(end_workers("mine", REGION)) == sorted([*workers, stopped])
    assert {state(ec2, each) for each in [*workers, stopped]} == {"terminated"}
    assert {state(ec2, each) for each in others} == {"running"}
    assert end_workers("mine", REGION) == []


def test_the_region_is_that_of_the_environment(ec2: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", REGION)
    worker = launch(ec2, "mine", "worker")
    assert end_workers("mine") == [worker]


def test_an_account_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with pytest.raises(CloudError, match="for the instances"):
        end_workers("mine", REGION)


def test_the_region_is_where_the_machine_is(monkeypatch: pytest.MonkeyPatch, ec2: Any) -> None:
    from tests.metadata import MetadataService

    with MetadataService() as metadata:
        zone = "/latest/meta-data/placement/availability-zone/"
        metadata.answers[zone] = f"{REGION}a"
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.endpoint)
        worker = launch(ec2, "mine", "worker")
        assert end_workers("mine") == [worker]
