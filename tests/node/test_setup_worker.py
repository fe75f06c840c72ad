"""What becomes a worker of Ray has the words and variables that Ray's own gives it."""

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ray._private.runtime_env.context import RuntimeEnvContext
from ray._private.runtime_env.working_dir import WorkingDirPlugin

from gridray.node import setup_worker

WORKER = """
import json, os, sys
print(json.dumps([sys.argv[1:], {**os.environ, "CWD": os.getcwd()}]))
"""
# What bash sets, Python, and whoever imports Ray, as the worker will.
OWN = {"_", "SHLVL", "LC_CTYPE", "RAY_CLIENT_MODE"}
PLAIN: dict[str, Any] = {
    "command_prefix": [],
    "env_vars": {"EMPTY": "", "ODD": "a 'b' \"c\"\nü\\", "RAY_JOB": "1"},
    "py_executable": sys.executable,
    "override_worker_entrypoint": None,
    "java_jars": [],
}
OTHERS = [
    PLAIN | {"env_vars": {"PLACE": "${HOME}/x:${NOWHERE}"}},
    PLAIN | {"command_prefix": ["export BEFORE=1;"]},
    PLAIN | {"command_prefix": ["cd", "/", "&&", "export BEFORE=1;"]},
    PLAIN | {"command_prefix": ["cd", "/", ";"]},
    PLAIN | {"env_vars": {"BASH_ENV": "/dev/null"}},
    PLAIN | {"py_executable": f"env AFTER=1 {sys.executable}"},
    PLAIN | {"java_jars": ["some.jar"]},
]


def in_directory(tmp_path: Path) -> dict[str, Any]:
    """What Ray makes of a job with a working directory, as all of Gridray's have."""
    context = RuntimeEnvContext(env_vars={"RAY_JOB": "1"}, py_executable=sys.executable)
    plugin = WorkingDirPlugin(str(tmp_path / "it's here"), None)
    directory = tmp_path / "it's here" / "working_dir_files" / "_ray_pkg_x"
    directory.mkdir(parents=True)
    plugin.modify_context(["gcs://_ray_pkg_x.zip"], {}, context)
    assert str(directory) in shlex.split(" ".join(context.command_prefix))
    found: dict[str, Any] = json.loads(context.serialize())
    return found


@pytest.fixture
def worker(tmp_path: Path) -> Path:
    path = tmp_path / "a worker.py"
    path.write_text(WORKER)
    return path


def words(worker: Path, context: dict[str, Any] | None) -> list[str]:
    told = [] if context is None else [f"{setup_worker.CONTEXT}{json.dumps(context)}"]
    return [str(worker), "--name=a b", "--language=PYTHON", *told, "--last", "$HOME"]


def run(program: str, arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    answer = subprocess.run(
        [sys.executable, program, *arguments], check=True, capture_output=True, text=True
    )
    given, variables = json.loads(answer.stdout)
    return given, {name: value for name, value in variables.items() if name not in OWN}


@pytest.mark.parametrize("context", [None, {}, PLAIN, *OTHERS])
def test_a_worker_gets_what_ray_gives_it(worker: Path, context: dict[str, Any] | None) -> None:
    arguments = words(worker, context)
    ours = run(setup_worker.__file__, arguments)
    assert ours == run(setup_worker.rays_own(), arguments)
    assert ours[0] == ["--name=a b", "--last", "$HOME"]


def test_the_working_directory_of_a_job_is_entered(worker: Path, tmp_path: Path) -> None:
    arguments = words(worker, in_directory(tmp_path))
    assert setup_worker.plain(arguments) is not None
    ours = run(setup_worker.__file__, arguments)
    assert ours == run(setup_worker.rays_own(), arguments)
    assert "_ray_pkg_x" in ours[1]["CWD"]


def test_a_directory_that_is_gone_is_left_to_ray(worker: Path, tmp_path: Path) -> None:
    arguments = words(worker, in_directory(tmp_path))
    shutil.rmtree(tmp_path / "it's here")
    assert setup_worker.plain(arguments) is None


@pytest.mark.parametrize("context", [None, {}, PLAIN])
def test_the_plain_case_does_without_ray(worker: Path, context: dict[str, Any] | None) -> None:
    assert setup_worker.plain(words(worker, context)) is not None


@pytest.mark.parametrize("context", OTHERS)
def test_the_other_cases_are_left_to_ray(worker: Path, context: dict[str, Any]) -> None:
    assert setup_worker.plain(words(worker, context)) is None


def test_what_later_versions_of_ray_add_is_left_to_them(worker: Path) -> None:
    assert setup_worker.plain(words(worker, PLAIN | {"new": 1})) is None
    assert setup_worker.plain([str(worker), "--language=JAVA"]) is None
    apart = [str(worker), "--language=PYTHON", setup_worker.CONTEXT[:-1], "{}"]
    assert setup_worker.plain(apart) is None
