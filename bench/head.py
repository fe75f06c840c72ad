"""What experiments in flight cost the head, and their node, beside bare Ray jobs that sleep alike.

All processes count, by the memory that is theirs alone (USS) and by their processor time. What an
experiment adds is what there is while many are in flight, less what there is without them.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

import gridray
from bench.clusters import project
from bench.frame import Bench, Row, wait_for
from gridray.rayshapes import JobStatus, Submission
from gridray.states import State
from tests.cluster.autoscaling import HEAD_ID, NODE_ID, AutoscalingCluster

EXPERIMENTS = 16
# So many that an experiment fits only on the node that has room for all of them; in the small form
# any node will do.
CPUS, SMALL_CPUS = 4, 1
WINDOW = 20
# What comes up, or was busy with that, is quiet after this (s).
SETTLING = 5
SCRIPT = "import time; time.sleep(600)"

Stop = Callable[[], object]


@dataclass(frozen=True)
class Use:
    """What processes use: memory (MB), and processor time (ms in a second)."""

    memory: float
    processor: float


@dataclass(frozen=True)
class Found:
    """The head and the nodes, without experiments and with so many in flight."""

    count: int
    before: tuple[Use, Use]
    during: tuple[Use, Use]

    def added(self, place: int, what: str) -> float:
        """Return what each experiment adds on the head (0) or on the nodes (1)."""
        before, during = self.before[place], self.during[place]
        return float(getattr(during, what) - getattr(before, what)) / self.count

    def in_all(self, what: str) -> float:
        """Return what the head has with the experiments in flight."""
        return float(getattr(self.during[0], what))


def rows(bench: Bench) -> Iterator[Row]:
    experiments, window = bench.choose(EXPERIMENTS, 1), bench.choose(WINDOW, 1)
    cluster, directory = bench.autoscaling, project(bench, SCRIPT)
    cpus = bench.choose(CPUS, SMALL_CPUS)
    theirs = watch(cluster, partial(start_jobs, cluster, directory, cpus), experiments, window)
    ours = watch(cluster, partial(start_run, directory, cpus), experiments, window)
    ray, what = "bare Ray jobs", f"an experiment, {experiments} in flight"
    for name, unit in (("memory", "MB"), ("processor", "ms/s")):
        added = ours.added(0, name), theirs.added(0, name)
        yield Row(f"head: {name} for {what}", *added, ray, 1.1, unit)
        in_all = ours.in_all(name), theirs.in_all(name)
        yield Row(f"head: {name} in all, {experiments} in flight", *in_all, ray, None, unit)
        added = ours.added(1, name), theirs.added(1, name)
        yield Row(f"node: {name} for {what}", *added, ray, None, unit)


def watch(
    cluster: AutoscalingCluster, start: Callable[[str, int], Stop], count: int, window: float
) -> Found:
    if count > 1:
        # The first ones bring the node, the controller, and what both load on first use.
        start("first", count)()
        settle(cluster, window)
    before = used(cluster, window)
    stop = start("second", count)
    time.sleep(min(SETTLING, window))
    during = used(cluster, window)
    stop()
    settle(cluster, window)
    return Found(count, before, during)


def settle(cluster: AutoscalingCluster, window: float) -> None:
    jobs = cluster.jobs()
    wait_for(lambda: all(job.status.is_terminal for job in jobs.jobs().values()))
    time.sleep(min(SETTLING, window))


def start_run(directory: Path, cpus: int, name: str, count: int) -> Stop:
    """Have experiments in flight; return what stops them."""
    words, name = ("--n", f"range(0, {count})"), f"{directory.name}-{name}"
    spec = gridray.RunSpec(
        script="main.py",
        args=words,
        root=directory,
        name=name,
        cluster="auto",
        cpus=cpus,
        any_root=True,
    )
    run = gridray.submit(spec)
    wait_for(lambda: all(each.state is State.RUNNING for each in run.status().experiments))
    return partial(run.stop, grace=0)


def start_jobs(
    cluster: AutoscalingCluster, directory: Path, cpus: int, name: str, count: int
) -> Stop:
    """Have bare jobs in flight; return what stops them."""
    jobs, names = cluster.jobs(), [f"bare-{name}-{number}" for number in range(count)]
    for each in names:
        jobs.submit(Submission(each, f"{sys.executable} {directory / 'main.py'}", cpus=cpus))
    wait_for(lambda: all(jobs.jobs()[each].status is JobStatus.RUNNING for each in names))

    def stop() -> None:
        for each in names:
            jobs.stop(each)

    return stop


def used(cluster: AutoscalingCluster, window: float) -> tuple[Use, Use]:
    """Return what the processes of the head and those of the nodes use within a window (s)."""
    before = processor_times(cluster)
    time.sleep(window)
    after = processor_times(cluster)
    found = []
    for place in (True, False):
        busy = memory = 0.0
        for process, (is_head, seconds) in after.items():
            if is_head is place:
                busy += seconds - before.get(process, (place, seconds))[1]
                with suppress(psutil.NoSuchProcess):
                    memory += process.memory_full_info().uss
        found.append(Use(memory / 1e6, 1000 * busy / window))
    return found[0], found[1]


def processor_times(cluster: AutoscalingCluster) -> dict[psutil.Process, tuple[bool, float]]:
    """Return of each process whether it is the head's, and its processor time so far (s)."""
    found = {}
    for process in cluster.processes():
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            is_head = process.environ().get(NODE_ID) == HEAD_ID
            found[process] = is_head, times.user + times.system
    return found
