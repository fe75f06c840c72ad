"""Becomes a worker of Ray, with the environment that its job has.

Ray calls it in place of its own `ray/_private/workers/setup_worker.py`, to which it leaves all but
the plainest case: a Python worker with variables, without a command or an image around it. Source:
`RuntimeEnvContext` in ray/_private/runtime_env/context.py.
"""

import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CONTEXT, LANGUAGE = "--serialized-runtime-env-context=", "--language="
PYTHON = "PYTHON"
PLAIN: dict[str, Any] = {"command_prefix": [], "override_worker_entrypoint": None, "java_jars": []}


def main(arguments: Sequence[str]) -> None:
    found = command(arguments)
    if found is None:
        found = [sys.executable, rays_own(), *arguments], {}
    words, variables = found
    os.execve(words[0], words, os.environ | variables)


def rays_own() -> str:
    spec = importlib.util.find_spec("ray")
    assert spec is not None and spec.origin is not None
    return str(Path(spec.origin).parent / "_private" / "workers" / "setup_worker.py")


def command(arguments: Sequence[str]) -> tuple[list[str], dict[str, str]] | None:
    """Return the worker's words and variables; None: Ray has to say what they are."""
    words = [each for each in arguments if not each.startswith((CONTEXT, LANGUAGE))]
    told = [each.removeprefix(CONTEXT) for each in arguments if each.startswith(CONTEXT)]
    if LANGUAGE + PYTHON not in arguments or len(told) > 1 or CONTEXT[:-1] in words:
        return None
    context: dict[str, Any] = PLAIN | json.loads("".join(told) or "{}")
    variables = context.pop("env_vars", {})
    python = context.pop("py_executable", sys.executable)
    # A variable may be made of others.
    if context != PLAIN or python != sys.executable or "$" in "".join(variables.values()):
        return None
    return [python, *words], variables


if __name__ == "__main__":
    main(sys.argv[1:])
