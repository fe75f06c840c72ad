"""From the command to the first line of the script, on a cluster that is up."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path

import gridray
from bench.clusters import project, ray_variables
from bench.frame import Bench, Row, pairs, program, wait_for

SCRIPT = """
import os, sys, time
with open(sys.argv[1] + ".new", "w") as file:
    file.write(str(time.time()))
os.rename(sys.argv[1] + ".new", sys.argv[1])
"""
ROUNDS = 7


def rows(bench: Bench) -> Iterator[Row]:
    plain, directory = bench.plain, project(bench, SCRIPT)
    mark, numbers = bench.directory / "mark", count()
    theirs = [bench.ray, "job", "submit", "--entrypoint-num-cpus", "1", "--"]
    theirs += [sys.executable, str(directory / "main.py"), str(mark)]
    env = ray_variables(plain.address, plain.token)

    def ours() -> float:
        name = f"submit-{next(numbers)}"
        words = [program("gridray"), "run", "--name", name, "main.py", str(mark)]
        seconds = first_line(words, mark, os.environ, directory)
        gridray.Run(name).wait()
        return seconds

    # What starts the controller is no run on a cluster that is up.
    ours()
    tasks = {"gridray": ours, "ray": lambda: first_line(theirs, mark, env, directory)}
    medians = pairs(bench.choose(ROUNDS, 1), tasks)
    what = "from `gridray run` to the script's first line"
    yield Row(what, medians["gridray"], medians["ray"], "`ray job submit`", 0.8)


def first_line(command: Sequence[str], mark: Path, env: Mapping[str, str], cwd: Path) -> float:
    """Return the seconds from a command to the mark that its script leaves; wait for its end."""
    mark.unlink(missing_ok=True)
    began = time.time()
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=env, cwd=cwd, stdout=quiet, stderr=quiet) as process:
        wait_for(mark.exists)
    assert process.returncode == 0
    return float(mark.read_text()) - began
