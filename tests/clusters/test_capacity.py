"""Whether an experiment fits: a table of clusters and what follows."""

from collections.abc import Mapping
from typing import Any

import pytest

from gridray.autoscaler import Launches, NodeType
from gridray.clusters.capacity import Capacity, Fit, Shortage, shortage, verdict
from gridray.rayshapes import Node, Use
from gridray.records import Resources

HEAD = Node("head", "10.0.0.1", True, {"CPU": 2.0, "memory": 8e9})
GPU = Node("gpu", "10.0.0.2", False, {"CPU": 4.0, "GPU": 2.0, "memory": 16e9})
BUSY = (
    Use("a-exp0-a0", "gpu", {"CPU": 1.0, "GPU": 1.0}),
    Use("b-exp3-a1", "gpu", {"CPU": 1.0, "GPU": 1.0}),
)
ONE_GPU = Resources(cpus=1, gpus=1)
EIGHT_GPUS = Resources(cpus=1, gpus=8)


def capacity(*nodes: Node, **fields: Any) -> Capacity:
    return Capacity(nodes=nodes, **fields)


SCALING: Mapping[str, Any] = {"is_autoscaling": True}
TYPES = (
    NodeType("gpu_spot", {"CPU": 8, "GPU": 4}, 2),
    NodeType("off", {"CPU": 8, "GPU": 8}, 0),
)


@pytest.mark.parametrize(
    ("seen", "wanted", "fit", "told"),
    [
        (capacity(HEAD, GPU), ONE_GPU, Fit.NOW, "1 GPU, 1 CPU free"),
        (capacity(HEAD, GPU, uses=BUSY[:1]), ONE_GPU, Fit.NOW, "in a moment"),
        (
            capacity(HEAD, GPU, uses=BUSY),
            ONE_GPU,
            Fit.AFTER_OTHERS,
            "waiting for 1 GPU, 1 CPU: 0 of 2 GPUs free; in use by a-exp0-a0, b-exp3-a1",
        ),
        (
            capacity(GPU, uses=BUSY, launches=Launches(("gpu_spot",)), **SCALING),
            ONE_GPU,
            Fit.LAUNCHING,
            "waiting for a node: gpu_spot being launched",
        ),
        (
            capacity(HEAD, launches=Launches(("gpu_spot",), {"gpu_spot": ""}), **SCALING),
            ONE_GPU,
            Fit.LAUNCH_FAILED,
            "waiting for a node, but launches have failed lately: gpu_spot",
        ),
        (
            capacity(HEAD, launches=Launches(("a", "b"), {"b": "no more"}), **SCALING),
            ONE_GPU,
            Fit.LAUNCHING,
            "waiting for a node: a being launched; launches have failed lately: b (no more)",
        ),
        (
            capacity(HEAD, launches=Launches((), {"gpu_spot": "no more"}), **SCALING),
            ONE_GPU,
            Fit.LAUNCH_FAILED,
            "launches have failed lately: gpu_spot (no more)",
        ),
        (capacity(HEAD, **SCALING), ONE_GPU, Fit.UNDECIDED, "waiting for a node"),
        (
            capacity(HEAD, GPU),
            EIGHT_GPUS,
            Fit.NEVER,
            "--gpus asks for 8 GPUs, but no node of the cluster has more than 2",
        ),
        (
            capacity(GPU, node_types=TYPES, launches=Launches(("gpu_spot",)), **SCALING),
            EIGHT_GPUS,
            Fit.NEVER,
            "no node that can be launched has more than 4",
        ),
        (capacity(HEAD, node_types=TYPES, **SCALING), ONE_GPU, Fit.UNDECIDED, "a node"),
        (capacity(HEAD, GPU, **SCALING), EIGHT_GPUS, Fit.UNDECIDED, "a node"),
        (
            capacity(GPU),
            Resources(cpus=1, memory=32 * 10**9),
            Fit.NEVER,
            "--memory asks for 32 GB of memory, but no node of the cluster has more than 16",
        ),
        (
            capacity(HEAD, GPU, uses=(Use("big", "gpu", {"memory": 10e9}),)),
            Resources(cpus=1, memory=10 * 10**9),
            Fit.AFTER_OTHERS,
            "6 of 16 GB of memory free; in use by big",
        ),
    ],
)
def test_what_a_cluster_has_for_an_experiment(
    seen: Capacity, wanted: Resources, fit: Fit, told: str
) -> None:
    found = verdict(seen, wanted)
    assert found.fit is fit and told in found.text, found


