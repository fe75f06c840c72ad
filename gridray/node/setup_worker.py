"""Becomes a worker of Ray, with the environment that its job has.

Ray calls it in place of its own `ray/_private/workers/setup_worker.py`, to which it leaves all but
the plain case: a Python worker with variables and a working directory, without an image or another
command around it. Source: `RuntimeEnvContext` in ray/_private/runtime_env/context.py, and the `cd`
of runtime_env/working_dir.py.
"""

import importlib.util
import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

CONTEXT, LANGUAGE = "--serialized-runtime-env-context=", "--language="
PYTHON = "PYTHON"
PLAIN: dict[str, Any] = {"command_prefix": [], "override_worker_entrypoint": None, "java_jars": []}


class Worker(NamedTuple):
    """The words of a worker, its variables, and the directory that it is to be in, if any."""

    words: list[str]
    variables: dict[str, str]
    directory: str | None = None


def main(arguments: Sequence[str]) -> None:
    worker = plain(arguments) or Worker([sys.executable, rays_own(), *arguments], {})
    # As it is after the shell through which Ray's own goes.
    places = {"PWD": os.getcwd()}
    if worker.directory is not None:
        os.chdir(worker.directory)
        places = {"PWD": worker.directory, "OLDPWD": places["PWD"]}
    os.execve(worker.words[0], worker.words, os.environ | worker.variables | places)


def rays_own() -> str:
    spec = importlib.util.find_spec("ray")
    assert spec is not None and spec.origin is not None
    return str(Path(spec.origin).parent / "_private" / "workers" / "setup_worker.py")


def plain(arguments: Sequence[str]) -> Worker | None:
    """Return what the arguments ask for; None: Ray has to say what that is."""
    words = [each for each in arguments if not each.startswith((CONTEXT, LANGUAGE))]
    told = [each.removeprefix(CONTEXT) for each in arguments if each.startswith(CONTEXT)]
    if LANGUAGE + PYTHON not in arguments or len(told) > 1 or CONTEXT[:-1] in words:
        return None
    context: dict[str, Any] = PLAIN | json.loads("".join(told) or "{}")
    variables = context.pop("env_vars", {})
    python = context.pop("py_executable", sys.executable)
    directory = _entered(context["command_prefix"])
    if directory is not None:
        context["command_prefix"] = []
    # A variable may be made of others, and a shell may be told what to do first.
    has_more = "$" in "".join(variables.values()) or "BASH_ENV" in os.environ | variables
    if context != PLAIN or python != sys.executable or has_more:
        return None
    return Worker([python, *words], variables, directory)


def _entered(prefix: list[str]) -> str | None:
    """Return the directory if the command before the worker does nothing but enter one."""
    words = shlex.split(" ".join(prefix))
    is_plain = len(words) == 3 and (words[0], words[2]) == ("cd", "&&")
    return words[1] if is_plain and os.path.isabs(words[1]) and os.path.isdir(words[1]) else None


if __name__ == "__main__":
    main(sys.argv[1:])
