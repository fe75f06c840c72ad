"""Where nodes are, and who reaches them: subnets, and one security group for each cluster."""

import ipaddress
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gridray.clusters.aws.session import Account, asking
from gridray.clusters.aws.tags import Mark, mark_of, specification
from gridray.errors import CloudError, UsageError

SSH = 22
WIDEST = 7
# The network interfaces of instances that have just ended hold their group for a while.
DELETE_SECONDS = 120.0
PAUSE = 2.0


@dataclass(frozen=True)
class Network:
    """A VPC, and its subnets' ids with the zones that they are in."""

    vpc: str
    subnets: Mapping[str, str]

    @property
    def zones(self) -> frozenset[str]:
        return frozenset(self.subnets.values())

    def offering(self, zones: Sequence[str]) -> tuple[str, ...]:
        """Return the subnets that are in one of these zones."""
        return tuple(each for each, zone in self.subnets.items() if zone in zones)


@dataclass(frozen=True)
class Group:
    """A security group: its id, and whose it is."""

    id: str
    mark: Mark | None


def look(account: Account, subnets: Sequence[str], *, is_private: bool) -> Network:
    """Return where nodes can be, by zone.

    Args:
        subnets: ids; (): those of the default VPC.
        is_private: whether nodes need no public address.

    Raises:
        CloudError: there is no such subnet, or nodes could not be reached there.
    """
    arguments: dict[str, Any] = {"SubnetIds": list(subnets)}
    if not subnets:
        arguments = {"Filters": [{"Name": "default-for-az", "Values": ["true"]}]}
    with asking("for the subnets"):
        found = account.client("ec2").describe_subnets(**arguments)["Subnets"]
    if not found:
        raise CloudError(
            f"the account has no default VPC with subnets in {account.region}",
            hint=f"`aws ec2 create-default-vpc --region {account.region}` makes one",
        )
    vpcs = {each["VpcId"] for each in found}
    if len(vpcs) > 1:
        raise CloudError(
            f"the subnets are in several VPCs: {', '.join(sorted(vpcs))}",
            hint="take subnets of one VPC",
        )
    closed = [each["SubnetId"] for each in found if not each.get("MapPublicIpOnLaunch")]
    if closed and not is_private and (subnets or len(closed) == len(found)):
        raise CloudError(
            f"nodes get no public address in the subnets {', '.join(closed)}",
            hint="take others, or reach the nodes at their private addresses with --private",
        )
    usable = [each for each in found if is_private or each["SubnetId"] not in closed]
    ordered = sorted(usable, key=lambda each: str(each["AvailabilityZone"]))
    return Network(
        found[0]["VpcId"], {each["SubnetId"]: each["AvailabilityZone"] for each in ordered}
    )


def check_block(block: str) -> str:
    """Return a block of addresses in its usual form.

    Raises:
        UsageError: it is none.
    """
    try:
        return str(ipaddress.ip_network(block, strict=False))
    except ValueError as error:
        raise UsageError(
            f"{block!r} is no block of addresses ({error})", hint="as 203.0.113.7/32"
        ) from error


def is_wide(block: str) -> bool:
    """Whether a block of addresses is more than the largest of private networks, fc00::/7."""
    return ipaddress.ip_network(check_block(block)).prefixlen < WIDEST


def security_group(account: Account, name: str, vpc: str) -> Group | None:
    """Return a security group; None: there is none.

    Raises:
        CloudError: AWS cannot be asked.
    """
    with asking(f"for the security group {name}"):
        found = account.client("ec2").describe_security_groups(
            Filters=[
                {"Name": "group-name", "Values": [name]},
                {"Name": "vpc-id", "Values": [vpc]},
            ]
        )["SecurityGroups"]
    return Group(str(found[0]["GroupId"]), mark_of(found[0].get("Tags"))) if found else None


def make_group(account: Account, name: str, vpc: str, mark: Mark, ssh_from: str) -> str:
    """Return the id of the cluster's security group, which has the right rules then.

    Raises:
        CloudError: AWS refuses, or the name is taken.
    """
    found = security_group(account, name, vpc)
    if found is not None and found.mark == mark:
        group = found.id
    else:
        with asking(f"to make the security group {name}"):
            made = account.client("ec2").create_security_group(
                GroupName=name,
                Description=f"Gridray's cluster {mark.cluster}: SSH, and everything from itself",
                VpcId=vpc,
                TagSpecifications=specification("security-group", mark),
            )
        group = str(made["GroupId"])
    itself = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}
    _authorize(account, group, itself)
    allow_ssh(account, group, ssh_from)
    return group


def allow_ssh(account: Account, group: str, block: str) -> None:
    """Let SSH in from one block of addresses, and from nowhere else.

    Raises:
        UsageError: it is no block of addresses.
        CloudError: AWS refuses.
    """
    client = account.client("ec2")
    wanted = _ssh(check_block(block))
    _authorize(account, group, wanted)
    with asking(f"for the security group {group}"):
        rules = client.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    blocks = [
        each
        for rule in rules["IpPermissions"]
        if rule.get("FromPort") == SSH
        for each in _blocks(rule)
    ]
    for other in blocks:
        if other != check_block(block):
            with asking(f"to close SSH to {other}"):
                client.revoke_security_group_ingress(GroupId=group, IpPermissions=[_ssh(other)])


def delete_group(account: Account, name: str, vpc: str, mark: Mark) -> bool:
    """Delete the cluster's security group; return whether there was one.

    Raises:
        CloudError: AWS refuses, or something still uses it.
    """
    found = security_group(account, name, vpc)
    if found is None or found.mark != mark:
        return False
    deadline = time.monotonic() + DELETE_SECONDS
    while True:
        try:
            with asking(f"to delete the security group {name}"):
                account.client("ec2").delete_security_group(GroupId=found.id)
            return True
        except CloudError as error:
            if error.code != "DependencyViolation" or time.monotonic() > deadline:
                raise
        time.sleep(PAUSE)


def _authorize(account: Account, group: str, permission: Mapping[str, Any]) -> None:
    try:
        with asking(f"to let in to the security group {group}"):
            account.client("ec2").authorize_security_group_ingress(
                GroupId=group, IpPermissions=[permission]
            )
    except CloudError as error:
        if error.code != "InvalidPermission.Duplicate":
            raise


def _ssh(block: str) -> dict[str, Any]:
    version = ipaddress.ip_network(block).version
    ranges = {"IpRanges": [{"CidrIp": block}]} if version == 4 else {}
    ranges |= {"Ipv6Ranges": [{"CidrIpv6": block}]} if version == 6 else {}
    return {"IpProtocol": "tcp", "FromPort": SSH, "ToPort": SSH, **ranges}


def _blocks(rule: Mapping[str, Any]) -> list[str]:
    four = [each["CidrIp"] for each in rule.get("IpRanges", ())]
    return four + [each["CidrIpv6"] for each in rule.get("Ipv6Ranges", ())]
