"""Puts the controller on a cluster that lacks it, over nothing but the Jobs API."""

import hashlib
import json
import secrets
import sys
import time

import psutil

from gridray import bundle
from gridray.clusters.cluster import Cluster, is_local
from gridray.controller.actor import FAILURE
from gridray.errors import ClusterError
from gridray.rayjobs import RayJobs
from gridray.rayshapes import JobStatus, Submission
from gridray.store import Store
from gridray.storeidentity import identify

BOOTSTRAP_TIMEOUT = 300.0


def ensure_controller(cluster: Cluster, store: Store) -> bool:
    """See to it that this Gridray's controller runs on a cluster, for a store.

    A controller of another version is replaced. Nodes on other machines are asked whether they see
    the store, if it is a directory.

    Returns:
        Whether it had to be started.

    Raises:
        ClusterError: it cannot be started there.
        StoreError: the store cannot be written from here.
    """
    jobs = cluster.jobs()
    store_id = identify(store)
    bundle_id = bundle.identity()
    ours = _prefix(cluster, store)
    actor = ours + bundle_id
    if jobs.has_actor(actor) and not (store.is_directory and _has_other_machines(jobs)):
        return False
    package = bundle.package_name(bundle_id)
    if not jobs.has_package(package):
        jobs.upload_package(package, bundle.build())
    arguments = {
        "store": store.url,
        "store-id": store_id,
        "cluster-key": cluster.key,
        "bundle": bundle_id,
        "actor": actor,
        "replaces": ours,
    }
    words = [f"--{name}={value}" for name, value in arguments.items()]
    submission = Submission(
        submission_id=f"gridray-controller-{secrets.token_hex(4)}",
        entrypoint=_entrypoint(cluster, words),
        runtime_env={"working_dir": f"gcs://{package}"},
    )
    jobs.submit(submission)
    _wait(jobs, submission.submission_id)
    return True


def has_controller(cluster: Cluster, store: Store) -> bool:
    """Whether this Gridray's controller runs on a cluster, for a store.

    Raises:
        ClusterError: the cluster does not answer.
    """
    return cluster.jobs().has_actor(_prefix(cluster, store) + bundle.identity())


def _prefix(cluster: Cluster, store: Store) -> str:
    """Return what the names of controllers begin with, of any version."""
    return f"controller-{cluster.key}-{hashlib.sha256(store.url.encode()).hexdigest()[:8]}-"


def _entrypoint(cluster: Cluster, words: list[str]) -> str:
    if is_local(cluster.name):
        return bundle.entrypoint(sys.executable, "gridray.controller", *words)
    return bundle.foreign_entrypoint("gridray.controller", *words)


def _has_other_machines(jobs: RayJobs) -> bool:
    own = {address.address for every in psutil.net_if_addrs().values() for address in every}
    return any(node.address not in own for node in jobs.nodes())


def _wait(jobs: RayJobs, submission_id: str) -> None:
    deadline = time.monotonic() + BOOTSTRAP_TIMEOUT
    while time.monotonic() < deadline:
        job = jobs.job(submission_id)
        if job is not None and job.status is JobStatus.SUCCEEDED:
            return
        if job is not None and job.status.is_terminal:
            raise _failure(jobs, submission_id, job.message)
        time.sleep(0.1)
    jobs.stop(submission_id)
    raise ClusterError(
        f"the controller did not start on {jobs.address} within {BOOTSTRAP_TIMEOUT:.0f} s",
        hint=f"see the log of the job {submission_id} in the Ray dashboard",
    )


def _failure(jobs: RayJobs, submission_id: str, message: str) -> ClusterError:
    for line in jobs.logs(submission_id).splitlines():
        if line.startswith(FAILURE):
            told = json.loads(line.removeprefix(FAILURE))
            return ClusterError(told["message"], hint=told["hint"])
    return ClusterError(
        f"the controller did not start on {jobs.address}: {message.strip()}",
        hint=f"see the log of the job {submission_id} in the Ray dashboard",
    )