def test_shares_of_a_gpu_add_up() -> None:
    uses = tuple(Use(f"run-exp{n}-a0", "gpu", {"GPU": 0.3}) for n in range(3))
    seen = capacity(Node("gpu", "10.0.0.2", False, {"CPU": 4.0, "GPU": 1.0}), uses=uses)
    assert verdict(seen, Resources(cpus=1, gpus=0.1)).fit is Fit.NOW
    assert verdict(seen, Resources(cpus=1, gpus=0.2)).fit is Fit.AFTER_OTHERS


def test_many_that_hold_a_place_are_counted() -> None:
    uses = tuple(Use(f"run-exp{n}-a0", "gpu", {"GPU": 0.25}) for n in range(8))
    assert "run-exp4-a0 and 3 more" in verdict(capacity(GPU, uses=uses), ONE_GPU).text


def test_no_node_that_has_it_all_together() -> None:
    nodes = [{"CPU": 64.0}, {"CPU": 4.0, "GPU": 8.0}]
    assert shortage(nodes, Resources(cpus=64, gpus=8)) == Shortage(
        None, "64 CPUs, 8 GPUs and 0 GB of memory"
    )
    assert shortage(nodes, Resources(cpus=4, gpus=8)) is None
    assert shortage([], Resources(cpus=1)) == Shortage("--cpus", "1 CPU", "0")


@pytest.mark.parametrize(
    ("ahead", "fit", "told"),
    [
        (1, Fit.NOW, "1 GPU, 1 CPU free, so it starts in a moment"),
        (2, Fit.AFTER_OTHERS, "there is room for 2, and others come first"),
    ],
)
def test_those_before_it_come_first(ahead: int, fit: Fit, told: str) -> None:
    found = verdict(capacity(HEAD, GPU), ONE_GPU, ahead)
    assert found.fit is fit and told in found.text, found


def test_nothing_is_placed_on_a_node_that_is_about_to_be_taken_away() -> None:
    doomed = frozenset({GPU.node_id})
    found = verdict(capacity(HEAD, GPU, doomed=doomed), ONE_GPU)
    assert found.fit is Fit.UNDECIDED and "is about to be taken away" in found.text
    launching = capacity(HEAD, GPU, doomed=doomed, launches=Launches(("gpu_spot",)), **SCALING)
    assert verdict(launching, ONE_GPU).fit is Fit.LAUNCHING
    other = Node("other", "10.0.0.9", False, GPU.resources)
    assert verdict(capacity(GPU, other, doomed=doomed), ONE_GPU).fit is Fit.NOW
    uses = (Use("a-exp0-a0", "other", {"GPU": 2.0}),)
    busy = verdict(capacity(GPU, other, doomed=doomed, uses=uses), ONE_GPU)
    assert "0 of 2 GPUs free; in use by a-exp0-a0" in busy.text


SPOT = {"gridray/instance-type": "g4dn.xlarge", "ray.io/market-type": "spot"}
ON_DEMAND = {**SPOT, "ray.io/market-type": "on-demand"}
GROUPS = (
    NodeType("g-spot", {"CPU": 4, "GPU": 1}, 2, SPOT),
    NodeType("g-on-demand", {"CPU": 8, "GPU": 2}, 2, ON_DEMAND),
)
NO_CAPACITY = "Node Launch Exception (InsufficientInstanceCapacity): none"


def labelled(name: str, kind: NodeType) -> Node:
    return Node(
        name,
        "10.0.0.3",
        False,
        kind.resources,
        {**kind.labels, "ray.io/node-group": kind.name},
    )


