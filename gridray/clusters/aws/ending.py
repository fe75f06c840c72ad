"""How a head that ends takes its workers along, with no more than its own instance's role."""

import os

from gridray.clusters.aws.machines import machines
from gridray.clusters.aws.session import Account, asking


def end_workers(cluster: str, region: str | None = None) -> list[str]:
    """Terminate the workers of a cluster, and return their ids.

    Args:
        region: None: what AWS_REGION says, or where this machine is.

    Raises:
        CloudError: they cannot be found, or not be terminated.
    """
    account = Account(region or os.environ.get("AWS_REGION") or _here())
    found = [each.id for each in machines(account, cluster) if not each.is_head]
    if found:
        with asking("to terminate the cluster's workers"):
            account.client("ec2").terminate_instances(InstanceIds=found)
    return found


def _here() -> str | None:
    from botocore.session import get_session
    from botocore.utils import IMDSRegionProvider

    with asking("where this machine is"):
        region: str | None = IMDSRegionProvider(get_session()).provide()
    return region
