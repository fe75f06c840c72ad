"""Nodes that come for what needs them, and are lost: what runs there, and what `why` says."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import gridray
from gridray import actions, autoscaler, settings
from gridray.clusters import capacity
from gridray.clusters.capacity import Fit
from gridray.errors import ClusterError
from gridray.rayshapes import JobError
from gridray.states import Reason, State
from gridray.store import Store
from tests.cluster.autoscaling import NODE_TYPES, AutoscalingCluster, NodeType
from tests.cluster.conftest import wait_for

WAITS = """
import os, sys, time
while not os.path.exists(sys.argv[1]): time.sleep(0.05)
"""
COUNTS = """
import os, time
n = int(open('n').read()) if os.path.exists('n') else 0
print('from', n, flush=True)
while n < 100:
    n += 1
    open('steps', 'a').write(f'{n}\\n')
    open('new', 'w').write(str(n)); os.replace('new', 'n')
    time.sleep(0.1)
"""

# Ray does not start a node with so small an object store.
BROKEN = NodeType({"CPU": 1, "GPU": 4, "object_store_memory": 1}, 1)


def instances(market: str, instance_type: str = "g4dn.xlarge") -> dict[str, str]:
    return {"ray.io/market-type": market, "gridray/instance-type": instance_type}


# They have no GPUs, so that what asks for some comes to none of them.
INSTANCES = {
    "g4dn-xlarge-spot": NodeType({"CPU": 3}, 2, instances("spot")),
    "g4dn-xlarge-on-demand": NodeType({"CPU": 3}, 1, instances("on-demand")),
    # Of these no spot one can be launched.
    "g5-xlarge-spot": NodeType(
        {"CPU": 2, "object_store_memory": 1}, 1, instances("spot", "g5.xlarge")
    ),
    "g5-xlarge-on-demand": NodeType({"CPU": 2}, 1, instances("on-demand", "g5.xlarge")),
}

Submit = Callable[..., gridray.Run]


@pytest.fixture(scope="module")
def auto() -> Iterator[AutoscalingCluster]:
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("GRIDRAY_", "AWS_", "RAY_")):
                patch.delenv(name)
        with AutoscalingCluster(NODE_TYPES | INSTANCES | {"broken": BROKEN}) as cluster:
            yield cluster


@pytest.fixture(scope="module")
def home(auto: AutoscalingCluster) -> Iterator[Path]:
    """A `GRIDRAY_HOME` that knows the cluster as `auto`."""
    path = Path(tempfile.mkdtemp(prefix="gridray-test-"))
    (path / "settings.toml").write_text(f'cluster = "auto"\n{auto.settings}')
    yield path
    shutil.rmtree(path)


@pytest.fixture
def submit(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Submit:
    """Submit a script to the cluster: `submit("print(1)", gpus=1)`."""
    monkeypatch.setenv("GRIDRAY_HOME", str(home))

    def begin(text: str, *args: str, **options: object) -> gridray.Run:
        project = Path(tempfile.mkdtemp(dir=tmp_path))
        (project / "main.py").write_text(text)
        spec = gridray.RunSpec(script="main.py", args=args, root=project, **options)  # type: ignore[arg-type]
        return gridray.submit(spec)

    return begin


def why(name: str) -> Any:
    """Return what `gridray why` says of a run or an experiment."""
    command = [sys.executable, "-m", "gridray", "why", name, "-o", "json"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def test_a_node_comes_for_what_waits_for_one(
    auto: AutoscalingCluster, submit: Submit, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    assert auto.nodes() == {}
    run = submit(WAITS, str(go), gpus=1)
    answer = why(run.name)
    assert answer["because"].startswith("waiting for a node: "), answer
    assert (answer["wait"], answer["asked"]["gpus"]) == ("place", 1)
    wait_for(lambda: bool(auto.nodes()), "a node")
    wait_for(lambda: run.status().experiments[0].state is State.RUNNING, "the experiment")
    (use,) = [use for use in capacity.read(auto.jobs()).uses if use.name == f"{run.name}-exp0-a0"]
    assert use.node_id in auto.nodes() and use.resources == {"CPU": 1, "GPU": 1}
    go.touch()
    (view,) = run.wait(timeout=60).experiments
    assert view.state is State.SUCCEEDED, view


def test_more_than_any_node_could_have_is_called_impossible(
    auto: AutoscalingCluster, submit: Submit
) -> None:
    types = {each.name: each for each in auto.jobs().node_types() or ()}
    assert types["gpu_spot"] == autoscaler.NodeType(
        "gpu_spot",
        {"CPU": 2, "GPU": 1},
        2,
        {"ray.io/market-type": "spot", "ray.io/node-group": "gpu_spot"},
    )
    run = submit(WAITS, "nothing", gpus=8)
    answer = why(run.name)
    assert answer["fit"] == Fit.NEVER.value, answer
    asks = "it can never run: --gpus asks for 8 GPUs, but no node that can be launched has more"
    assert f"{asks} than 4" in answer["because"]
    assert f"gridray stop experiment {run.name}-exp0" in answer["next"]
    run.stop()
    (view,) = run.wait(timeout=60).experiments
    assert (view.state, view.reason) == (State.CANCELLED, Reason.STOPPED)
    waits_no_more(auto, f"{run.name}-exp0-a0")


def waits_no_more(auto: AutoscalingCluster, submission_id: str) -> None:
    """Check that a job has left Ray's queue, so that no node is launched for it."""

    def is_over() -> bool:
        job = auto.jobs().job(submission_id)
        return job is not None and job.status.is_terminal

    wait_for(is_over, "Ray to call the job over", timeout=20)
    assert auto.jobs().fate(submission_id) is JobError.WITHDRAWN


