"""The tags that everything of a cluster carries in AWS."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

CLUSTER_TAG = "gridray-cluster"
OWNER_TAG = "gridray"
# Ray's own. Source: ray/autoscaler/tags.py.
KIND_TAG = "ray-node-type"
GROUP_TAG = "ray-user-node-type"
HEAD = "head"


@dataclass(frozen=True)
class Mark:
    """Whose something in AWS is: a cluster's name, and the identity of the home it was made from.

    Other homes may have clusters of the same name; a mark tells them apart.
    """

    cluster: str
    owner: str


# What to look for: one home's cluster, any cluster of a name, or any cluster at all.
Whose = Mark | str | None


def tags(mark: Mark) -> list[dict[str, str]]:
    """Return a cluster's tags, as EC2, IAM and S3 take them."""
    return [{"Key": CLUSTER_TAG, "Value": mark.cluster}, {"Key": OWNER_TAG, "Value": mark.owner}]


def specification(kind: str, mark: Mark) -> list[dict[str, object]]:
    """Return a cluster's tags for something that EC2 makes."""
    return [{"ResourceType": kind, "Tags": tags(mark)}]


def mark_of(found: Iterable[Mapping[str, str]] | None) -> Mark | None:
    """Return whose tags these are; None: they are not Gridray's."""
    values = {tag["Key"]: tag["Value"] for tag in found or ()}
    if OWNER_TAG not in values or CLUSTER_TAG not in values:
        return None
    return Mark(values[CLUSTER_TAG], values[OWNER_TAG])


def cluster_of(found: Iterable[Mapping[str, str]] | None) -> str | None:
    """Return the cluster that tags say; None: they are not Gridray's."""
    mark = mark_of(found)
    return None if mark is None else mark.cluster


def is_among(mark: Mark | None, whose: Whose) -> bool:
    """Whether something with a mark is what is looked for; what has none never is."""
    if mark is None or whose is None:
        return mark is not None
    return mark == whose if isinstance(whose, Mark) else mark.cluster == whose


def filters(whose: Whose) -> list[dict[str, object]]:
    """Return EC2's filters for what is looked for."""
    if whose is None:
        return [{"Name": "tag-key", "Values": [OWNER_TAG]}]
    if isinstance(whose, str):
        return [*filters(None), {"Name": f"tag:{CLUSTER_TAG}", "Values": [whose]}]
    return [{"Name": f"tag:{each['Key']}", "Values": [each["Value"]]} for each in tags(whose)]
