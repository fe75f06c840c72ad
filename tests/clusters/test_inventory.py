"""All clusters at once: what they have, what that costs, and what is wrong with them."""

from pathlib import Path
from typing import Any

import pytest

from gridray import layout, settings
from gridray.clusters import inventory
from gridray.clusters.inventory import Condition, NodeGroup
from gridray.machines import Machine, Machines
from gridray.store import Store
from tests.dashboard import Dashboard

MACHINES = Machines("us-east-1", 1.0, "a table", {"g4dn.xlarge": Machine(4, 1, 16 << 30, 0.5)})
NODES = ("GET", "/api/v0/nodes?limit=10000&detail=0")


def node(name: str, labels: dict[str, str], *, is_head: bool = False) -> dict[str, Any]:
    return {
        "node_id": name,
        "node_ip": "10.0.0.1",
        "is_head_node": is_head,
        "state": "ALIVE",
        "resources_total": {"CPU": 4, "GPU": 1, "memory": 1e9},
        "labels": labels,
    }


def test_nodes_by_group_and_what_an_hour_costs(
    dashboard: Dashboard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = settings.home()
    home.mkdir()
    address = f"http://127.0.0.1:{dashboard.server_port}"
    (home / "settings.toml").write_text(
        f'cluster = "lab"\n[clusters.lab]\naddress = "{address}"\n'
        '[clusters.gone]\naddress = "http://127.0.0.1:9"\n'
    )
    labels = {"gridray/instance-type": "g4dn.xlarge", "ray.io/market-type": "on-demand"}
    labels |= {"ray.io/node-group": "gpus"}
    nodes = [node("head", {}, is_head=True), node("one", labels), node("two", labels)]
    dashboard.answers[NODES] = (200, {"data": {"result": {"result": nodes}}})
    store = Store(str(tmp_path / "store"))
    store.put_json(layout.machines("lab"), MACHINES.to_json())
    local, lab, gone = inventory.clusters(store, settings.load())
    assert (local.name, local.condition, local.price) == ("local", Condition.STOPPED, None)
    assert (lab.condition, lab.is_default, lab.address) == (Condition.RUNNING, True, address)
    assert lab.groups == (
        NodeGroup("head", None, None, 1, 4, 1, 1e9, None),
        NodeGroup("gpus", "g4dn.xlarge", "on-demand", 2, 8, 2, 2e9, 1.0),
    )
    assert lab.price == 1.0
    assert gone.condition is Condition.UNREACHABLE and "127.0.0.1:9" in gone.message
