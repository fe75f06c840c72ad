"""A host's firewall: the nftables rules that its security groups come to."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# A security group, and one of its permissions, as EC2's API describes them.
Group = Mapping[str, Any]
Permission = Mapping[str, Any]

BEGINNING = """flush ruleset
table inet security_groups {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    iif lo accept
    meta l4proto { icmp, icmpv6 } accept
"""
END = "  }\n}\n"


def rules(
    own: Iterable[str], groups: Mapping[str, Group], members: Mapping[str, Sequence[str]]
) -> str:
    """Return what `nft -f` takes for a host.

    `own` are the ids of the host's groups; `members` has, by a group's id, the addresses of the
    running instances in it. What leaves a host is not held back.
    """
    lines = set()
    for group_id in own:
        for permission in groups[group_id]["IpPermissions"] if group_id in groups else ():
            for source in _sources(permission, members):
                lines.add(f"    ip saddr {source} {_service(permission)}accept\n")
    return BEGINNING + "".join(sorted(lines)) + END


def _sources(permission: Permission, members: Mapping[str, Sequence[str]]) -> list[str]:
    ranges = [each["CidrIp"] for each in permission.get("IpRanges", ())]
    for pair in permission.get("UserIdGroupPairs", ()):
        ranges.extend(members.get(pair["GroupId"], ()))
    return ranges


def _service(permission: Permission) -> str:
    protocol = permission["IpProtocol"]
    if protocol == "-1":
        return ""
    if protocol not in ("tcp", "udp"):
        return f"meta l4proto {protocol} "
    return f"{protocol} dport {permission['FromPort']}-{permission['ToPort']} "
