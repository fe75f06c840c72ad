"""A host's firewall, from what EC2 says of security groups."""

from typing import Any

from tests.awsbox import firewall


def accepted(
    *permissions: dict[str, Any], members: dict[str, list[str]] | None = None
) -> list[str]:
    groups = {"sg-1": {"IpPermissions": list(permissions)}}
    text = firewall.rules(["sg-1", "sg-unknown"], groups, members or {})
    return [line.strip() for line in text.splitlines() if "saddr" in line]


def test_ranges_of_ports_and_addresses() -> None:
    ranges = [{"CidrIp": "10.0.0.0/8"}, {"CidrIp": "1.2.3.4/32"}]
    permission = {"IpProtocol": "tcp", "FromPort": 20, "ToPort": 22, "IpRanges": ranges}
    assert accepted(permission) == [
        "ip saddr 1.2.3.4/32 tcp dport 20-22 accept",
        "ip saddr 10.0.0.0/8 tcp dport 20-22 accept",
    ]


def test_a_group_is_its_members() -> None:
    permission = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-2"}]}
    assert accepted(permission) == []
    assert accepted(permission, members={"sg-2": ["172.31.0.4"]}) == ["ip saddr 172.31.0.4 accept"]


def test_a_group_without_permissions_lets_nobody_in() -> None:
    assert accepted() == []
    assert "policy drop" in firewall.rules([], {}, {})
