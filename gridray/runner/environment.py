"""The environment variables that a script sees."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from gridray import layout, sealing
from gridray.errors import ClusterError, NotFoundError
from gridray.layout import AttemptName, ExperimentName
from gridray.records import RunRecord
from gridray.store import Store

RAY_JOB_CONFIG = "RAY_JOB_CONFIG_JSON_ENV_VAR"


def script_environment(
    inherited: Mapping[str, str],
    record: RunRecord,
    name: AttemptName,
    *,
    workdir: Path,
    temporary: Path,
    bundle: Path,
) -> dict[str, str]:
    """Return the node's environment without what is the runner's own, with ours and the user's."""
    env = dict(inherited)
    for ours in ("OLDPWD", "RAY_JOB_STOP_WAIT_TIME_S", "PYTHONBREAKPOINT"):
        env.pop(ours, None)
    _drop_bundle(env, bundle)
    experiment = str(ExperimentName(name.run, name.index))
    env |= {
        "PWD": str(workdir),
        "TMPDIR": str(temporary),
        "GRID_EXPERIMENT_ID": experiment,
        "GRID_EXPERIMENT_NAME": experiment,
        "GRID_USER_ID": record.user,
        "GRID_CLUSTER_ID": record.cluster.name,
        "GRID_INSTANCE_TYPE": inherited.get("GRIDRAY_INSTANCE_TYPE", record.cluster.name),
        "GRIDRAY_RUN": name.run,
        "GRIDRAY_EXPERIMENT": experiment,
        "GRIDRAY_EXPERIMENT_INDEX": str(name.index),
        "GRIDRAY_ATTEMPT": str(name.attempt),
    }
    return env | record.env


def secret_variables(store: Store, record: RunRecord, token: str | None) -> dict[str, str]:
    """Return the secrets of a run; a retry has sealed them anew, and the newest count.

    Raises:
        GridrayError: they are not there any more, or cannot be read here.
    """
    if not record.secrets:
        return {}
    prefix = layout.sealed_secrets(record.name, record.identity)
    names = store.names(prefix)
    if not names:
        raise NotFoundError("they are not in the store any more; `gridray retry` seals them anew")
    try:
        return sealing.unseal(store.get(prefix + names[-1]), token, record.name, record.identity)
    except ImportError as error:
        raise ClusterError(
            f"this node's Python has no `cryptography` ({error}); it comes with ray[default]"
        ) from error


def _drop_bundle(env: dict[str, str], bundle: Path) -> None:
    """Take out that Gridray came along as the job's working directory.

    A script that starts Ray itself would otherwise hand it on to its own workers.
    """
    places = [place for place in env.get("PYTHONPATH", "").split(os.pathsep) if place]
    kept = [place for place in places if Path(place) != bundle]
    if kept:
        env["PYTHONPATH"] = os.pathsep.join(kept)
    else:
        env.pop("PYTHONPATH", None)
    if RAY_JOB_CONFIG in env:
        config = json.loads(env[RAY_JOB_CONFIG])
        config["runtime_env"] = {}
        env[RAY_JOB_CONFIG] = json.dumps(config)


def python_command() -> tuple[str, ...]:
    """Return how a Python script is started here: with the node's Python, unbuffered."""
    return (sys.executable, "-u")
