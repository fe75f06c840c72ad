"""What the controller sees, on a dashboard that gives the answers that it is told."""

from typing import Any

import pytest

from gridray import layout
from gridray.controller.decisions import RunView, Snapshot
from gridray.controller.sight import LONG_WAIT, RUNNING_READ, Sight
from gridray.errors import GridrayError
from gridray.layout import AttemptName
from gridray.rayjobs import RayJobs
from gridray.rayshapes import JobError
from gridray.records import AttemptState, Resources, Row
from gridray.states import State
from gridray.store import Store
from tests.builders import run_record
from tests.dashboard import Dashboard

NOW = 1000.0
NODES = "/api/v0/nodes?limit=10000&detail=0"
ACTOR = (
    "/api/v0/actors?limit=10000&detail=1&filter_keys=name&filter_predicates=%3D"
    "&filter_values=_ray_internal_job_actor_run-exp0-a0"
)


def listed(*entries: dict[str, Any]) -> tuple[int, Any]:
    return 200, {"data": {"result": {"result": list(entries)}}}


def raw_job(index: int, status: str, **fields: Any) -> dict[str, Any]:
    experiment = f"run-exp{index}"
    metadata = {
        "run": "run",
        "experiment": experiment,
        "attempt": "0",
        "identity": "identity-of-run",
    }
    return {
        "submission_id": f"{experiment}-a0",
        "status": status,
        "metadata": metadata,
        "driver_node_id": "n1",
    } | fields


def raw_node(node_id: str, gpus: int = 0) -> dict[str, Any]:
    return {
        "node_id": node_id,
        "node_ip": "10.0.0.1",
        "is_head_node": False,
        "state": "ALIVE",
        "resources_total": {"CPU": 4, "GPU": gpus},
        "labels": {},
    }


class Look:
    """One look after another at one run."""

    def __init__(self, dashboard: Dashboard, store: Store) -> None:
        self.told: list[GridrayError] = []
        jobs = RayJobs(f"http://127.0.0.1:{dashboard.server_port}")
        self.sight = Sight(store, jobs, lambda: NOW, self.told.append)

    def __call__(self, rows: list[Row], **fields: Any) -> Snapshot:
        return self.sight.look([RunView(run_record("run", len(rows), **fields), rows)])


@pytest.fixture
def directory(tmp_path: Any) -> Store:
    return Store(str(tmp_path / "store"))


CANCELLED = {"actor_died_error_context": {"reason": "RAY_KILL", "never_started": True}}


@pytest.mark.parametrize(
    ("nodes", "fields", "cause", "expected"),
    [
        (["n1"], {}, {"oom_context": {}}, JobError.OUT_OF_MEMORY),
        (["n1"], {}, {"actor_died_error_context": {}}, JobError.RUNNER_LOST),
        # A node that is gone needs no other cause, and is not asked about each of its jobs.
        (["n2"], {}, None, JobError.NODE_LOST),
        (["n1"], {"driver_node_id": None}, CANCELLED, JobError.WITHDRAWN),
        # It was placed, and its node went before it began.
        (["n1"], {"driver_node_id": None}, {"actor_died_error_context": {}}, JobError.NODE_LOST),
    ],
)
def test_what_ray_calls_a_lost_node_is_told_apart(
    dashboard: Dashboard,
    directory: Store,
    nodes: list[str],
    fields: dict[str, Any],
    cause: Any,
    expected: JobError,
) -> None:
    error_type = "JOB_SUPERVISOR_ACTOR_UNKNOWN_FAILURE"
    lost = raw_job(0, "FAILED", error_type=error_type, **fields)
    dashboard.answers["GET", "/api/jobs/"] = (200, [lost])
    dashboard.answers["GET", NODES] = listed(*map(raw_node, nodes))
    if cause is not None:
        dashboard.answers["GET", ACTOR] = listed({"death_cause": cause})
    seen = Look(dashboard, directory)([Row(State.RUNNING, submitted_at=NOW)])
    assert seen.jobs["run-exp0-a0"].error is expected


