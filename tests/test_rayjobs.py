"""How Ray's answers become ours: a small real server gives those that a cluster seldom does."""

import json
from typing import Any

import pytest

from gridray.errors import AuthenticationError, ClusterError, UsageError
from gridray.rayjobs import SUPERVISOR, RayJobs, RejectedError
from gridray.rayshapes import Job, JobError, JobStatus, Submission, Use
from tests.dashboard import Dashboard
from tests.s3 import free_ports


@pytest.fixture
def jobs(dashboard: Dashboard) -> RayJobs:
    return RayJobs(f"http://127.0.0.1:{dashboard.server_port}/", "secret-token")


def raw_job(**fields: Any) -> dict[str, Any]:
    return {"submission_id": "a", "status": "FAILED", "message": "m", "error_type": None} | fields


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status": "RUNNING"}, Job("a", JobStatus.RUNNING, message="m")),
        ({"error_type": "JOB_SUPERVISOR_ACTOR_DIED"}, JobError.NODE_LOST),
        ({"error_type": "JOB_SUPERVISOR_ACTOR_START_TIMEOUT"}, JobError.START_TIMEOUT),
        ({"error_type": "RUNTIME_ENV_SETUP_FAILURE"}, JobError.START_FAILED),
        ({"error_type": "JOB_ENTRYPOINT_COMMAND_ERROR"}, JobError.EXIT_CODE),
        ({"error_type": "OF_A_LATER_RAY", "driver_exit_code": 3}, JobError.EXIT_CODE),
        ({"error_type": "OF_A_LATER_RAY"}, JobError.START_FAILED),
    ],
)
def test_rays_words_are_mapped(
    dashboard: Dashboard, jobs: RayJobs, fields: dict[str, Any], expected: Job | JobError
) -> None:
    dashboard.answers["GET", "/api/jobs/"] = (200, [raw_job(**fields), {"submission_id": None}])
    found = jobs.jobs()
    assert list(found) == ["a"]
    assert expected in (found["a"], found["a"].error)


def test_every_error_type_of_ray_is_mapped() -> None:
    from ray.dashboard.modules.job.common import JobErrorType

    from gridray.rayjobs import JOB_ERRORS

    assert {kind.value for kind in JobErrorType} <= set(JOB_ERRORS)


def test_the_supervisor_of_a_job_has_the_name_that_ray_gives_it() -> None:
    from ray.dashboard.modules.job.common import JOB_ACTOR_NAME_TEMPLATE

    assert JOB_ACTOR_NAME_TEMPLATE.format(job_id="run-exp0-a0") == f"{SUPERVISOR}run-exp0-a0"


SUBMISSION = Submission("run-exp0-a0", "true", {"run": "run"}, cpus=1, gpus=0.5, memory=10)


def test_a_submission_says_what_it_needs(dashboard: Dashboard, jobs: RayJobs) -> None:
    dashboard.answers["POST", "/api/jobs/"] = (200, {})
    jobs.submit(SUBMISSION)
    body = json.loads(dashboard.asked[-1][2])
    assert body["entrypoint_num_cpus"] == 1 and body["entrypoint_num_gpus"] == 0.5
    assert body["entrypoint_memory"] == 10 and body["submission_id"] == "run-exp0-a0"


def test_a_job_that_exists_is_adopted_whatever_ray_says(
    dashboard: Dashboard, jobs: RayJobs
) -> None:
    dashboard.answers["POST", "/api/jobs/"] = (500, "Traceback\nValueError: words that may change")
    dashboard.answers["GET", "/api/jobs/run-exp0-a0"] = (200, raw_job(submission_id="run-exp0-a0"))
    jobs.submit(SUBMISSION)


@pytest.mark.parametrize(("status", "error"), [(400, RejectedError), (500, ClusterError)])
def test_a_job_that_ray_does_not_take(
    dashboard: Dashboard, jobs: RayJobs, status: int, error: type[Exception]
) -> None:
    dashboard.answers["POST", "/api/jobs/"] = (status, "Traceback\nwhy it is so")
    with pytest.raises(error, match="why it is so"):
        jobs.submit(SUBMISSION)


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_token_is_named_and_not_shown(
    dashboard: Dashboard, jobs: RayJobs, status: int
) -> None:
    dashboard.answers["GET", "/api/version"] = (status, "no")
    with pytest.raises(AuthenticationError, match="does not take this one") as caught:
        jobs.version()
    assert "secret-token" not in str(caught.value) + str(caught.value.hint)


