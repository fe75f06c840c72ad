"""What EC2 and the Price List offer, and the table that goes along."""

from datetime import datetime, timedelta, timezone

import pytest
from botocore.stub import ANY, Stubber

from gridray import settings
from gridray.clusters.aws import catalog
from gridray.clusters.aws.catalog import SpotPrice
from gridray.clusters.aws.instancetype import MEBIBYTE, InstanceType, shipped
from gridray.clusters.aws.session import Account
from gridray.errors import DeniedError
from tests.clusters.aws.conftest import Allow
from tests.clusters.aws.lists import Lists

GIBIBYTE = 1 << 30


def test_types_by_name(account: Account) -> None:
    found = catalog.instance_types(account, ["g4dn.xlarge", "m7g.large", "g6f.large", "nope.large"])
    assert list(found) == ["g4dn.xlarge", "m7g.large", "g6f.large"]
    assert found["g4dn.xlarge"] == InstanceType(
        "g4dn.xlarge", 4, 16 * GIBIBYTE, "x86_64", "T4", 1, 16 * GIBIBYTE, True
    )
    assert found["m7g.large"] == InstanceType("m7g.large", 2, 8 * GIBIBYTE, "arm64")
    assert (found["g6f.large"].gpu, found["g6f.large"].gpus) == ("1/8 L4", 1)


def test_all_types(account: Account) -> None:
    found = catalog.instance_types(account)
    assert len(found) > 1000
    assert {"p5.48xlarge", "t3.nano", "trn1.2xlarge"} <= set(found)
    assert found["trn1.2xlarge"].gpus == 0


def test_the_table_agrees_with_ec2(account: Account) -> None:
    table = shipped()
    found = catalog.instance_types(account, table.types)
    retired = {"p3.2xlarge", "p3.8xlarge", "p3.16xlarge"}
    assert set(table.types) - set(found) == retired
    assert {name: each for name, each in table.types.items() if name not in retired} == found
    assert table.types["p3.2xlarge"].memory == 62464 * MEBIBYTE


def test_the_table_says_where_it_is_from() -> None:
    table = shipped()
    assert datetime.fromisoformat(table.date)
    assert table.region == "us-east-1"
    assert table.prices["g4dn.xlarge"] == 0.526
    assert table.prices["p5e.48xlarge"] is None


def test_an_answer_is_kept(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    first = catalog.instance_types(account, ["g5.xlarge"])
    kept = settings.home() / "cache" / "aws" / "123456789012" / "us-east-1" / "types.json"
    assert kept.exists()
    with Stubber(account.client("ec2")):
        assert catalog.instance_types(account, ["g5.xlarge"]) == first


def test_zones(account: Account) -> None:
    found = catalog.zones(account, ["g4dn.xlarge", "p6-b300.48xlarge", "nope.large"])
    assert found["g4dn.xlarge"][0] == "us-east-1a"
    assert found["nope.large"] == ()
    elsewhere = account.at("eu-west-3")
    assert catalog.zones(elsewhere, ["p5.48xlarge"]) == {"p5.48xlarge": ()}


def test_on_demand_prices(account: Account, aws: Lists) -> None:
    names = list(shipped().types)
    aws.prices = {("us-east-1", name): place + 1 for place, name in enumerate(names)}
    aws.prices["us-east-1", names[0]] = 0.0
    found = catalog.on_demand_prices(account, names)
    assert catalog.listed_prices(account, names)[names[0]] is None, "an offer for nothing is none"
    assert found[names[0]] == shipped().prices[names[0]]
    assert [found[name] for name in names[1:]] == list(range(2, len(names) + 1))
    asked = len(aws.asked)
    assert catalog.on_demand_prices(account, names) == found
    assert len(aws.asked) == asked


def test_the_table_has_prices_of_its_own_region_only(account: Account, aws: Lists) -> None:
    aws.refused["GetProducts"] = ("AccessDeniedException", "User: me is not authorized")
    assert catalog.on_demand_prices(account, ["g4dn.xlarge", "x9.y"]) == {
        "g4dn.xlarge": 0.526,
        "x9.y": None,
    }
    aws.refused.clear()
    assert catalog.on_demand_prices(account, ["m5.large"]) == {"m5.large": 0.096}
    elsewhere = account.at("eu-west-1")
    assert catalog.on_demand_prices(elsewhere, ["m5.large"]) == {"m5.large": None}
    aws.refused["GetProducts"] = ("AccessDeniedException", "User: me is not authorized")
    assert catalog.on_demand_prices(elsewhere, ["g4dn.xlarge"]) == {"g4dn.xlarge": None}
    with pytest.raises(DeniedError):
        catalog.listed_prices(account, ["g4dn.xlarge"])


def test_spot_prices_and_their_range(account: Account) -> None:
    now = datetime.now(timezone.utc)
    history = [
        ("us-east-1a", "0.20", now - timedelta(days=6)),
        ("us-east-1b", "0.19", now - timedelta(hours=2)),
        ("us-east-1a", "0.16", now - timedelta(hours=1)),
        ("us-east-1a", "0.31", now - timedelta(days=2)),
    ]
    items = [
        {
            "InstanceType": "g4dn.xlarge",
            "ProductDescription": "Linux/UNIX",
            "AvailabilityZone": zone,
            "SpotPrice": price,
            "Timestamp": time,
        }
        for zone, price, time in history
    ]
    with Stubber(account.client("ec2")) as stub:
        for page in (
            {"SpotPriceHistory": items[:2], "NextToken": "more"},
            {"SpotPriceHistory": items[2:]},
        ):
            wanted = {
                "InstanceTypes": ["g4dn.xlarge", "p9.large"],
                "ProductDescriptions": ["Linux/UNIX"],
                "StartTime": ANY,
                **({} if "NextToken" in page else {"NextToken": "more"}),
            }
            stub.add_response("describe_spot_price_history", page, wanted)
        found = catalog.spot_history(account, ["g4dn.xlarge", "p9.large"])
        stub.assert_no_pending_responses()
    assert found["g4dn.xlarge"] == {
        "us-east-1a": SpotPrice(0.16, 0.16, 0.31),
        "us-east-1b": SpotPrice(0.19, 0.19, 0.19),
    }
    assert catalog.spot_prices(account, ["g4dn.xlarge", "p9.large"]) == {
        "g4dn.xlarge": {"us-east-1a": 0.16, "us-east-1b": 0.19},
        "p9.large": {},
    }


def test_whoever_may_not_see_spot_prices_has_none(allowed: Allow) -> None:
    account = allowed("sts:GetCallerIdentity")
    assert catalog.spot_prices(account, ["g4dn.xlarge"]) == {"g4dn.xlarge": {}}
