"""What machines cost and which there are, asked of an account that moto plays."""

import time
from pathlib import Path

import boto3
import pytest

from gridray.clusters.aws import prices
from gridray.clusters.aws.instancetype import shipped
from gridray.clusters.aws.session import Account
from gridray.errors import CloudError
from gridray.labels import ON_DEMAND, SPOT
from gridray.machines import read_price_list
from gridray.store import Store
from tests.clusters.aws.conftest import REGION
from tests.clusters.aws.lists import Lists
from tests.clusters.aws.machines import launch

TYPES = shipped().types


def test_what_is_recorded_is_what_a_cluster_costs(
    account: Account, lists: Lists, tmp_path: Path
) -> None:
    store = Store(str(tmp_path / "store"))
    lists.prices = {(REGION, "g4dn.xlarge"): 0.526, (REGION, "m5.large"): 0.096}
    types = [TYPES["g4dn.xlarge"], TYPES["m5.large"]]
    prices.record(store, "mine", account, types)
    known = read_price_list(store, "mine")
    assert known is not None and known.machines.source == "the AWS Price List"
    machine = known.machines.types["g4dn.xlarge"]
    assert (machine.vcpus, machine.gpus, machine.memory) == (4, 1, 16 << 30)
    assert known.price("m5.large", ON_DEMAND, "us-east-1a") == 0.096
    spot = known.price("g4dn.xlarge", SPOT, "us-east-1a")
    assert spot is not None and spot > 0


@pytest.mark.parametrize("code", ["AccessDeniedException", "InternalErrorException"])
def test_an_account_without_the_price_list_takes_the_shipped_table(
    account: Account, lists: Lists, tmp_path: Path, code: str
) -> None:
    store = Store(str(tmp_path / "store"))
    lists.refused["GetProducts"] = (code, "no")
    found = prices.record(store, "mine", account, [TYPES["m5.large"]])
    assert found.source.startswith("Gridray's own table of 20")
    assert found.types["m5.large"].on_demand == shipped().prices["m5.large"]


def test_what_is_not_in_the_price_list_is_looked_up_in_the_shipped_table(
    account: Account, lists: Lists, tmp_path: Path
) -> None:
    lists.prices = {(REGION, "m5.large"): 1.5}
    types = [TYPES["g4dn.xlarge"], TYPES["m5.large"]]
    found = prices.record(Store(str(tmp_path / "store")), "mine", account, types)
    assert found.types["m5.large"].on_demand == 1.5
    assert found.types["g4dn.xlarge"].on_demand == shipped().prices["g4dn.xlarge"]
    assert found.source.startswith("the AWS Price List and Gridray's own table of 20")


def test_what_is_recorded_again_keeps_what_is_not_asked_for(
    account: Account, lists: Lists, tmp_path: Path
) -> None:
    store = Store(str(tmp_path / "store"))
    lists.prices = {(REGION, "m5.large"): 0.096, (REGION, "c5.large"): 0.085}
    prices.record(store, "mine", account, [TYPES["m5.large"]])
    found = prices.record(store, "mine", account, [TYPES["c5.large"]])
    assert {name: each.on_demand for name, each in found.types.items()} == {
        "m5.large": 0.096,
        "c5.large": 0.085,
    }


def test_the_machines_of_a_cluster_are_told_from_all_others(account: Account) -> None:
    began = time.time()
    head = launch("mine", "m5.large", kind="head")
    spot = launch("mine", "g4dn.xlarge", is_spot=True)
    gone = launch("mine", "m5.large")
    launch("another", "m5.large")
    boto3.client("ec2").terminate_instances(InstanceIds=[gone])
    found = {each.instance_id: each for each in prices.instances(REGION, "mine")}
    assert set(found) == {head, spot, gone}
    assert [found[each].is_head for each in (head, spot, gone)] == [True, False, False]
    assert [found[each].market for each in (head, spot)] == [ON_DEMAND, SPOT]
    assert found[spot].zone.startswith(REGION)
    assert abs(found[spot].since - began) < 60
    assert [found[each].is_gone for each in (head, spot, gone)] == [False, False, True]
    ended = found[gone].gone_at
    assert ended is not None and abs(ended - began) < 60


def test_an_account_that_may_not_look_is_told(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(CloudError):
        prices.instances(REGION, "mine")