def test_a_server_that_is_no_dashboard(dashboard: Dashboard, jobs: RayJobs) -> None:
    dashboard.answers["GET", "/api/version"] = (200, "<html>hello</html>")
    with pytest.raises(ClusterError, match="does not answer like a Ray dashboard"):
        jobs.version()


def test_nobody_there() -> None:
    (port,) = free_ports(1)
    with pytest.raises(ClusterError, match=f"no Ray cluster answers at http://127.0.0.1:{port}"):
        RayJobs(f"http://127.0.0.1:{port}").jobs()


@pytest.mark.parametrize("address", ["", "host:8265", "ray://host:10001", "http://"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(UsageError):
        RayJobs(address)


NODES = "/api/v0/nodes?limit=10000&detail=0"
STATUS = "/api/cluster_status"


def listed(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"data": {"result": {"result": list(entries)}}}


def raw_node(**labels: str) -> dict[str, Any]:
    return {
        "node_id": "1",
        "node_ip": "10.0.0.1",
        "is_head_node": True,
        "state": "ALIVE",
        "resources_total": {"CPU": 1.0},
        "labels": labels,
    }


@pytest.mark.parametrize(
    ("status", "labels", "expected"),
    [
        ({"autoscalerReport": {"legacy": False}}, {}, True),
        ({"autoscalerReport": {"legacy": True}}, {}, False),
        (None, {"ray.io/node-group": "gpu"}, True),
        (None, {"ray.io/market-type": "spot"}, False),
    ],
)
def test_whether_a_cluster_gets_nodes_of_its_own(
    dashboard: Dashboard, jobs: RayJobs, status: Any, labels: dict[str, str], expected: bool
) -> None:
    dashboard.answers["GET", STATUS] = (200, {"data": {"clusterStatus": status}})
    dashboard.answers["GET", NODES] = (200, listed(raw_node(**labels)))
    assert jobs.is_autoscaling() is expected


KILLED = {"reason": "RAY_KILL", "error_message": "killed by `ray.kill`"}


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        ({"oom_context": {"error_message": "2 worker(s) were killed"}}, JobError.OUT_OF_MEMORY),
        ({"actor_died_error_context": {"error_message": "memory"}}, None),
        ({"actor_died_error_context": {**KILLED, "never_started": True}}, JobError.WITHDRAWN),
        ({"actor_died_error_context": {**KILLED, "never_started": False}}, None),
        (None, None),
    ],
)
def test_how_the_supervisor_of_a_job_has_ended(
    dashboard: Dashboard, jobs: RayJobs, cause: Any, expected: JobError | None
) -> None:
    path = (
        "/api/v0/actors?limit=10000&detail=1&filter_keys=name&filter_predicates=%3D"
        "&filter_values=_ray_internal_job_actor_run-exp0-a0"
    )
    dashboard.answers["GET", path] = (200, listed({"death_cause": cause}))
    assert jobs.fate("run-exp0-a0") is expected


def test_what_holds_the_resources_of_a_node(dashboard: Dashboard, jobs: RayJobs) -> None:
    path = (
        "/api/v0/actors?limit=10000&detail=1&filter_keys=state&filter_predicates=%3D"
        "&filter_values=ALIVE"
    )
    held = {"node_id": "1", "class_name": "Trainer", "required_resources": {"GPU": 1.0}}
    job = {**held, "name": "_ray_internal_job_actor_run-exp0-a0"}
    nothing = {**held, "name": "free", "required_resources": {}}
    dashboard.answers["GET", path] = (200, listed(job, {**held, "name": ""}, nothing))
    assert jobs.uses() == [
        Use("run-exp0-a0", "1", {"GPU": 1.0}),
        Use("Trainer", "1", {"GPU": 1.0}),
    ]
