"""What a script runs in: its environment variables, and the Python that it gets."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gridray import layout, sealing
from gridray.errors import ClusterError, NotFoundError
from gridray.layout import AttemptName, ExperimentName
from gridray.records import RunRecord
from gridray.store import Store

# What leads Python away from an environment.
ASTRAY = ("PYTHONHOME", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "VIRTUAL_ENV")
RAY_JOB_CONFIG = "RAY_JOB_CONFIG_JSON_ENV_VAR"


@dataclass(frozen=True)
class Environment:
    """What is installed for a script: the directory of an environment, None: the node's own.

    `imports` are where the packages of the source itself are.
    """

    home: Path | None = None
    imports: tuple[Path, ...] = ()

    @property
    def python(self) -> tuple[str, ...]:
        """How a Python script is started: unbuffered."""
        python = sys.executable if self.home is None else str(self.home / "bin" / "python")
        return (python, "-u")

    def applied(self, env: Mapping[str, str]) -> dict[str, str]:
        """Return variables with which programs of this environment are found first."""
        found = dict(env)
        places = [env.get("PYTHONPATH", ""), *map(str, self.imports)]
        if self.imports:
            found["PYTHONPATH"] = os.pathsep.join(place for place in places if place)
        if self.home is None:
            return found
        for name in ASTRAY:
            found.pop(name, None)
        is_conda = (self.home / "conda-meta").is_dir()
        found["CONDA_PREFIX" if is_conda else "VIRTUAL_ENV"] = str(self.home)
        found["PATH"] = os.pathsep.join([str(self.home / "bin"), env.get("PATH", os.defpath)])
        return found


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
