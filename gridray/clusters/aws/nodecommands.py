"""The commands that set a node up, start Ray on it, and let it end itself when it is forgotten."""

import shlex
from dataclasses import dataclass

from gridray.clusters.rayenvironment import HEALTH_CHECKS, VARIABLES
from gridray.node import fuse

FILES = "~/.gridray-node/files"
START = f"bash {FILES}/start.sh"
PORT = 6379
DASHBOARD_PORT = 8265
PYTHON = "~/.gridray-node/env/bin/python"
# Minutes for what comes between the launch of an instance and the start of Ray on it.
SETUP_MINUTES = 60
USER_DATA = fuse.user_data(SETUP_MINUTES)


@dataclass(frozen=True)
class Commands:
    """Shell commands; those that start Ray in parts, which may each have a line of their own."""

    setup: list[str]
    head: list[list[str]]
    worker: list[list[str]]


def of(
    store: str,
    store_region: str,
    cluster: str,
    region: str,
    *,
    head_idle: float | None = None,
    head_timeout: float = 900.0,
) -> Commands:
    """Return the commands of a cluster.

    Args:
        store: the URL of its store, and `store_region` where that is.
        cluster: the cluster's key in the store, and `region` where its nodes are.
        head_idle: after so many seconds without a run the head terminates itself; None: never.
        head_timeout: after so many seconds without the head a worker terminates itself.
    """
    variables = _variables(store_region)
    head = [
        *variables,
        START,
        f"--head --port={PORT} --object-manager-port=8076",
        f"--dashboard-host=127.0.0.1 --dashboard-port={DASHBOARD_PORT}",
        "--autoscaling-config=~/ray_bootstrap_config.yaml",
    ]
    address = f"$RAY_HEAD_IP:{PORT}"
    worker = [*variables, START, f"--address={address} --object-manager-port=8076"]
    watch = [f"{PYTHON} -m gridray.node watch --role worker"]
    watch.append(f"--head {address} --timeout {head_timeout:.0f}")
    # First, so that it is there whatever becomes of Ray's start.
    return Commands(
        [f"bash {FILES}/setup.sh"],
        [head, *_head_watch(store, store_region, cluster, region, head_idle)],
        [watch, worker],
    )


def _variables(region: str) -> list[str]:
    shared = " ".join(f"{name}={value}" for name, value in VARIABLES.items())
    checks = " ".join(f"{name}={value}" for name, value in HEALTH_CHECKS.items())
    return [
        f"RAY_AUTH_TOKEN_PATH={FILES}/token",
        shared,
        checks,
        f"AWS_REGION={region} AWS_DEFAULT_REGION={region}",
    ]


def _head_watch(
    store: str, store_region: str, cluster: str, region: str, head_idle: float | None
) -> list[list[str]]:
    if head_idle is None:
        return []
    token = f"RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH={FILES}/token"
    return [
        [
            f"AWS_REGION={store_region} {token}",
            f"{PYTHON} -m gridray.node watch --role head --idle {head_idle:.0f}",
            f"--store {shlex.quote(store)} --cluster {cluster} --region {region}",
        ]
    ]
