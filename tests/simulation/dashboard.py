"""Ray's dashboard in front of the played cluster: a real HTTP server on loopback.

The routes and answers are those of ray/dashboard/modules/job/job_head.py and state/state_head.py of
Ray 2.60. A list of the jobs moves the cluster on by one step: the controller asks for one a look.
"""

import json
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from gridray.rayjobs import SUPERVISOR
from tests.simulation.cluster import PlayedCluster, PlayedJob, PlayedNode

TOKEN = "a-token-of-the-simulation"
# Not Ray's own: `drain_node` is a call to the GCS, and so is `ray.kill` of a job's supervisor.
DRAIN = "/simulation/drain/"
WITHDRAW = "/simulation/withdraw/"


class PlayedDashboard(ThreadingHTTPServer):
    """A context. `asked` counts requests by method and route; `on_request` hears their number,
    `on_taken` of each job that was taken, before the answer.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, cluster: PlayedCluster) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.cluster = cluster
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.asked: Counter[str] = Counter()
        self.refused_again = 0
        self.packages: dict[str, int] = {}
        self.actors: set[str] = set()
        self.on_request: Callable[[int], None] = lambda number: None
        self.on_taken: Callable[[PlayedJob], None] = lambda job: None
        self.lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,))

    def __enter__(self) -> "PlayedDashboard":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: who asks may be killed before the answer."""


