"""`why`: one clear answer for each state and each reason."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import TypeAdapter

from gridray import layout
from gridray.cli.answer import Answer
from gridray.layout import AttemptName
from gridray.nextsteps import AFTER
from gridray.records import AttemptState, ClusterRecord, Row, RunStatus
from gridray.states import Reason, State
from tests.cli.conftest import NOW, Call, Filler, failed, running, succeeded
from tests.cli.test_status import Dashboard
from tests.clusters.test_groups import TYPES, tell
from tests.dashboard import Dashboard as RayDashboard
from tests.s3 import free_ports

WAITING = Row(queued_at=NOW)


def change_run(filler: Filler, name: str, **fields: Any) -> None:
    """Let the record of a run say something else."""
    key = layout.run_record(name)
    raw = filler.store.get_json(key)
    filler.store.put_json(key, {**raw, **fields})


def ended(reason: Reason, **fields: Any) -> Row:
    return replace(failed(), reason=reason, exit_code=None, **fields)


def test_a_script_that_failed(call: Call, filler: Filler) -> None:
    filler.run("run", [succeeded(), failed()])
    filler.log(AttemptName("run", 1, 0), b"".join(b"line %d\n" % n for n in range(30)))
    result = call("why", "run")
    first, *rest = result.out.splitlines()
    assert (result.code, first) == (0, "run-exp1 is failed: exit code 3")
    assert "the last lines of the script:" in rest
    assert rest[-1] == "  line 29" and "  line 9" not in rest and "  line 10" in rest
    assert "this is about run-exp1" in result.err
    assert "gridray logs run-exp1" in result.err and "gridray retry run-exp1" in result.err


def test_memory_is_told_against_what_was_asked(call: Call, filler: Filler) -> None:
    filler.run("run", [ended(Reason.OUT_OF_MEMORY)])
    change_run(filler, "run", resources={"cpus": 1, "gpus": 0, "memory": 4 * 10**9})
    state = AttemptState(State.FAILED, Reason.OUT_OF_MEMORY, 137, NOW, NOW + 9)
    key = layout.attempt_state(AttemptName("run", 0, 0))
    filler.store.put_json(key, replace(state, peak_memory=3_900_000_000, host="node-7").to_json())
    result = call("why", "run-exp0")
    assert "for want of memory; peak memory 3.9 GB of 4.0 GB asked" in result.out.splitlines()[0]
    assert "node-7" in result.out and "--memory" in result.err
    assert call("why", "run", "-o", "json").json["peak_memory"] == 3_900_000_000


@pytest.mark.parametrize(
    ("reason", "step"),
    [
        (Reason.INTERRUPTED, "gridray run --auto_resume"),
        (Reason.NODE_LOST, "gridray retry run-exp0"),
        (Reason.TIMED_OUT, "--max_time"),
        (Reason.BUILD_FAILED, "gridray logs --show-build-logs run-exp0"),
        (Reason.INFEASIBLE, "less of what no node has"),
    ],
)
def test_each_reason_has_a_next_step(call: Call, filler: Filler, reason: Reason, step: str) -> None:
    filler.run("run", [ended(reason)])
    assert step in call("why", "run").err


def test_who_never_built_is_not_asked_for_a_build_log(call: Call, filler: Filler) -> None:
    filler.run("run", [ended(Reason.BUILD_FAILED)] * 2)
    filler.store.delete(layout.attempt_state(AttemptName("run", 1, 0)))
    result = call("why", "run-exp1")
    assert "gridray why run\n" in result.err and "build-logs" not in result.err


def test_no_reason_is_without_a_next_step() -> None:
    assert set(AFTER) == set(Reason)


def test_what_is_held(call: Call, filler: Filler) -> None:
    alike = [replace(failed(), ended_at=NOW + n) for n in range(5)]
    filler.run("run", [*alike, replace(WAITING, reason=Reason.HELD)])
    result = call("why", "run-exp5")
    first = result.out.splitlines()[0]
    assert first.startswith("run-exp5 is queued: held") and "run-exp0, run-exp1" in first
    assert "gridray retry run\n" in result.err and "gridray retry --held run" in result.err


def test_a_queue_of_its_own(call: Call, filler: Filler) -> None:
    filler.run("run", [running(), WAITING, WAITING])
    change_run(filler, "run", max_parallel=1)
    result = call("why", "run-exp2")
    assert "--max_parallel lets 1 of its run go on at once, and 1 do" in result.out
    assert "1 experiment of its run before it" in result.out


def test_a_back_off(call: Call, filler: Filler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: NOW)
    row = replace(WAITING, attempt=3, reason=Reason.NODE_LOST, not_before=NOW + 60)
    filler.run("run", [row])
    assert "it is tried again in 1 min 0 s (its node was lost)" in call("why", "run").out


def test_a_cluster_that_does_not_answer(call: Call, filler: Filler) -> None:
    address = f"http://127.0.0.1:{free_ports(1)[0]}"
    filler.run("run", [WAITING], cluster=ClusterRecord(address, "far-away"))
    change_run(filler, "run", resources={"cpus": 2, "gpus": 1, "memory": None})
    result = call("why", "run")
    assert result.code == 0
    assert "waiting for 2 CPUs, 1 GPU; the cluster does not answer: no Ray" in result.out
    filler.run("other", [WAITING], cluster=ClusterRecord("forgotten", "forgotten"))
    assert "there is no cluster 'forgotten'" in call("why", "other").out


def remember_local_cluster(port: int) -> None:
    state = {"identity": "test", "port": port, "token": "secret", "variables": {}}
    path = Path(os.environ["GRIDRAY_HOME"], "local", "cluster.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(state))


def test_a_local_cluster_that_is_down(call: Call, filler: Filler) -> None:
    remember_local_cluster(free_ports(1)[0])
    filler.run("run", [WAITING], cluster=ClusterRecord("local", "local-test"))
    result = call("why", "run")
    assert result.out.startswith("run-exp0 is queued: the local cluster is not running")
    assert "gridray clusters up local" in result.err


def test_the_local_cluster_of_another_machine(call: Call, filler: Filler) -> None:
    own = Dashboard()
    remember_local_cluster(own.port)
    filler.run("run", [WAITING], cluster=ClusterRecord("local", "local-of-another-machine"))
    own.up()
    try:
        assert "it is the local one of another machine" in call("why", "run").out
    finally:
        own.down()


def test_what_runs_and_what_has_succeeded(call: Call, filled: Filler) -> None:
    assert call("why", "busy-exp0").out.startswith("busy-exp0 is running: for ")
    result = call("why", "over-exp0")
    assert result.out.startswith("over-exp0 is succeeded: it took 10 s")
    assert "gridray artifacts over-exp0" in result.err


def test_the_json_fits_its_schema(call: Call, filler: Filler) -> None:
    filler.run("run", [failed(), succeeded(), running(), WAITING])
    schema = TypeAdapter(Answer).json_schema(mode="serialization")
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    for index in range(4):
        found = call("why", f"run-exp{index}", "-o", "json").json
        jsonschema.validate(found, schema, format_checker=checker)
        assert found["name"] == f"run-exp{index}"


def test_hostile_text_stays_on_its_line(call: Call, filler: Filler) -> None:
    filler.run("run", [replace(failed(), message="a\x1b[31m\nb")])
    filler.log(AttemptName("run", 0, 0), b"\x1b[2J\x07bell\n")
    result = call("why", "run")
    assert "\x1b" not in result.out and "\x07" not in result.out
    assert json.loads(call("why", "run", "-o", "json").out)["log"] == ["\x1b[2J\x07bell"]


def test_names_that_are_not_there(call: Call, filler: Filler) -> None:
    assert call("why", "nothing").code == 1
    assert call("why", "Not A Name").code == 2
    filler.store.put_json(layout.status("x"), RunStatus(NOW, ()).to_json())
    assert call("why", "x").code == 1


def test_the_log_of_an_earlier_attempt_is_called_so(call: Call, filler: Filler) -> None:
    filler.run("run", [replace(running(), attempt=1)])
    filler.log(AttemptName("run", 0, 0), b"one\n")
    assert "the last lines of the script, of attempt 0:" in call("why", "run").out
    found = call("why", "run", "-o", "json").json
    assert (found["attempt"], found["log_attempt"]) == (1, 0)


def test_a_node_that_is_about_to_be_taken_away(
    call: Call, filler: Filler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: NOW + 5)
    filler.run("run", [running()])
    state = AttemptState(State.RUNNING, started_at=NOW, doomed_at=NOW + 95)
    filler.store.put_json(layout.attempt_state(AttemptName("run", 0, 0)), state.to_json())
    assert "; its node is taken away in 1 min 30 s" in call("why", "run").out


SPOT_FAILED = (
    "Node Launch Exception (MaxSpotInstanceCountExceeded): Max spot instance count exceeded"
)
SPOT = {"instance_type": "g4dn.xlarge", "use_spot": True}


def without_spot(dashboard: RayDashboard) -> ClusterRecord:
    """Let a cluster have no node, and no spot one launched; return it as a run's record has it."""
    cluster = tell(dashboard, TYPES)
    log = f"INFO -- Failed to launch 1 nodes of type g4dn-xlarge-spot: {SPOT_FAILED}\n"
    report = "Recent failures:\n g4dn-xlarge-spot: LaunchFailed (latest_attempt: 10:00:00)\n"
    file = "/api/v0/logs/file?node_id=head&filename=monitor"
    listed: Any = {"data": {"result": {"result": []}}}
    actors = "/api/v0/actors?limit=10000&detail=1&filter_keys=state&filter_predicates=%3D"
    dashboard.answers |= {
        ("GET", f"{file}.log&lines=500"): (200, log),
        ("GET", "/api/cluster_status?format=1"): (200, {"data": {"clusterStatus": report}}),
        ("GET", f"{actors}&filter_values=ALIVE"): (200, listed),
    }
    return ClusterRecord(cluster.address, "lab")


