"""How Ray's answers become ours: a small real server gives those that a cluster seldom does."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from gridray.errors import AuthenticationError, ClusterError, UsageError
from gridray.rayjobs import Job, JobError, JobStatus, RayJobs, RejectedError, Submission
from tests.s3 import free_ports


class Dashboard(HTTPServer):
    """Answers what it was told to, and keeps what it was asked."""

    answers: dict[tuple[str, str], tuple[int, Any]]
    asked: list[tuple[str, str, Any]]


class Handler(BaseHTTPRequestHandler):
    server: Dashboard

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        self.server.asked.append((self.command, self.path, body))
        status, answer = self.server.answers.get((self.command, self.path), (404, "unknown"))
        data = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = _answer

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def dashboard() -> Iterator[Dashboard]:
    server = Dashboard(("127.0.0.1", 0), Handler)
    server.answers, server.asked = {}, []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


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
