"""Which nodes of a cluster a run is for: on a dashboard that has the groups that it is told."""

import json
from typing import Any

import pytest

from gridray import settings
from gridray.clusters.cluster import Cluster
from gridray.clusters.groups import settle, share
from gridray.clusters.opening import settle as settle_any
from gridray.errors import ClusterError
from gridray.placement import PlacementRecord
from gridray.records import Resources
from tests.dashboard import Dashboard

G4DN: dict[str, float] = {"CPU": 4, "GPU": 1, "memory": 14_000_000_000}
G12: dict[str, float] = {"CPU": 48, "GPU": 4, "memory": 180_000_000_001}
WHOLE = Resources(0, 0)
LOG = "/api/v0/logs/file?node_id=head&filename=monitor.log&lines=-1"


def kind(
    instance_type: str, market: str, resources: dict[str, float], disk: int = 100, most: int = 4
) -> dict[str, Any]:
    labels = {"gridray/instance-type": instance_type, "ray.io/market-type": market}
    labels["gridray/disk-gb"] = str(disk)
    return {"resources": resources, "max_workers": most, "labels": labels}


HEAD = {"resources": {"CPU": 0}, "labels": {"gridray/instance-type": "m5.large"}, "max_workers": 1}
TYPES = {
    "head": HEAD,
    "g4dn-xlarge-spot": kind("g4dn.xlarge", "spot", G4DN),
    "g4dn-xlarge-on-demand": kind("g4dn.xlarge", "on-demand", G4DN, 300),
    "g4dn-12xlarge-spot": kind("g4dn.12xlarge", "spot", G12),
    "p3-2xlarge-spot": kind("p3.2xlarge", "spot", {"CPU": 8, "GPU": 1}, most=0),
}


@pytest.fixture
def cluster(dashboard: Dashboard) -> Cluster:
    return tell(dashboard, TYPES)


def tell(
    dashboard: Dashboard, types: dict[str, Any] | None, *nodes: dict[str, Any], log: str = ""
) -> Cluster:
    """Let the cluster `lab` have these node types (None: no autoscaler), and living nodes."""
    head = node("head", {"CPU": 1}, {}) | {"is_head_node": True}
    listed = {"data": {"result": {"result": [head, *nodes]}}}
    report = {"autoscalerReport": {"legacy": False}} if types is not None else {}
    if types:
        log = f"Using Autoscaling Config: \n{json.dumps({'available_node_types': types})}\n"
        log += "2026-11-24 10:00:00,000 INFO and so on"
    dashboard.answers |= {
        ("GET", "/api/v0/nodes?limit=10000&detail=0"): (200, listed),
        ("GET", "/api/cluster_status"): (200, {"data": {"clusterStatus": report}}),
        ("GET", LOG): (200, log),
    }
    return Cluster("lab", "lab", f"http://127.0.0.1:{dashboard.server_port}", None)


def node(name: str, resources: dict[str, float], labels: dict[str, str]) -> dict[str, Any]:
    return {
        "node_id": name,
        "node_ip": "10.0.0.1",
        "is_head_node": False,
        "state": "ALIVE",
        "resources_total": resources,
        "labels": labels,
    }


def test_without_numbers_an_experiment_has_the_whole_machine(cluster: Cluster) -> None:
    placement = PlacementRecord("g4dn.12xlarge", use_spot=True)
    assert settle(cluster, placement, WHOLE) == (placement, Resources(48, 4, None))
    assert placement.labels() == {
        "gridray/instance-type": "g4dn.12xlarge",
        "ray.io/market-type": "spot",
    }


@pytest.mark.parametrize(
    ("asked", "gets"),
    [
        (Resources(0, 1), Resources(12, 1, 45_000_000_000)),
        (Resources(0, 3), Resources(36, 3, 135_000_000_000)),
        (Resources(0, 4), Resources(48, 4)),
        (Resources(0, 0.5), Resources(6, 0.5, 22_500_000_000)),
        (Resources(0, 0.3), Resources(3, 0.3, 13_500_000_000)),
        (Resources(0, 0.05), Resources(0.6, 0.05, 2_250_000_000)),
        (Resources(0, 1, 10**9), Resources(12, 1, 10**9)),
        (Resources(2, 1), Resources(2, 1)),
        (Resources(2, 0), Resources(2, 0)),
        (Resources(0, 0, 10**9), Resources(48, 4, 10**9)),
        (Resources(0, 8), Resources(48, 8)),
    ],
)
def test_a_share_of_a_machine(asked: Resources, gets: Resources) -> None:
    found = share(asked, G12)
    assert found == gets
    if asked.gpus and found.gpus <= 4 and found.memory:
        assert int(4 / found.gpus) * found.memory <= G12["memory"]
        assert int(4 / found.gpus) * found.cpus <= G12["CPU"]


def test_a_share_of_a_machine_without_gpus() -> None:
    assert share(WHOLE, {"CPU": 2}) == Resources(2, 0)
    assert share(Resources(0, 1), {"CPU": 2, "memory": 1e9}) == Resources(2, 1)


