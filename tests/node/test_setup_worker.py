"""What becomes a worker of Ray has the words and variables that Ray's own gives it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gridray.node import setup_worker

WORKER = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ)]))"
# What bash sets, Python, and whoever imports Ray, as the worker will.
OWN = {"_", "SHLVL", "PWD", "OLDPWD", "LC_CTYPE", "RAY_CLIENT_MODE"}
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
    PLAIN | {"py_executable": f"env AFTER=1 {sys.executable}"},
    PLAIN | {"java_jars": ["some.jar"]},
]


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


@pytest.mark.parametrize("context", [None, {}, PLAIN])
def test_the_plain_case_does_without_ray(worker: Path, context: dict[str, Any] | None) -> None:
    assert setup_worker.command(words(worker, context)) is not None


@pytest.mark.parametrize("context", OTHERS)
def test_the_other_cases_are_left_to_ray(worker: Path, context: dict[str, Any]) -> None:
    assert setup_worker.command(words(worker, context)) is None


def test_what_later_versions_of_ray_add_is_left_to_them(worker: Path) -> None:
    assert setup_worker.command(words(worker, PLAIN | {"new": 1})) is None
    assert setup_worker.command([str(worker), "--language=JAVA"]) is None
    apart = [str(worker), "--language=PYTHON", setup_worker.CONTEXT[:-1], "{}"]
    assert setup_worker.command(apart) is None
