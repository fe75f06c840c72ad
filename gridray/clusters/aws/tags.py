"""The tags that everything of a cluster carries in AWS."""

from collections.abc import Iterable, Mapping

CLUSTER_TAG = "gridray-cluster"
OWNER_TAG = "gridray"
# Ray's own. Source: ray/autoscaler/tags.py.
KIND_TAG = "ray-node-type"
GROUP_TAG = "ray-user-node-type"
HEAD = "head"


def tags(cluster: str) -> list[dict[str, str]]:
    """Return a cluster's tags, as EC2, IAM and S3 take them."""
    return [{"Key": CLUSTER_TAG, "Value": cluster}, {"Key": OWNER_TAG, "Value": "1"}]


def specification(kind: str, cluster: str) -> list[dict[str, object]]:
    """Return a cluster's tags for something that EC2 makes."""
    return [{"ResourceType": kind, "Tags": tags(cluster)}]


def cluster_of(found: Iterable[Mapping[str, str]] | None) -> str | None:
    """Return the cluster that tags say; None: they are not Gridray's."""
    values = {tag["Key"]: tag["Value"] for tag in found or ()}
    return values.get(CLUSTER_TAG) if OWNER_TAG in values else None


def filters(cluster: str | None) -> list[dict[str, object]]:
    """Return EC2's filters for what is a cluster's; None: for what is any cluster's."""
    found: list[dict[str, object]] = [{"Name": f"tag:{OWNER_TAG}", "Values": ["1"]}]
    if cluster is not None:
        found.append({"Name": f"tag:{CLUSTER_TAG}", "Values": [cluster]})
    return found