@pytest.mark.parametrize(
    ("placement", "asked", "told", "mend"),
    [
        (
            PlacementRecord("m5.large"),
            WHOLE,
            "the cluster lab has no on-demand m5.large nodes; its worker groups are: spot "
            "g4dn.xlarge, on-demand g4dn.xlarge, spot g4dn.12xlarge",
            "give the cluster a group of on-demand m5.large nodes",
        ),
        (PlacementRecord("g4dn.12xlarge"), WHOLE, "no on-demand g4dn.12xlarge nodes", "a group"),
        (PlacementRecord("g4dn.xlarg"), WHOLE, "no on-demand g4dn.xlarg nodes", "did you mean g4"),
        (PlacementRecord("gd4n.12xlarge"), WHOLE, "groups are: spot", "did you mean g4dn.12xlarge"),
        (PlacementRecord("m5.larg"), WHOLE, "no on-demand m5.larg nodes", "did you mean m5.large"),
        (PlacementRecord("abacus"), WHOLE, "no on-demand abacus nodes", "a group of on-demand aba"),
        (PlacementRecord("p3.2xlarge", use_spot=True), WHOLE, "no spot p3.2xlarge nodes", "a gro"),
        (
            PlacementRecord("g4dn.12xlarge", use_spot=True, spot_fallback=600),
            WHOLE,
            "--spot-fallback needs one: the cluster lab has no on-demand g4dn.12xlarge nodes",
            "a group of on-demand g4dn.12xlarge nodes",
        ),
        (
            PlacementRecord("g4dn.xlarge", use_spot=True, disk_gb=200),
            WHOLE,
            "--disk_size asks for 200 GB, but no spot g4dn.xlarge node of the cluster lab has more "
            "than 100 GB",
            "larger disks",
        ),
        (PlacementRecord(disk_gb=1000), WHOLE, "asks for 1,000 GB", "larger disks"),
        (
            PlacementRecord("g4dn.xlarge"),
            Resources(0, 2),
            "--gpus asks for 2 GPUs, but no on-demand g4dn.xlarge node of the cluster lab has more "
            "than 1",
            "ask for less",
        ),
        (
            PlacementRecord("g4dn.xlarge"),
            Resources(8, 0),
            "--cpus asks for 8 CPUs, but no on-demand g4dn.xlarge node of the cluster lab has more",
            "ask for less",
        ),
        (PlacementRecord(use_spot=True), Resources(0, 5), "no spot node of the cluster", "less"),
    ],
)
def test_what_a_cluster_does_not_have_is_named(
    cluster: Cluster, placement: PlacementRecord, asked: Resources, told: str, mend: str
) -> None:
    with pytest.raises(ClusterError) as caught:
        settle(cluster, placement, asked)
    assert told in caught.value.message
    assert mend in str(caught.value.hint)


def test_a_cluster_that_gridray_has_made_can_be_edited(cluster: Cluster) -> None:
    path = settings.home() / "clusters" / "lab" / "cluster.yaml"
    path.parent.mkdir(parents=True)
    path.touch()
    with pytest.raises(ClusterError) as caught:
        settle(cluster, PlacementRecord("m5.large"), WHOLE)
    assert "`gridray clusters edit lab` gives it a group" in str(caught.value.hint)


def test_only_disks_that_are_large_enough_will_do(cluster: Cluster) -> None:
    wanted = PlacementRecord(disk_gb=200)
    placement, resources = settle(cluster, wanted, WHOLE)
    assert placement.disks == (300,) and resources == Resources(1, 0)
    assert placement.labels() == {"gridray/disk-gb": "in(300)"}
    # Again on a cluster that has others.
    assert settle(cluster, PlacementRecord(disk_gb=50, disks=(300,)), WHOLE)[0].disks == ()


@pytest.mark.parametrize(
    ("placement", "told"),
    [
        (PlacementRecord("g4dn.xlarge"), "--instance_type g4dn.xlarge: the cluster lab has no"),
        (PlacementRecord(use_spot=True), "--use_spot: the cluster lab has no worker groups with"),
        (PlacementRecord(disk_gb=5), "--disk_size 5: the cluster lab has no worker groups"),
    ],
)
def test_a_cluster_without_groups(
    dashboard: Dashboard, placement: PlacementRecord, told: str
) -> None:
    cluster = tell(dashboard, None, node("n", {"CPU": 64, "GPU": 8}, {"ray.io/node-id": "n"}))
    with pytest.raises(ClusterError) as caught:
        settle(cluster, placement, WHOLE)
    assert told in caught.value.message and "leave out --" in str(caught.value.hint)
    assert settle_any(cluster, None, WHOLE) == (None, Resources(1, 0))


def test_nodes_that_somebody_has_labelled_are_a_group_too(dashboard: Dashboard) -> None:
    labels = {"ray.io/market-type": "spot"}
    cluster = tell(dashboard, None, node("n", {"CPU": 64, "GPU": 8}, labels))
    wanted = PlacementRecord(use_spot=True)
    assert settle(cluster, wanted, Resources(0, 8)) == (wanted, Resources(1, 8))
    with pytest.raises(ClusterError, match=r"no spot g5.xlarge nodes; its worker groups are: spot"):
        settle(cluster, PlacementRecord("g5.xlarge", use_spot=True), WHOLE)


def test_a_cluster_that_does_not_say_what_it_can_launch(dashboard: Dashboard) -> None:
    cluster = tell(dashboard, {}, log="nothing of it")
    wanted = PlacementRecord("g4dn.xlarge", use_spot=True)
    assert settle(cluster, wanted, Resources(2, 1)) == (wanted, Resources(2, 1))
    with pytest.raises(ClusterError, match=r"does not say what its spot g4dn.xlarge nodes have"):
        settle(cluster, wanted, Resources(0, 1))
    anywhere = PlacementRecord(use_spot=True)
    assert settle(cluster, anywhere, Resources(0, 1))[1] == Resources(1, 1)