SPOTS = [labelled(f"spot{number}", GROUPS[0]) for number in range(2)]
OTHER = labelled("other", GROUPS[1])
BUSY_SPOTS = tuple(Use(f"run-exp{n}-a0", f"spot{n}", {"CPU": 4, "GPU": 1}) for n in range(2))
GROUPED: Mapping[str, Any] = {"is_autoscaling": True, "node_types": GROUPS}


@pytest.mark.parametrize(
    ("seen", "wanted", "fit", "told"),
    [
        (capacity(HEAD, OTHER, *SPOTS[:1], **GROUPED), ONE_GPU, Fit.NOW, "1 GPU, 1 CPU free"),
        (capacity(HEAD, OTHER, **GROUPED), ONE_GPU, Fit.UNDECIDED, "waiting for a node"),
        (
            capacity(HEAD, OTHER, launches=Launches(("g-on-demand",)), **GROUPED),
            ONE_GPU,
            Fit.UNDECIDED,
            "has not launched one yet",
        ),
        (
            capacity(HEAD, launches=Launches(("g-spot", "g-on-demand")), **GROUPED),
            ONE_GPU,
            Fit.LAUNCHING,
            "waiting for a node: g-spot being launched",
        ),
        (
            capacity(
                HEAD,
                OTHER,
                launches=Launches(
                    (), {"g-spot": NO_CAPACITY, "g-on-demand": "x"}, {"g4dn.xlarge": ("b", "a")}
                ),
                **GROUPED,
            ),
            ONE_GPU,
            Fit.LAUNCH_FAILED,
            "failed lately: g-spot (AWS has no spot g4dn.xlarge to give in b, a (Insuff",
        ),
        (
            capacity(HEAD, OTHER, **GROUPED),
            Resources(cpus=1, gpus=2),
            Fit.NEVER,
            "--gpus asks for 2 GPUs, but no node that can be launched has more than 1",
        ),
        (
            capacity(HEAD, OTHER, is_autoscaling=True, node_types=GROUPS[1:]),
            ONE_GPU,
            Fit.NEVER,
            "the cluster has no spot g4dn.xlarge nodes, and none can be launched",
        ),
        (capacity(HEAD, GPU), ONE_GPU, Fit.NEVER, "the cluster has no spot g4dn.xlarge nodes"),
        (capacity(HEAD, OTHER, **SCALING), ONE_GPU, Fit.UNDECIDED, "waiting for a node"),
        (
            capacity(HEAD, OTHER, *SPOTS, uses=BUSY_SPOTS, **GROUPED),
            ONE_GPU,
            Fit.AFTER_OTHERS,
            "waiting for 1 GPU, 1 CPU: g-spot has as many nodes as it may, 2; 0 of 8 CPUs free,"
            " 0 of 2 GPUs free; in use by run-exp0-a0, run-exp1-a0",
        ),
        (
            capacity(HEAD, OTHER, *SPOTS[:1], uses=BUSY_SPOTS, max_workers=2, **GROUPED),
            ONE_GPU,
            Fit.AFTER_OTHERS,
            "the cluster has as many workers as it may, 2; 0 of 4 CPUs free",
        ),
        (
            capacity(HEAD, OTHER, max_workers=1, **GROUPED),
            ONE_GPU,
            Fit.AFTER_OTHERS,
            "waiting for 1 GPU, 1 CPU: the cluster has as many workers as it may, 1",
        ),
    ],
)
def test_only_nodes_with_its_labels_count(
    seen: Capacity, wanted: Resources, fit: Fit, told: str
) -> None:
    found = verdict(seen, wanted, selector=SPOT)
    assert found.fit is fit and told in found.text, found
    assert ("edit" in "".join(found.mends)) == ("as it may" in told or "AWS" in told)


def test_one_of_several_values_will_do() -> None:
    selector = {**ON_DEMAND, "gridray/instance-type": "in(g4dn.xlarge, g5.xlarge)"}
    assert verdict(capacity(OTHER), ONE_GPU, selector=selector).fit is Fit.NOW
    found = verdict(capacity(*SPOTS), ONE_GPU, selector={"gridray/disk-gb": "in(200, 300)"})
    assert found.text == (
        "it can never run: the cluster has no 200 or 300 GB nodes, and none can be launched"
    )
