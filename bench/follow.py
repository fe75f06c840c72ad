"""How long a line takes from the script to the screen of who follows the log."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence

import gridray
from bench.clusters import project, ray_variables
from bench.frame import Bench, Row, program, wait_for
from gridray.rayshapes import Submission

LINES = 30
INTERVAL = 0.4
# It says when it has printed each line.
SCRIPT = """
import sys, time
for _ in range(int(sys.argv[1])):
    print("at", time.time(), flush=True)
    time.sleep(float(sys.argv[2]))
"""


def rows(bench: Bench) -> Iterator[Row]:
    plain, directory = bench.plain, project(bench, SCRIPT)
    arguments = [str(bench.choose(LINES, 2)), str(INTERVAL)]
    command = [program("gridray"), "run", "--name", "follow", "main.py", *arguments]
    subprocess.run(command, cwd=directory, check=True, stdout=subprocess.DEVNULL)
    ours = latencies([program("gridray"), "logs", "-f", "follow-exp0"], os.environ)
    gridray.Run("follow").wait()
    words = " ".join([sys.executable, "-u", str(directory / "main.py"), *arguments])
    plain.jobs().submit(Submission("follow", words, cpus=1))
    env = ray_variables(plain.address, plain.token)
    theirs = latencies([bench.ray, "job", "logs", "-f", "follow"], env)
    wait_for(lambda: plain.jobs().jobs()["follow"].status.is_terminal)
    what = "logs -f: from the script's print to the screen"
    yield Row(what, max(ours), most=2)
    median = statistics.median(ours)
    yield Row(f"{what}, median", median, statistics.median(theirs), "`ray job logs -f`")


def latencies(command: Sequence[str], env: Mapping[str, str]) -> list[float]:
    """Return how old each line was when it came; of those that the script has yet to print."""
    found: list[tuple[float, float]] = []
    with subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            now, (_, mark, printed) = time.time(), line.rpartition("at ")
            if mark:
                found.append((float(printed), now - float(printed)))
    first = min(now + printed for printed, now in found)
    return [age for printed, age in found if printed >= first] or [age for _, age in found]
