"""How a head that ends takes its workers along, with no more than its own instance's role."""

import os

from gridray.clusters.aws.session import Account, asking

CLUSTER_TAG = "gridray-cluster"
# Ray's own tag. Source: ray/autoscaler/tags.py.
KIND_TAG = "ray-node-type"
ALIVE = ("pending", "running", "stopping", "stopped")


def end_workers(cluster: str, region: str | None = None) -> list[str]:
    """Terminate the workers of a cluster, and return their ids.

    Args:
        region: None: what AWS_REGION says, or where this machine is.

    Raises:
        CloudError: they cannot be found, or not be terminated.
    """
    client = Account(region or os.environ.get("AWS_REGION") or _here()).client("ec2")
    filters = [
        {"Name": f"tag:{CLUSTER_TAG}", "Values": [cluster]},
        {"Name": f"tag:{KIND_TAG}", "Values": ["worker"]},
        {"Name": "instance-state-name", "Values": list(ALIVE)},
    ]
    with asking("for the cluster's workers"):
        pages = client.get_paginator("describe_instances").paginate(Filters=filters)
        found = [
            instance["InstanceId"]
            for page in pages
            for reservation in page["Reservations"]
            for instance in reservation["Instances"]
        ]
    if found:
        with asking("to terminate the cluster's workers"):
            client.terminate_instances(InstanceIds=found)
    return found


def _here() -> str | None:
    from botocore.session import get_session
    from botocore.utils import IMDSRegionProvider

    with asking("where this machine is"):
        region: str | None = IMDSRegionProvider(get_session()).provide()
    return region
