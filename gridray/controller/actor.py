"""The controller as a detached Ray actor, and what puts it on a cluster's head, as a Ray job.

What goes wrong there is said in one line that begins with FAILURE, for who submitted the job.
"""

import argparse
import json
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gridray.rayjobs import RayJobs

FAILURE = "gridray-failure: "
NAMESPACE = "gridray"
# The head's own resource, of which there is 1: anything that asks for some runs there.
ON_HEAD = {"node:__internal_head__": 0.001}
CHECK_TIMEOUT = 60.0
# Seconds. A node that hangs would never answer.
DRAIN_TIMEOUT = 20.0
WITHDRAW_TRIES = 3


def main() -> int:
    """Check the store and start the controller; return the exit code."""
    from gridray.errors import GridrayError

    parser = argparse.ArgumentParser()
    for name in ("store", "store-id", "cluster-key", "bundle", "actor", "replaces"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    try:
        check_store(options.store, options.store_id)
        _start(options)
    except GridrayError as error:
        told = json.dumps({"message": error.message, "hint": error.hint})
        print(FAILURE + told, flush=True)  # noqa: T201 (the job's log is what is read of it)
        return 1
    return 0


def check_store(url: str, identity: str) -> None:
    """Check that this node sees the store that the user's machine sees.

    Raises:
        StoreError: it does not.
    """
    import socket

    from gridray import layout
    from gridray.errors import StoreError
    from gridray.store import Store

    known = Store(url).find_json(layout.VERSION)
    if known is None or known["id"] != identity:
        raise StoreError(
            f"the cluster's node {socket.gethostname()} does not see the store {url}",
            hint="set GRIDRAY_STORE to an s3://bucket/prefix, or to a directory that all share",
        )


def _start(options: argparse.Namespace) -> None:
    import ray

    context = ray.init(address="auto", namespace=NAMESPACE, log_to_driver=False)
    dashboard = f"http://{context.dashboard_url}"
    if "://" not in options.store:
        _check_nodes(options.store, options.store_id)
    for actor in ray.util.list_named_actors(all_namespaces=True):
        name = str(actor["name"])
        ours = actor["namespace"] == NAMESPACE and name.startswith(options.replaces)
        if ours and name != options.actor:
            ray.kill(ray.get_actor(name, NAMESPACE), no_restart=True)
    controller = ray.remote(ControllerActor).options(
        name=options.actor,
        namespace=NAMESPACE,
        lifetime="detached",
        get_if_exists=True,
        num_cpus=0,
        resources=ON_HEAD,
        max_restarts=-1,
    )
    handle = controller.remote(options.store, dashboard, options.cluster_key, options.bundle)
    ray.get(handle.ping.remote())


def _check_nodes(url: str, identity: str) -> None:
    """Check on every node that it sees the directory."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    def check() -> "tuple[str, str | None] | None":
        from gridray import bundle
        from gridray.controller.actor import check_store
        from gridray.errors import GridrayError

        bundle.provide_libraries()
        try:
            check_store(url, identity)
        except GridrayError as error:
            return error.message, error.hint
        return None

    from gridray.errors import StoreError

    nodes = [node["NodeID"] for node in ray.nodes() if node["Alive"]]
    if len(nodes) < 2:
        return
    task = ray.remote(check)
    answers = ray.get(
        [
            task.options(
                num_cpus=0, scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)
            ).remote()
            for node in nodes
        ],
        timeout=CHECK_TIMEOUT,
    )
    for answer in answers:
        if answer is not None:
            raise StoreError(answer[0], hint=answer[1])


class ControllerActor:
    """The controller as a detached actor, which Ray starts again when it dies."""

    def __init__(self, store: str, dashboard: str, cluster_key: str, bundle_id: str) -> None:
        from gridray import bundle

        bundle.provide_libraries()

        from gridray.controller.books import Books
        from gridray.controller.loop import Controller
        from gridray.rayjobs import RayJobs
        from gridray.raytoken import ambient_token
        from gridray.store import Store

        jobs = RayJobs(dashboard, ambient_token())
        patient = Store(store, patient=True)
        drain = partial(_drain, jobs)
        controller = Controller(patient, jobs, cluster_key, bundle_id, drain, _withdraw)
        books = Books(Store(store), cluster_key)
        threading.Thread(target=books.keep_forever, name="books", daemon=True).start()
        threading.Thread(target=_run_or_die, args=(controller,), name="controller").start()

    def ping(self) -> None:
        """Answer."""


def _drain(jobs: "RayJobs", node_id: str, doomed_at: float) -> None:
    """Have Ray place nothing more on a node. Source: `drain_node` in ray/scripts/scripts.py.

    Raises:
        ClusterError: it was not drained.
    """
    import ray
    from ray.core.generated import autoscaler_pb2
    from ray.exceptions import RayError

    from gridray.errors import ClusterError

    if node_id not in {node.node_id for node in jobs.nodes()}:
        return
    client = ray._raylet.GcsClient(address=ray.get_runtime_context().gcs_address)
    reason = autoscaler_pb2.DrainNodeReason.Value("DRAIN_NODE_REASON_PREEMPTION")
    deadline = int(doomed_at * 1000)
    try:
        accepted, why = client.drain_node(
            node_id, reason, "spot notice", deadline, timeout=DRAIN_TIMEOUT
        )
    except RayError as error:
        raise ClusterError(f"Ray did not drain it: {error}") from error
    if not accepted:
        raise ClusterError(f"Ray did not drain it: {why}")


def _withdraw(submission_id: str) -> None:
    """Take a job that waits out of Ray's queue: its supervisor is what waits there.

    Raises:
        ClusterError: Ray does not know its supervisor.
    """
    import ray

    from gridray.errors import ClusterError
    from gridray.rayjobs import SUPERVISOR, SUPERVISORS

    # Ray lists a job a moment before it makes its supervisor.
    for _ in range(WITHDRAW_TRIES):
        try:
            ray.kill(ray.get_actor(f"{SUPERVISOR}{submission_id}", SUPERVISORS), no_restart=True)
        except ValueError:
            time.sleep(1)
        else:
            return
    raise ClusterError("it has no supervisor")


def _run_or_die(controller: Any) -> None:
    """Run; a bug ends the process, so that Ray starts it again rather than leave it idle."""
    import os
    import traceback

    try:
        controller.run_forever()
    finally:
        traceback.print_exc()
        os._exit(1)
