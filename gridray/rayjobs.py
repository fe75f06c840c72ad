"""Ray's Jobs and state REST API, and the one place that maps its statuses and errors to ours.

Source: ray/dashboard/modules/job/job_head.py and state/state_head.py of Ray 2.60.
"""

import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from gridray import autoscaler
from gridray.autoscaler import Launches, Limits, NodeType
from gridray.errors import AuthenticationError, ClusterError, GridrayError, UsageError
from gridray.rayshapes import Job, JobError, JobStatus, Node, Submission, Use

# Seconds: a dashboard on a busy head may think for long, but it is there at once.
CONNECT_TIMEOUT = 5.0
ANSWER_TIMEOUT = 60.0
# The most that the state API gives at once; it gives 100 unasked (ray/util/state/common.py).
STATE_LIMIT = 10_000
# Bytes of the autoscaler's log: it begins with its configuration, and goes on for ever.
LOG_HEAD = 256 * 1024
ALL_LINES = -1
LOG_TAIL = 500
AUTOSCALER_LOGS = ("monitor.out", "monitor.log")
# The names of the actors that supervise jobs. Source: ray/dashboard/modules/job/common.py.
SUPERVISOR = "_ray_internal_job_actor_"
# Their namespace.
SUPERVISORS = "SUPERVISOR_ACTOR_RAY_NAMESPACE"


JOB_ERRORS: dict[str | None, JobError] = {
    "JOB_SUPERVISOR_ACTOR_DIED": JobError.NODE_LOST,
    "JOB_SUPERVISOR_ACTOR_START_TIMEOUT": JobError.START_TIMEOUT,
    "JOB_SUPERVISOR_ACTOR_START_FAILURE": JobError.START_FAILED,
    "JOB_SUPERVISOR_ACTOR_UNSCHEDULABLE": JobError.START_FAILED,
    "JOB_SUPERVISOR_ACTOR_UNKNOWN_FAILURE": JobError.NODE_LOST,
    "RUNTIME_ENV_SETUP_FAILURE": JobError.START_FAILED,
    "JOB_ENTRYPOINT_COMMAND_START_ERROR": JobError.START_FAILED,
    "JOB_ENTRYPOINT_COMMAND_ERROR": JobError.EXIT_CODE,
}


class RejectedError(GridrayError):
    """Ray has looked at a job and did not take it."""