def test_why_no_spot_node_comes(call: Call, filler: Filler, dashboard: RayDashboard) -> None:
    filler.run("run", [WAITING], cluster=without_spot(dashboard))
    change_run(filler, "run", placement=SPOT)
    result = call("why", "run")
    assert "the account has used up its EC2 quota for spot g4dn.xlarge, L-3819A6DF" in result.out
    assert "https://console.aws.amazon.com/servicequotas/home/services/ec2/quotas" in result.out
    assert "--spot-fallback 10m" in result.err and "clusters edit" not in result.err
    found = call("why", "run", "-o", "json").json
    assert found["fit"] == "launch_failed"
    assert found["placement"] == {**SPOT, "disk_gb": None, "spot_fallback": None}


def test_when_an_on_demand_node_will_do(
    call: Call, filler: Filler, dashboard: RayDashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: NOW + 60)
    fallen = replace(WAITING, reason=Reason.SPOT_FALLBACK, has_fallen_back=True)
    filler.run("run", [WAITING, fallen], cluster=without_spot(dashboard))
    change_run(filler, "run", placement={**SPOT, "spot_fallback": 600})
    first = call("why", "run-exp0")
    assert first.out.splitlines()[0].endswith("; in 9 min 0 s an on-demand node will do")
    assert "--spot-fallback" not in first.err
    second = call("why", "run-exp1")
    assert "(no spot instance came in time, so it gets an on-demand one)" in second.out
    assert "launches have failed" not in second.out and "will do" not in second.out
    assert call("why", "run-exp1", "-o", "json").json["has_fallen_back"] is True
    assert "no spot instance came in time" in call("status", "run").out


def test_the_nodes_of_a_cluster_that_does_not_answer(call: Call, filler: Filler) -> None:
    address = f"http://127.0.0.1:{free_ports(1)[0]}"
    filler.run("run", [WAITING], cluster=ClusterRecord(address, "far-away"))
    change_run(filler, "run", placement=SPOT)
    assert "waiting for 1 CPU on spot g4dn.xlarge nodes; the" in call("why", "run").out