def test_what_is_deleted_while_it_waits_gets_no_node(
    auto: AutoscalingCluster, submit: Submit
) -> None:
    run = submit(WAITS, "nothing", gpus=8)
    wait_for(lambda: run.status().experiments[0].state is State.PENDING, "its submission")
    actions.delete_run(Store(settings.load().store), run.name, force=True)
    waits_no_more(auto, f"{run.name}-exp0-a0")


def test_why_nodes_do_not_come(submit: Submit) -> None:
    run = submit(WAITS, "nothing", gpus=4)
    wait_for(lambda: bool(why(run.name)["fit"] == Fit.LAUNCH_FAILED.value), "a failed launch")
    because = why(run.name)["because"]
    assert "launches have failed lately: broken (Attempting to cap object store" in because
    run.stop()
    run.wait(timeout=60)


def test_what_runs_on_a_node_that_is_lost_goes_on_on_another(
    auto: AutoscalingCluster, submit: Submit
) -> None:
    run = submit(COUNTS, gpus=1, auto_resume=True)
    (experiment,) = run.experiments
    wait_for(lambda: experiment.log() == b"from 0\n", "the first attempt")
    first = auto.jobs().job(f"{run.name}-exp0-a0")
    assert first is not None and first.node_id is not None
    auto.kill_node(first.node_id)
    (view,) = run.wait(timeout=120).experiments
    assert (view.state, view.attempt) == (State.SUCCEEDED, 1), view
    second = auto.jobs().job(f"{run.name}-exp0-a1")
    assert second is not None and second.node_id not in (None, first.node_id)
    (steps,) = experiment.artifacts("^steps$")
    store = Store(settings.load().store)
    assert store.get(steps.key) == b"".join(b"%d\n" % n for n in range(1, 101))
    answer = why(f"{run.name}-exp0")
    assert [each["reason"] for each in answer["attempts"]] == [Reason.NODE_LOST.value, None]
    assert answer["attempts"][0]["ended_at"] is not None


def test_spot_instances_are_where_it_runs_that_asks_for_them(
    auto: AutoscalingCluster, submit: Submit, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    run = submit(WAITS, f"['{go}', '{go}']", instance_type="1_t4_16gb", use_spot=True)
    assert run.status().record.resources.cpus == 3
    wait_for(lambda: run.status().summary.running == 2, "both experiments", timeout=90)
    places = {use.name: use.node_id for use in capacity.read(auto.jobs()).uses}
    # Two nodes of one machine share a directory, and one may begin while the other unpacks.
    names = [f"{each.name}-a{each.attempt}" for each in run.status().experiments]
    nodes = [auto.nodes()[places[name]] for name in names]
    assert {node.group for node in nodes} == {"g4dn-xlarge-spot"}
    # Each has a node of its own, and there may be no third.
    assert len({node.node_id for node in nodes}) == 2
    more = submit(WAITS, str(go), instance_type="g4dn.xlarge", use_spot=True, cpus=2)
    assert more.status().record.resources.cpus == 2
    answer = why(more.name)
    assert "g4dn-xlarge-spot has as many nodes as it may, 2; 0 of 6 CPUs free" in answer["because"]
    go.touch()
    assert run.wait(timeout=60).summary.succeeded == 2
    assert more.wait(timeout=60).summary.succeeded == 1
    anew = more.rerun()
    assert anew.wait(timeout=60).summary.succeeded == 1
    first, second = more.status().record, anew.status().record
    assert (first.placement, first.resources) == (second.placement, second.resources)
    job = auto.jobs().job(f"{anew.name}-exp0-a{anew.status().experiments[0].attempt}")
    assert job is not None and job.node_id in {node.node_id for node in nodes}


def test_an_on_demand_node_comes_where_no_spot_one_does(
    auto: AutoscalingCluster, submit: Submit, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    run = submit(WAITS, str(go), instance_type="g5.xlarge", use_spot=True, spot_fallback=15)
    answer = why(run.name)
    assert "an on-demand node will do" in answer["because"], answer
    wait_for(lambda: run.status().summary.running == 1, "the experiment", timeout=120)
    (view,) = run.status().experiments
    assert view.attempt >= 1 and view.has_fallen_back
    job = auto.jobs().job(f"{view.name}-a{view.attempt}")
    assert job is not None and job.node_id is not None
    assert auto.nodes()[job.node_id].group == "g5-xlarge-on-demand"
    assert auto.jobs().fate(f"{run.name}-exp0-a0") is JobError.WITHDRAWN
    go.touch()
    (view,) = run.wait(timeout=60).experiments
    assert view.state is State.SUCCEEDED


def test_instances_that_the_cluster_does_not_have(submit: Submit) -> None:
    with pytest.raises(ClusterError, match=r"no spot p3.2xlarge nodes; its worker groups are"):
        submit(WAITS, "x", instance_type="p3.2xlarge", use_spot=True)
    with pytest.raises(ClusterError, match=r"--gpus asks for 2 GPUs, but no spot g4dn.xlarge"):
        submit(WAITS, "x", instance_type="g4dn.xlarge", use_spot=True, gpus=2)
