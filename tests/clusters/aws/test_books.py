"""The books of a cluster that moto plays."""

import time
from dataclasses import replace
from pathlib import Path

import boto3
import pytest

from gridray import layout
from gridray.clusters.aws import prices
from gridray.controller.books import PRICES_INTERVAL, Books
from gridray.labels import ON_DEMAND
from gridray.machines import Ledger, Machine, Machines, NodeRecord, read_ledger, read_price_list
from gridray.store import Store
from tests.clusters.aws.conftest import REGION
from tests.clusters.aws.lists import Lists
from tests.clusters.aws.machines import launch

NOW = 1_764_000_000.0
MACHINES = Machines(
    REGION,
    NOW,
    "a table",
    {"m5.large": Machine(2, 0, 8 << 30, 0.096), "g4dn.xlarge": Machine(4, 1, 16 << 30, 0.526)},
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def test_a_cluster_that_no_cloud_has_made_has_no_books(
    store: Store, aws: Lists, capsys: pytest.CaptureFixture[str]
) -> None:
    Books(store, "local-1").look(NOW)
    assert store.names("clusters/") == []
    assert capsys.readouterr().out == ""


def test_books_are_kept_of_machines_and_prices(store: Store, aws: Lists) -> None:
    store.put_json(layout.machines("mine"), MACHINES.to_json())
    head, worker = launch("mine", "m5.large", kind="head"), launch("mine", "g4dn.xlarge")
    start = min(each.since for each in prices.instances(REGION, "mine"))
    books = Books(store, "mine")
    books.look(start + 100)
    known = read_price_list(store, "mine")
    assert known is not None and known.latest is not None
    assert known.latest.at == start + 100 and known.latest.spot["g4dn.xlarge"]
    nodes = {node.instance_id: node for node in read_ledger(store, "mine")}
    assert {name: (node.until, node.price) for name, node in nodes.items()} == {
        head: (start + 100, 0.096),
        worker: (start + 100, 0.526),
    }
    boto3.client("ec2").terminate_instances(InstanceIds=[worker])
    books.look(start + 200)
    nodes = {node.instance_id: node for node in read_ledger(store, "mine")}
    assert [nodes[name].is_gone for name in (head, worker)] == [False, True]


def test_books_go_on_where_others_have_left_them(store: Store, aws: Lists) -> None:
    store.put_json(layout.machines("mine"), MACHINES.to_json())
    launch("mine", "g4dn.xlarge")
    start = min(each.since for each in prices.instances(REGION, "mine"))
    Books(store, "mine").look(start + 100)
    first = layout.prices("mine"), store.get(layout.prices("mine"))
    # What the machine cost when it came stays, though the list says something else.
    dearer = {"g4dn.xlarge": replace(MACHINES.types["g4dn.xlarge"], on_demand=9.0)}
    dearer["m5.large"] = MACHINES.types["m5.large"]
    store.put_json(layout.machines("mine"), replace(MACHINES, types=dearer).to_json())
    Books(store, "mine").look(start + 200)
    (node,) = read_ledger(store, "mine")
    assert (node.until, node.price) == (start + 200, 0.526)
    assert store.get(first[0]) == first[1]


def test_prices_that_cannot_be_had_stay_and_that_is_told_once(
    store: Store,
    aws: Lists,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store.put_json(layout.machines("mine"), MACHINES.to_json())
    books = Books(store, "mine")
    books.look(NOW)
    before = store.get(layout.prices("mine"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setattr("gridray.clusters.aws.session.ATTEMPTS", 1)
    for hour in range(1, 4):
        books.look(NOW + hour * PRICES_INTERVAL)
    assert store.get(layout.prices("mine")) == before
    assert capsys.readouterr().out.count("cannot be reached") <= 2


def test_prices_are_asked_for_once_an_hour(store: Store, aws: Lists) -> None:
    store.put_json(layout.machines("mine"), MACHINES.to_json())
    books = Books(store, "mine")
    moments = []
    for late in (0.0, PRICES_INTERVAL - 1, PRICES_INTERVAL):
        books.look(NOW + late)
        known = read_price_list(store, "mine")
        assert known is not None and known.latest is not None
        moments.append(known.latest.at)
    assert moments == [NOW, NOW, NOW + PRICES_INTERVAL]


def test_each_object_of_the_ledger_has_the_machines_of_one_month(store: Store, aws: Lists) -> None:
    store.put_json(layout.machines("mine"), MACHINES.to_json())
    old = NodeRecord("i-old", "m5.large", ON_DEMAND, "us-east-1a", True, NOW - 1, NOW, 0.096)
    store.put_json(layout.node_ledger("mine", "2025-11"), Ledger((old,)).to_json())
    launch("mine", "g4dn.xlarge")
    start = prices.instances(REGION, "mine")[0].since
    Books(store, "mine").look(start + 100)
    month = time.strftime("%Y-%m", time.gmtime(start))
    assert store.names(layout.node_ledgers("mine")) == ["2025-11.json", f"{month}.json"]
    first, second = read_ledger(store, "mine")
    assert first == replace(old, is_gone=True)
    assert (second.since, second.until) == (start, start + 100)
