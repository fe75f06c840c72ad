"""What a cluster is said to cost before it is made."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from gridray.clusters.aws import account as clusters
from gridray.clusters.aws import cache, estimate
from gridray.clusters.aws.account import Wanted
from gridray.clusters.aws.estimate import Estimate, Group
from gridray.labels import ON_DEMAND, SPOT
from tests.clusters.aws.cloud import Cloud

WANTED = Wanted("mine", "us-west-2", ("c5.large",), max_workers=4, ssh_from="203.0.113.7/32")


def test_the_most_is_in_the_dearest_zone(cloud: Cloud, tmp_path: Path) -> None:
    account = cloud.account("us-west-2")
    kept = cache.directory(account.identity().account, "us-west-2")
    kept.mkdir(parents=True)
    zones = {
        zone: {"now": price, "low": price, "high": price}
        for zone, price in {"a": 0.3, "b": 0.2, "c": 0.9}.items()
    }
    answers: dict[str, dict[str, Any]] = {
        "spot": {"c5.large": zones, "m5.large": {}},
        "prices": {"c5.large": 0.5, "m5.large": 0.1},
    }
    for name, values in answers.items():
        entries = {each: [time.time(), value] for each, value in values.items()}
        (kept / f"{name}.json").write_text(json.dumps(entries))
    found = estimate.of(account, clusters.plan(account, WANTED, tmp_path))
    prices = {each.market: (each.price, each.dearest) for each in found.groups}
    assert prices == {SPOT: (0.2, 0.9), ON_DEMAND: (0.5, 0.5)}
    assert found.head.price is not None
    assert found.most == pytest.approx(found.head.price + 4 * 0.9)


def test_the_most_is_not_known_without_a_price() -> None:
    head = Group("head", "m5.large", ON_DEMAND, 0.1, 0.1)
    known = Group("one", "m5.large", SPOT, 0.02, 0.05)
    unknown = Group("two", "x9.y", SPOT, None, None)
    assert Estimate(head, (known,), 4).most == pytest.approx(0.3)
    assert Estimate(head, (known, unknown), 4).most is None
