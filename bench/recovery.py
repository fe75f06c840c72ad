"""How long an experiment is away after its node was killed, from when Ray says so.

Two nodes have room for one experiment each, and the busy one is killed: what Ray takes to see it,
and a node to start, is no part of what is told. The peer is what people write themselves.
"""

import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import gridray
from bench.clusters import project, ray_variables
from bench.frame import Bench, Row, pairs, wait_for
from gridray.rayjobs import RayJobs
from gridray.rayshapes import JobStatus, Submission
from tests.cluster.autoscaling import AutoscalingCluster

ROUNDS = 3
SCRIPT = """
import sys, time
with open(sys.argv[1], "a") as file:
    file.write(f"{time.time()}\\n")
time.sleep(600)
"""
# `ray job submit` alone would not do: when the node goes, it ends with 0.
LOOP = """
n=0
while :; do
    n=$((n + 1))
    {submit} --submission-id $1-$n --no-wait -- {words}
    while {ray} job status $1-$n | grep -qE "PENDING|RUNNING"; do sleep 1; done
    {ray} job status $1-$n | grep -q SUCCEEDED && break
done
"""


def rows(bench: Bench) -> Iterator[Row]:
    cluster, directory = bench.autoscaling, project(bench, SCRIPT)
    mark, numbers = bench.directory / "starts", count()
    jobs = cluster.jobs()
    env = ray_variables(cluster.address, cluster.token)

    def away(start: Callable[[str, ExitStack], None]) -> float:
        mark.unlink(missing_ok=True)
        if not bench.small:
            bring_both_nodes(jobs, f"both-{next(numbers)}")
        with ExitStack() as stack:
            start(f"recovery-{next(numbers)}", stack)
            return interrupted(cluster, mark)

    def ours(name: str, stack: ExitStack) -> None:
        spec = gridray.RunSpec(
            script="main.py", args=(str(mark),), root=directory, name=name, cluster="auto",
            gpus=1, cpus=1, auto_resume=True, any_root=True,
        )  # fmt: skip
        run = gridray.submit(spec)
        stack.callback(run.wait)
        stack.callback(run.stop, grace=0)

    def loop(name: str, stack: ExitStack) -> None:
        before = set(jobs.jobs())
        process = start_loop(bench.ray, name, [str(directory / "main.py"), str(mark)], env)
        stack.callback(lambda: stop_others(jobs, before))
        stack.callback(process.wait)
        stack.callback(process.kill)

    tasks = {"gridray": lambda: away(ours)}
    if not bench.small:
        # A second node to kill, and to wait for, is the dearest part of the small form.
        tasks["loop"] = lambda: away(loop)
    medians = pairs(bench.choose(ROUNDS, 1), tasks)
    what = "interruption: from Ray's word to the script running again"
    yield Row(what, medians["gridray"], medians.get("loop"), "retry loop on `ray job submit`", 1.0)


def start_loop(
    ray: str, name: str, words: list[str], env: Mapping[str, str]
) -> "subprocess.Popen[bytes]":
    submit = [ray, "job", "submit", "--entrypoint-num-cpus", "1", "--entrypoint-num-gpus", "1"]
    text = LOOP.format(
        ray=shlex.quote(ray),
        submit=shlex.join(submit),
        words=shlex.join([sys.executable, *words]),
    )
    quiet = subprocess.DEVNULL
    command = ["bash", "-c", text, "loop", name]
    return subprocess.Popen(command, env=env, stdout=quiet, stderr=quiet)


def interrupted(cluster: AutoscalingCluster, mark: Path) -> float:
    """Kill the node of what has just started; return the seconds until it has started again."""
    jobs = cluster.jobs()
    wait_for(lambda: len(starts(mark)) == 1)
    (running,) = (job for job in jobs.jobs().values() if job.status is JobStatus.RUNNING)
    assert running.node_id is not None
    cluster.kill_node(running.node_id)
    wait_for(lambda: jobs.jobs()[running.submission_id].status.is_terminal)
    over = time.time()
    wait_for(lambda: len(starts(mark)) == 2)
    return starts(mark)[1] - over


def starts(mark: Path) -> list[float]:
    return [float(line) for line in mark.read_text().split()] if mark.exists() else []


def bring_both_nodes(jobs: RayJobs, name: str) -> None:
    """Have more to do than one node can."""
    names = [f"{name}-{each}" for each in range(2)]
    for each in names:
        jobs.submit(Submission(each, "sleep 5", cpus=1, gpus=1))
    wait_for(lambda: all(jobs.jobs()[each].status is JobStatus.SUCCEEDED for each in names))


def stop_others(jobs: RayJobs, before: set[str]) -> None:
    """Stop what a loop has left running."""
    for name in set(jobs.jobs()) - before:
        jobs.stop(name)
    wait_for(lambda: all(job.status.is_terminal for job in jobs.jobs().values()))
