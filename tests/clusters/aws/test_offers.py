"""What a user can choose from, also where AWS does not tell all."""

import pytest

from gridray.clusters.aws.instancetype import shipped
from gridray.clusters.aws.offers import overview
from gridray.clusters.aws.session import Account
from gridray.errors import CredentialsError
from tests.clusters.aws.conftest import Allow
from tests.clusters.aws.lists import Lists


def test_an_offer(account: Account, aws: Lists) -> None:
    aws.prices["us-east-1", "g4dn.xlarge"] = 0.526
    aws.limits["L-3819A6DF"] = 0
    found = overview(account, ["g4dn.xlarge"])
    (offer,) = found.offers
    assert found.notes == ()
    assert offer.nickname == "1_t4_16gb"
    assert offer.zones is not None
    assert "us-east-1e" not in offer.zones
    assert (offer.on_demand, offer.spot, offer.spot_low) == (0.526, 0.00001, 0.00001)
    assert (offer.on_demand_left, offer.spot_left) == (64, 0)


def test_a_price_of_the_shipped_table_is_said_to_be_one(account: Account, aws: Lists) -> None:
    aws.prices["us-east-1", "g4dn.xlarge"] = 0.5
    found = overview(account, ["g4dn.xlarge", "m5.large"])
    assert {offer.type.name: offer.on_demand for offer in found.offers} == {
        "g4dn.xlarge": 0.5,
        "m5.large": shipped().prices["m5.large"],
    }
    (note,) = found.notes
    assert note.startswith("not in the AWS Price List: m5.large; these on-demand prices are those")
    assert "and 3 more" in overview(account, list(shipped().types)[:8]).notes[0]


def test_types_without_a_nickname_of_the_table(account: Account) -> None:
    """A type that the table does not have may be the smallest that a nickname fits."""
    (offer,) = overview(account, ["t4g.micro"]).offers
    assert offer.nickname is None


def test_all_with_gpus_and_the_usual_others(account: Account, aws: Lists) -> None:
    aws.prices = {("us-east-1", name): price or 0 for name, price in shipped().prices.items()}
    found = overview(account).offers
    names = [offer.type.name for offer in found]
    assert {"g6e.xlarge", "p5.48xlarge", "t3.medium", "m7g.large"} <= set(names)
    assert not {"hpc7g.4xlarge", "c5.metal", "x1.16xlarge"} & set(names)
    kinds = [offer.type.gpu for offer in found if offer.type.gpu and "/" not in offer.type.gpu]
    assert kinds == sorted(kinds)
    prices = [offer.on_demand for offer in found if offer.type.gpu == "T4"]
    assert prices == sorted(prices, key=lambda price: price or 0)


def test_only_what_the_region_has(aws: Lists) -> None:
    names = {offer.type.name for offer in overview(Account("eu-west-3")).offers}
    assert "g4dn.xlarge" in names
    assert "p5.48xlarge" not in names


def test_without_credentials_the_table_answers_and_says_so(nobody: None) -> None:
    found = overview(Account())
    assert found.region == "us-east-1"
    assert {offer.type.name for offer in found.offers} == set(shipped().types)
    (note,) = found.notes
    assert note.startswith("there are no AWS credentials")
    assert shipped().date in note
    prices = {offer.type.name: offer.on_demand for offer in found.offers}
    assert prices["g4dn.xlarge"] == 0.526
    assert prices["p5e.48xlarge"] is None


def test_the_table_knows_no_prices_of_other_regions(nobody: None) -> None:
    found = overview(Account("eu-west-1"), ["g4dn.xlarge", "x1.32xlarge"])
    assert [(offer.type.name, offer.on_demand) for offer in found.offers] == [("g4dn.xlarge", None)]
    assert "no prices of eu-west-1" in found.notes[0]


def test_what_may_not_be_asked_is_said(allowed: Allow, aws: Lists) -> None:
    aws.refused["GetProducts"] = ("AccessDeniedException", "no")
    aws.refused["ListServiceQuotas"] = ("AccessDeniedException", "no")
    found = overview(allowed("sts:GetCallerIdentity"), ["g4dn.xlarge"])
    (offer,) = found.offers
    assert (offer.type, offer.on_demand) == (shipped().types["g4dn.xlarge"], 0.526)
    assert (offer.zones, offer.spot, offer.spot_left) == (None, None, None)
    said = " ".join(found.notes)
    for words in (
        "ec2:DescribeInstanceTypes is missing",
        f"on-demand prices are those of the shipped table, as of {shipped().date}",
        "ec2:DescribeSpotPriceHistory is missing",
        "quotas",
    ):
        assert words in said


def test_an_expired_token_is_an_error(aws: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.refused["GetCallerIdentity"] = ("ExpiredToken", "too old")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws.url)
    with pytest.raises(CredentialsError, match="have expired"):
        overview(Account())
