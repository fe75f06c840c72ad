"""The books of a cluster: which machines it had, when, and at what price."""

from dataclasses import replace

import pytest

from gridray.clusters.aws.prices import Instance
from gridray.controller.books import (
    LOOK_INTERVAL,
    QUIET_INTERVAL,
    counted,
    is_due,
)
from gridray.labels import ON_DEMAND, SPOT
from gridray.machines import (
    Machine,
    Machines,
    NodeRecord,
    PriceList,
    SpotPrices,
)

NOW = 1_764_000_000.0
MACHINES = Machines(
    "us-east-1",
    NOW,
    "a table",
    {"m5.large": Machine(2, 0, 8 << 30, 0.096), "g4dn.xlarge": Machine(4, 1, 16 << 30, 0.526)},
)
PRICES = PriceList(MACHINES, SpotPrices(NOW, {"g4dn.xlarge": {"us-east-1a": 0.16}}))
SPOT_ONE = Instance("i-1", "g4dn.xlarge", SPOT, "us-east-1a", False, NOW)
HEAD = Instance("i-0", "m5.large", ON_DEMAND, "us-east-1a", True, NOW)


def only(nodes: dict[tuple[str, float], NodeRecord]) -> NodeRecord:
    (node,) = nodes.values()
    return node


def test_a_machine_is_there_from_its_launch_until_it_is_seen_last() -> None:
    nodes = counted({}, [SPOT_ONE], PRICES, NOW + 60)
    nodes = counted(nodes, [SPOT_ONE], PRICES, NOW + 120)
    assert only(nodes) == NodeRecord(
        "i-1", "g4dn.xlarge", SPOT, "us-east-1a", False, NOW, NOW + 120, 0.16
    )
    nodes = counted(nodes, [], PRICES, NOW + 180)
    assert (only(nodes).until, only(nodes).is_gone) == (NOW + 120, True)


def test_one_that_has_gone_was_there_until_ec2_says() -> None:
    nodes = counted({}, [SPOT_ONE], PRICES, NOW + 60)
    gone = replace(SPOT_ONE, is_gone=True, gone_at=NOW + 90)
    nodes = counted(nodes, [gone], PRICES, NOW + 120)
    assert (only(nodes).until, only(nodes).is_gone) == (NOW + 90, True)
    assert only(counted(nodes, [gone], PRICES, NOW + 600)) == only(nodes)


def test_one_that_came_and_went_between_two_looks_counts() -> None:
    gone = replace(SPOT_ONE, is_gone=True, gone_at=NOW + 30)
    assert only(counted({}, [gone], PRICES, NOW + 60)).hours(0, NOW + 99) == 30 / 3600


def test_a_price_stays_as_it_was_when_the_machine_came() -> None:
    nodes = counted({}, [SPOT_ONE], PRICES, NOW)
    dearer = replace(PRICES, latest=SpotPrices(NOW, {"g4dn.xlarge": {"us-east-1a": 0.5}}))
    assert only(counted(nodes, [SPOT_ONE], dearer, NOW + 60)).price == 0.16
    unknown = counted({}, [SPOT_ONE], PriceList(MACHINES), NOW)
    assert only(unknown).price is None
    assert only(counted(unknown, [SPOT_ONE], dearer, NOW + 60)).price == 0.5


def test_one_that_is_started_again_is_another_one() -> None:
    nodes = counted({}, [HEAD], PRICES, NOW + 60)
    again = replace(HEAD, since=NOW + 600)
    nodes = counted(nodes, [again], PRICES, NOW + 660)
    assert [node.is_gone for node in nodes.values()] == [True, False]


@pytest.mark.parametrize(
    ("before", "after", "age", "expected"),
    [
        ([], [SPOT_ONE], LOOK_INTERVAL, True),
        ([], [SPOT_ONE], LOOK_INTERVAL - 1, False),
        ([HEAD], [HEAD], LOOK_INTERVAL, False),
        ([HEAD], [HEAD], QUIET_INTERVAL, True),
        ([HEAD, SPOT_ONE], [HEAD, SPOT_ONE], LOOK_INTERVAL, True),
        ([HEAD, SPOT_ONE], [HEAD], LOOK_INTERVAL, True),
        ([HEAD], [], LOOK_INTERVAL, True),
        ([], [], QUIET_INTERVAL, False),
    ],
)
def test_the_ledger_is_written_seldom(
    before: list[Instance], after: list[Instance], age: float, expected: bool
) -> None:
    written = counted({}, before, PRICES, NOW + 1)
    assert is_due(written, counted(written, after, PRICES, NOW + 60), age) is expected
