"""What the autoscaler says is understood: its words come from Ray's own code."""

from typing import Any

import pytest

from gridray import autoscaler
from gridray.autoscaler import Launches, Limits, NodeType


def report(**fields: Any) -> str:
    """Return the report that Ray makes of a state."""
    from ray.autoscaler.v2.schema import ClusterStatus
    from ray.autoscaler.v2.utils import ClusterStatusFormatter

    return str(ClusterStatusFormatter.format(ClusterStatus(**fields)))


def launch(node_type: str, count: int, details: str | None = None) -> Any:
    from ray.autoscaler.v2.schema import LaunchRequest

    return LaunchRequest(
        instance_type_name="",
        ray_node_type_name=node_type,
        count=count,
        state=LaunchRequest.Status.PENDING,
        request_ts_s=1,
        details=details,
    )


def node(node_type: str) -> Any:
    from ray.autoscaler.v2.schema import NodeInfo

    return NodeInfo(
        instance_type_name="",
        ray_node_type_name=node_type,
        instance_id="id-1",
        ip_address="10.0.0.1",
        node_status="",
        details="starting ray",
    )


def test_nodes_to_come() -> None:
    told = report(
        pending_launches=[launch("gpu_spot", 2), launch("cpu", 1)], pending_nodes=[node("tpu")]
    )
    assert autoscaler.launches(told) == Launches(("gpu_spot", "cpu", "tpu"))


def test_launches_that_failed_and_not_nodes_that_ended() -> None:
    failures = [launch("gpu_spot", 1, "InsufficientInstanceCapacity"), launch("gpu_spot", 1)]
    told = report(failed_launches=failures, failed_nodes=[node("cpu")])
    assert autoscaler.launches(told) == Launches((), {"gpu_spot": ""})
    log = (
        "2026-11-23 08:46:01,000\tINFO node_provider.py:491 -- "
        "Failed to launch 1 nodes of type gpu_spot: MaxSpotInstanceCountExceeded: 0\nand so on"
    )
    assert autoscaler.launches(told, log).failed == {"gpu_spot": "MaxSpotInstanceCountExceeded: 0"}
    assert autoscaler.launches("", log) == Launches()


@pytest.mark.parametrize("told", ["", report(), "Pending:"])
def test_nothing_to_say(told: str) -> None:
    assert autoscaler.launches(told) == Launches()


LOG = """2026-11-23 08:46:00,737\tINFO monitor.py:122 -- Starting
2026-11-23 08:46:00,741\tINFO autoscaler.py:73 -- Using Autoscaling Config: 
max_workers: 4
available_node_types:
  head:
    resources: {CPU: 1}
    max_workers: 0
  gpu_spot:
    resources:
      CPU: 2
      GPU: 1
    max_workers: 2
"""
NEXT = "\n2026-11-23 08:46:01,000\tINFO autoscaler.py:99 -- and so on\n"


def test_what_the_autoscaler_could_launch() -> None:
    assert autoscaler.limits(LOG + NEXT) == Limits(
        (
            NodeType("head", {"CPU": 1}, 0),
            NodeType("gpu_spot", {"CPU": 2, "GPU": 1}, 2),
        ),
        4,
    )


@pytest.mark.parametrize(
    "log", ["", LOG, NEXT, LOG.replace("available", "other") + NEXT, LOG + "  - [\n" + NEXT]
)
def test_a_log_that_does_not_say(log: str) -> None:
    assert autoscaler.limits(log) is None
