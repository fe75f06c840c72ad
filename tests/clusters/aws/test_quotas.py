"""What the account may have, and what its instances take of it."""

from typing import Any

import pytest

from gridray.clusters.aws import quotas
from gridray.clusters.aws.session import Account
from gridray.errors import DeniedError
from gridray.labels import ON_DEMAND, SPOT
from tests.clusters.aws.lists import Lists


@pytest.mark.parametrize(
    ("name", "market", "code"),
    [
        ("m5.large", ON_DEMAND, "L-1216C47A"),
        ("t3.micro", SPOT, "L-34B43A08"),
        ("im4gn.large", ON_DEMAND, "L-1216C47A"),
        ("g4dn.xlarge", ON_DEMAND, "L-DB2E81BA"),
        ("gr6.4xlarge", SPOT, "L-3819A6DF"),
        ("vt1.3xlarge", SPOT, "L-3819A6DF"),
        ("p3.2xlarge", SPOT, "L-7212CCBC"),
        ("p5.48xlarge", ON_DEMAND, "L-417A185B"),
        ("p5.48xlarge", SPOT, "L-7212CCBC"),
        ("inf2.xlarge", ON_DEMAND, "L-1945791B"),
        ("trn1.2xlarge", SPOT, "L-6B0D517C"),
        ("dl1.24xlarge", ON_DEMAND, "L-6E869C2A"),
        ("hpc7a.12xlarge", SPOT, None),
        ("mac2.metal", ON_DEMAND, None),
        ("", ON_DEMAND, None),
    ],
)
def test_which_quota_counts(name: str, market: str, code: str | None) -> None:
    assert quotas.code_of(name, market, ()) == code


def test_an_account_may_have_a_quota_of_its_own_for_newer_p() -> None:
    known = ["L-7212CCBC", "L-C4BD4855"]
    assert quotas.code_of("p5.48xlarge", SPOT, known) == "L-C4BD4855"
    assert quotas.code_of("p6-b200.48xlarge", SPOT, known) == "L-C4BD4855"
    assert quotas.code_of("p4d.24xlarge", SPOT, known) == "L-7212CCBC"
    assert quotas.code_of("p5.48xlarge", ON_DEMAND, known) == "L-417A185B"


def launch(account: Account, name: str, count: int, **more: Any) -> list[str]:
    ec2 = account.client("ec2")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    made = ec2.run_instances(
        ImageId=image, InstanceType=name, MinCount=count, MaxCount=count, **more
    )
    return [each["InstanceId"] for each in made["Instances"]]


def test_what_runs_is_taken_off(account: Account, aws: Lists) -> None:
    aws.limits["L-DB2E81BA"] = 32
    launch(account, "g4dn.xlarge", 2)
    launch(account, "g4dn.2xlarge", 1, InstanceMarketOptions={"MarketType": "spot"})
    launch(account, "m5.large", 1)
    gone = launch(account, "g5.48xlarge", 1)
    account.client("ec2").terminate_instances(InstanceIds=gone)
    known = quotas.ask(account)
    on_demand = known.of("g6.xlarge", ON_DEMAND)
    spot = known.of("g6.xlarge", SPOT)
    assert on_demand is not None
    assert spot is not None
    assert (on_demand.used, on_demand.left) == (8, 24)
    assert on_demand.name == "Running On-Demand G and VT instances"
    assert (spot.used, spot.left) == (8, 56)
    assert on_demand.link == (
        "https://console.aws.amazon.com/servicequotas/home/services/ec2/quotas/L-DB2E81BA"
        "?region=us-east-1"
    )
    assert known.of("x1.32xlarge", SPOT) is None, "the account has no such quota"


def test_whoever_may_not_see_them(account: Account, aws: Lists) -> None:
    message = "User: me is not authorized to perform: servicequotas:ListServiceQuotas"
    aws.refused["ListServiceQuotas"] = ("AccessDeniedException", message)
    with pytest.raises(DeniedError, match="permission servicequotas:ListServiceQuotas"):
        quotas.ask(account)
