"""Machines that moto plays, as Ray launches them for a cluster that Gridray has made."""

from typing import Any

import boto3

from gridray import settings
from gridray.clusters.aws import made


def launch(cluster: str, instance_type: str, *, kind: str = "worker", is_spot: bool = False) -> str:
    """Return the id of a machine that runs; if this home has not made its cluster, another has."""
    ec2 = boto3.client("ec2")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    market: dict[str, Any] = {"InstanceMarketOptions": {"MarketType": "spot"}} if is_spot else {}
    owner = made.mark_of(settings.home(), cluster).owner
    tags = {"gridray-cluster": cluster, "gridray": owner, "ray-node-type": kind}
    answer = ec2.run_instances(
        ImageId=image,
        MinCount=1,
        MaxCount=1,
        InstanceType=instance_type,
        TagSpecifications=[
            {
                "ResourceType": "instance",
                "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
            }
        ],
        **market,
    )
    return str(answer["Instances"][0]["InstanceId"])


def living() -> list[str]:
    """Return the ids of all machines that are not terminated."""
    found = boto3.client("ec2").describe_instances(
        Filters=[{"Name": "instance-state-name", "Values": ["pending", "running", "stopped"]}]
    )
    return [i["InstanceId"] for r in found["Reservations"] for i in r["Instances"]]