class RayJobs:
    """A client of one cluster's dashboard. It keeps no connection open."""

    def __init__(
        self, address: str, token: str | None = None, *, answer_timeout: float = ANSWER_TIMEOUT
    ) -> None:
        """Name the dashboard, as in `http://127.0.0.1:8265`; nothing is sent yet.

        Raises:
            UsageError: the address is no http(s) URL.
        """
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname or not _has_port(parts):
            raise UsageError(
                f"{address!r} is no address of a Ray dashboard", hint="write http://host:8265"
            )
        self.address = address.rstrip("/")
        self._parts = parts
        self._token = token
        self._answer_timeout = answer_timeout

    def version(self) -> str:
        """Return Ray's version, which also shows that the cluster answers and the token fits."""
        answer = self._json("GET", "/api/version")
        if not isinstance(answer, dict) or "ray_version" not in answer:
            raise self._no_dashboard()
        return str(answer["ray_version"])

    def jobs(self) -> dict[str, Job]:
        """Return every submitted job that the cluster knows, by submission id."""
        listed = self._json("GET", "/api/jobs/")
        found = (_job(raw) for raw in listed if raw.get("submission_id"))
        return {job.submission_id: job for job in found}

    def drivers(self) -> int:
        """Return how many programs are connected that nobody has submitted, as a notebook is."""
        listed = self._json("GET", "/api/jobs/")
        return sum(not raw.get("submission_id") and raw["status"] == "RUNNING" for raw in listed)

    def job(self, submission_id: str) -> Job | None:
        status, body = self._request("GET", f"/api/jobs/{quote(submission_id)}")
        if status == 404:
            return None
        return _job(self._decode("GET", "/api/jobs/", status, body))

    def submit(self, submission: Submission) -> None:
        """Submit a job; one that is there already is adopted.

        Raises:
            RejectedError: Ray refuses it.
            ClusterError: Ray cannot be reached, or has no agent to take it just now.
        """
        body = {
            "entrypoint": submission.entrypoint,
            "submission_id": submission.submission_id,
            "metadata": dict(submission.metadata),
            "runtime_env": dict(submission.runtime_env),
            "entrypoint_num_cpus": submission.cpus or None,
            "entrypoint_num_gpus": submission.gpus or None,
            "entrypoint_memory": submission.memory,
            "entrypoint_label_selector": dict(submission.labels) or None,
        }
        status, answer = self._request("POST", "/api/jobs/", json.dumps(body).encode())
        if status == 200 or self.job(submission.submission_id) is not None:
            return
        if status == 400:
            raise RejectedError(f"Ray refused {submission.submission_id}: {_last_line(answer)}")
        raise ClusterError(f"{self.address} took no job: {_last_line(answer)}")

    def stop(self, submission_id: str) -> None:
        """Ask Ray to stop a job: SIGTERM to all its processes, SIGKILL later. Unknown ones pass."""
        path = f"/api/jobs/{quote(submission_id)}/stop"
        status, body = self._request("POST", path)
        if status != 404:
            self._decode("POST", path, status, body)

    def logs(self, submission_id: str) -> str:
        """Return Ray's own log of a job, which is gone when its node is."""
        return str(self._json("GET", f"/api/jobs/{quote(submission_id)}/logs")["logs"])

    def nodes(self) -> list[Node]:
        """Return the living nodes."""
        return [
            Node(
                node_id=raw["node_id"],
                address=raw["node_ip"],
                is_head=raw["is_head_node"],
                resources=raw["resources_total"],
                labels=raw.get("labels") or {},
            )
            for raw in self._state("nodes")
            if raw["state"] == "ALIVE"
        ]

    def is_autoscaling(self) -> bool:
        """Whether the cluster can get nodes that it does not have now.

        Autoscaler v2 does not say; what starts its nodes names their groups, which nobody does by
        hand. KubeRay does so too where it does not scale.
        """
        answer = self._json("GET", "/api/cluster_status")["data"]["clusterStatus"] or {}
        report = answer.get("autoscalerReport") or {}
        if report:
            return not report.get("legacy", False)
        return any(node.group for node in self.nodes())

    def uses(self) -> list[Use]:
        """Return what jobs and other actors hold now."""
        return [
            Use(
                name=(raw["name"] or raw["class_name"]).removeprefix(SUPERVISOR),
                node_id=raw["node_id"],
                resources=raw["required_resources"],
            )
            for raw in self._state("actors", detail="1", state="ALIVE")
            if raw["node_id"] and raw.get("required_resources")
        ]

    def launches(self) -> Launches:
        """Return what the autoscaler is at; nothing where there is none."""
        answer = self._json("GET", "/api/cluster_status?format=1")["data"]["clusterStatus"] or ""
        found = autoscaler.launches(answer)
        if not found.failed:
            return found
        logs = (self._autoscaler_log(LOG_TAIL, name=name) for name in AUTOSCALER_LOGS)
        return autoscaler.launches(answer, "\n".join(logs))

    def limits(self) -> Limits | None:
        """Return what the autoscaler could launch in all; None as in `node_types`."""
        return autoscaler.limits(self._autoscaler_log(ALL_LINES, LOG_HEAD))

    def node_types(self) -> tuple[NodeType, ...] | None:
        """Return what the autoscaler could launch, as it was configured at its start.

        None: there is no autoscaler, or it does not say. What it calls infeasible would not tell:
        Ray says so also of what has to wait, since the cluster has as many nodes as it may.
        """
        found = self.limits()
        return None if found is None else found.node_types

    def _autoscaler_log(
        self, lines: int, limit: int | None = None, name: str = "monitor.log"
    ) -> str:
        """Return so many last lines of a log of the autoscaler's, and of these so many bytes."""
        head = next((node.node_id for node in self.nodes() if node.is_head), "")
        path = f"/api/v0/logs/file?node_id={head}&filename={name}&lines={lines}"
        status, body = self._request("GET", path, limit=limit)
        return body.decode(errors="replace") if status == 200 else ""

    def fate(self, submission_id: str) -> JobError | None:
        """Return how the supervisor of a job that has lost it has ended; None: that is not known.

        Where a node is low on memory Ray kills the supervisor, not the script that has taken it.
        Source: ActorDeathCause in ray/protobuf/common.proto.
        """
        for raw in self._state("actors", detail="1", name=f"{SUPERVISOR}{submission_id}"):
            cause = raw.get("death_cause") or {}
            died = cause.get("actor_died_error_context") or {}
            if "oom_context" in cause:
                return JobError.OUT_OF_MEMORY
            if died.get("never_started") and died.get("reason") == "RAY_KILL":
                return JobError.WITHDRAWN
        return None

    def has_actor(self, name: str) -> bool:
        """Whether a named actor lives, or is being restarted."""
        actors = self._state("actors", name=name)
        return any(raw["state"] != "DEAD" for raw in actors)

    def has_package(self, name: str) -> bool:
        """Whether the cluster holds the package `gcs://<name>`; it is kept 10 minutes more then."""
        status, body = self._request("GET", f"/api/packages/gcs/{name}")
        if status == 404:
            return False
        self._check("GET", "/api/packages", status, body)
        return True

    def upload_package(self, name: str, data: bytes) -> None:
        status, body = self._request("PUT", f"/api/packages/gcs/{name}", data)
        self._check("PUT", "/api/packages", status, body)

    def _state(self, kind: str, detail: str = "0", **equal: str) -> list[Any]:
        """Return the entries of the state API whose fields are equal to these."""
        query = [("limit", str(STATE_LIMIT)), ("detail", detail)]
        for name, value in equal.items():
            query += [("filter_keys", name), ("filter_predicates", "=")]
            query.append(("filter_values", value))
        answer = self._json("GET", f"/api/v0/{kind}?{urlencode(query)}")
        return list(answer["data"]["result"]["result"])

    def _json(self, method: str, path: str) -> Any:
        status, body = self._request(method, path)
        return self._decode(method, path, status, body)

    def _decode(self, method: str, path: str, status: int, body: bytes) -> Any:
        self._check(method, path, status, body)
        try:
            return json.loads(body)
        except ValueError as error:
            raise self._no_dashboard() from error

    def _no_dashboard(self) -> ClusterError:
        return ClusterError(
            f"{self.address} does not answer like a Ray dashboard",
            hint="give the address of the dashboard, by default port 8265 of the head node",
        )

    def _check(self, method: str, path: str, status: int, body: bytes) -> None:
        if status != 200:
            raise ClusterError(
                f"{self.address} answered {status} to {method} {path}: {_last_line(body)}"
            )

    def _request(
        self, method: str, path: str, body: bytes | None = None, limit: int | None = None
    ) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        connection = self._connection()
        try:
            connection.connect()
            connection.sock.settimeout(self._answer_timeout)
            connection.request(method, self._parts.path.rstrip("/") + path, body, headers)
            response = connection.getresponse()
            status, answer = response.status, response.read(limit)
        except (OSError, http.client.HTTPException) as error:
            raise ClusterError(
                f"no Ray cluster answers at {self.address}: {error or type(error).__name__}",
                hint="check that the cluster runs and that the address is its dashboard's",
            ) from error
        finally:
            connection.close()
        if status in (401, 403):
            raise AuthenticationError(
                f"{self.address} wants a token, and "
                + ("does not take this one" if self._token else "none is set"),
                hint="set RAY_AUTH_TOKEN, or the token of the cluster in settings.toml",
            )
        return status, answer

    def _connection(self) -> http.client.HTTPConnection:
        host = self._parts.hostname
        assert host is not None
        if self._parts.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(
                host, self._parts.port, timeout=CONNECT_TIMEOUT, context=context
            )
        return http.client.HTTPConnection(host, self._parts.port, timeout=CONNECT_TIMEOUT)


def _has_port(parts: SplitResult) -> bool:
    """Whether the port, if there is one, is a number that ports have."""
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


def _job(raw: Mapping[str, Any]) -> Job:
    status = JobStatus(raw["status"])
    error = None
    if status is JobStatus.FAILED:
        unknown = JobError.EXIT_CODE if raw.get("driver_exit_code") else JobError.START_FAILED
        error = JOB_ERRORS.get(raw.get("error_type"), unknown)
    return Job(
        submission_id=raw["submission_id"],
        status=status,
        error=error,
        exit_code=raw.get("driver_exit_code"),
        message=raw.get("message") or "",
        node_id=raw.get("driver_node_id"),
        metadata=raw.get("metadata") or {},
    )


def _last_line(body: bytes) -> str:
    lines = body.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "nothing"