class _Handler(BaseHTTPRequestHandler):
    server: PlayedDashboard

    def _route(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.server.lock:
            route = self._name()
            self.server.asked[f"{self.command} {route}"] += 1
            self.server.on_request(self.server.asked.total())
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                answer: tuple[int, Any] | None = (401, "Unauthorized")
            else:
                answer = ROUTES.get(f"{self.command} {route}", _Handler._unknown)(self, body)
        if answer is None:
            # The connection is closed, which leaves whoever asked without an answer.
            return
        status, content = answer
        if not isinstance(content, bytes):
            content = (content if isinstance(content, str) else json.dumps(content)).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = _route

    def _name(self) -> str:
        """Return the route of the request, with `*` for what is named in it."""
        path = self.path.partition("?")[0]
        for prefix in ("/api/jobs/", "/api/packages/gcs/", DRAIN, WITHDRAW):
            if path.startswith(prefix) and path != prefix:
                return f"{prefix}*" + ("/stop" if path.endswith("/stop") else "")
        return path

    def _named(self, prefix: str) -> str:
        return unquote(self.path.removeprefix(prefix).removesuffix("/stop"))

    def _version(self, _: bytes) -> tuple[int, Any]:
        return 200, {"version": "4", "ray_version": "2.60.0", "session_name": "simulation"}

    def _list(self, _: bytes) -> tuple[int, Any] | None:
        cluster, trouble = self.server.cluster, self.server.cluster.trouble
        cluster.step_ray()
        listing = cluster.listing()
        # What the runners do now, Ray has not heard of yet, and whoever asked reads in the store.
        cluster.step_runners()
        if cluster.chance.random() < trouble.list_refused:
            return 500, "Traceback (most recent call last):\nRuntimeError: GCS is not reachable"
        if cluster.chance.random() < trouble.list_lost:
            return None
        return 200, listing

    def _submit(self, body: bytes) -> tuple[int, Any] | None:
        cluster, trouble = self.server.cluster, self.server.cluster.trouble
        submission = json.loads(body)
        submission_id = submission["submission_id"]
        if cluster.chance.random() < trouble.submission_refused:
            return 500, "No available agent to submit job, please try again later."
        if "gridray.controller" in submission["entrypoint"]:
            self.server.actors.update(
                word.removeprefix("--actor=")
                for word in submission["entrypoint"].split()
                if word.startswith("--actor=")
            )
        if not cluster.submit(submission):
            self.server.refused_again += 1
            return 500, ALREADY_EXISTS.format(submission_id)
        self.server.on_taken(cluster.jobs[submission_id])
        if cluster.chance.random() < trouble.answer_lost:
            return None
        return 200, {"job_id": submission_id, "submission_id": submission_id}

    def _job(self, _: bytes) -> tuple[int, Any]:
        name = self._named("/api/jobs/")
        job: PlayedJob | None = self.server.cluster.jobs.get(name)
        return (404, f"Job {name} does not exist") if job is None else (200, job.to_json())

    def _stop(self, _: bytes) -> tuple[int, Any]:
        name = self._named("/api/jobs/")
        if name not in self.server.cluster.jobs:
            return 404, f"Job {name} does not exist"
        return 200, {"stopped": self.server.cluster.stop(name)}

    def _has_package(self, _: bytes) -> tuple[int, Any]:
        name = self._named("/api/packages/gcs/")
        if name not in self.server.packages:
            return 404, f"Package gcs://{name} does not exist"
        return 200, b""

    def _put_package(self, body: bytes) -> tuple[int, Any]:
        self.server.packages[self._named("/api/packages/gcs/")] = len(body)
        return 200, b""

    def _nodes(self, _: bytes) -> tuple[int, Any]:
        return 200, _listed([_node(node) for node in self.server.cluster.nodes])

    def _actors(self, _: bytes) -> tuple[int, Any]:
        wanted = [name for name in self.server.actors if self.path.endswith(f"={name}")]
        found: list[dict[str, Any]] = [{"name": name, "state": "ALIVE"} for name in wanted]
        asked = self.path.rpartition(SUPERVISOR)[2]
        job: PlayedJob | None = self.server.cluster.jobs.get(asked)
        if job is not None and job.is_withdrawn:
            cause = {"actor_died_error_context": {"reason": "RAY_KILL", "never_started": True}}
            found.append({"state": "DEAD", "death_cause": cause})
        return 200, _listed(found)

    def _cluster_status(self, _: bytes) -> tuple[int, Any]:
        return 200, {"result": True, "msg": "", "data": {"clusterStatus": {}}}

    def _events(self, _: bytes) -> tuple[int, Any]:
        return 200, _listed([])

    def _unknown(self, _: bytes) -> tuple[int, Any]:
        return 404, "404: Not Found"

    def _drain(self, _: bytes) -> tuple[int, Any]:
        self.server.cluster.drain(self._named(DRAIN))
        return 200, b""

    def _withdraw(self, _: bytes) -> tuple[int, Any]:
        self.server.cluster.withdraw(self._named(WITHDRAW))
        return 200, b""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


ROUTES: dict[str, Callable[[_Handler, bytes], tuple[int, Any] | None]] = {
    "GET /api/version": _Handler._version,
    "GET /api/jobs/": _Handler._list,
    "POST /api/jobs/": _Handler._submit,
    "GET /api/jobs/*": _Handler._job,
    "POST /api/jobs/*/stop": _Handler._stop,
    "GET /api/packages/gcs/*": _Handler._has_package,
    "PUT /api/packages/gcs/*": _Handler._put_package,
    "GET /api/v0/nodes": _Handler._nodes,
    "GET /api/v0/actors": _Handler._actors,
    "GET /api/v0/cluster_events": _Handler._events,
    "GET /api/cluster_status": _Handler._cluster_status,
    f"POST {DRAIN}*": _Handler._drain,
    f"POST {WITHDRAW}*": _Handler._withdraw,
}

ALREADY_EXISTS = (
    "Traceback (most recent call last):\n"
    "RuntimeError: Request failed with status code 400: Traceback (most recent call last):\n"
    "ValueError: Job with submission_id {} already exists. "
    "Please use a different submission_id.\n.\n"
)


def _listed(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {"result": True, "msg": "", "data": {"result": {"total": len(found), "result": found}}}


def _node(node: PlayedNode) -> dict[str, Any]:
    return {
        "node_id": node.node_id,
        "node_ip": "127.0.0.1",
        "is_head_node": node.number == 0,
        "state": "ALIVE" if node.lost_at is None else "DEAD",
        "resources_total": {"CPU": float(node.slots), "memory": 64e9, "object_store_memory": 1e9},
        "labels": {},
    }