def test_a_last_word_needs_no_other_cause(dashboard: Dashboard, directory: Store) -> None:
    lost = raw_job(0, "FAILED", error_type="JOB_SUPERVISOR_ACTOR_DIED")
    dashboard.answers["GET", "/api/jobs/"] = (200, [lost])
    word = AttemptState(State.SUCCEEDED)
    directory.put_json(layout.attempt_state(AttemptName("run", 0, 0)), word.to_json())
    seen = Look(dashboard, directory)([Row(State.RUNNING, submitted_at=NOW)])
    assert seen.attempts == {AttemptName("run", 0, 0): word}
    assert [path for _, path, _ in dashboard.asked] == ["/api/jobs/"]


def test_what_runs_is_read_in_turn(dashboard: Dashboard, directory: Store) -> None:
    count = RUNNING_READ + 10
    names = [AttemptName("run", index, 0) for index in range(count)]
    for name in names:
        directory.put_json(layout.attempt_state(name), AttemptState(State.RUNNING).to_json())
    running = [raw_job(index, "RUNNING") for index in range(count)]
    dashboard.answers["GET", "/api/jobs/"] = (200, running)
    look = Look(dashboard, directory)
    rows = [Row(State.RUNNING, submitted_at=NOW)] * count
    first, second = look(rows).attempts, look(rows).attempts
    assert len(first) == len(second) == RUNNING_READ
    assert set(first) | set(second) == set(names)


def test_what_has_ended_is_read_at_once(dashboard: Dashboard, directory: Store) -> None:
    count = RUNNING_READ + 10
    for index in range(count):
        key = layout.attempt_state(AttemptName("run", index, 0))
        directory.put_json(key, AttemptState(State.SUCCEEDED).to_json())
    ended = [raw_job(index, "SUCCEEDED") for index in range(count)]
    dashboard.answers["GET", "/api/jobs/"] = (200, ended)
    rows = [Row(State.RUNNING, submitted_at=NOW)] * count
    assert len(Look(dashboard, directory)(rows).attempts) == count


def test_one_damaged_word_is_told_and_the_others_are_read(
    dashboard: Dashboard, directory: Store
) -> None:
    directory.put(layout.attempt_state(AttemptName("run", 0, 0)), b"{")
    word = AttemptState(State.SUCCEEDED)
    directory.put_json(layout.attempt_state(AttemptName("run", 1, 0)), word.to_json())
    ended = [raw_job(index, "SUCCEEDED") for index in range(2)]
    dashboard.answers["GET", "/api/jobs/"] = (200, ended)
    look = Look(dashboard, directory)
    seen = look([Row(State.RUNNING, submitted_at=NOW)] * 2)
    assert list(seen.attempts) == [AttemptName("run", 1, 0)] and len(look.told) == 1


def test_what_has_waited_for_long_is_judged(dashboard: Dashboard, directory: Store) -> None:
    dashboard.answers["GET", "/api/jobs/"] = (200, [raw_job(0, "PENDING")])
    dashboard.answers["GET", NODES] = listed(raw_node("n1", gpus=2))
    dashboard.answers["GET", "/api/cluster_status"] = (200, {"data": {"clusterStatus": None}})
    look = Look(dashboard, directory)
    lately = [Row(State.PENDING, submitted_at=NOW - LONG_WAIT / 2)]
    assert look(lately, resources=Resources(1, 8)).infeasible == {}
    long_ago = [Row(State.PENDING, submitted_at=NOW - LONG_WAIT - 1)]
    assert look(long_ago, resources=Resources(1, 2)).infeasible == {}
    (why,) = {*look(long_ago, resources=Resources(1, 8)).infeasible.values()}
    assert "--gpus asks for 8 GPUs" in why and "2" in why
    # Asked once, and not at each look.
    assert [path for _, path, _ in dashboard.asked].count("/api/cluster_status") == 1


def test_what_cannot_be_asked_keeps_nothing_back(dashboard: Dashboard, directory: Store) -> None:
    lost = raw_job(1, "FAILED", error_type="JOB_SUPERVISOR_ACTOR_DIED")
    dashboard.answers["GET", "/api/jobs/"] = (200, [raw_job(0, "PENDING"), lost])
    look = Look(dashboard, directory)
    long_ago = Row(State.PENDING, submitted_at=NOW - LONG_WAIT - 1)
    seen = look([long_ago, Row(State.RUNNING, submitted_at=NOW)])
    assert seen.jobs["run-exp1-a0"].error is JobError.NODE_LOST and seen.infeasible == {}
    assert len(look.told) == 2
