"""How long an experiment is away after its node was killed, beside what Ray itself takes.

`python -m bench.recovery [ROUNDS]`: two nodes with room for one experiment each; the busy one is
killed. Three times are told for each round, in seconds:

    detection   from the kill until Ray calls the job over
    recovery    from there until the next attempt's script has printed its first line
    plain job   from `submit` to the first line of a bare Ray job on the same cluster

What Gridray adds is recovery less plain job.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import gridray
from gridray import settings
from gridray.layout import AttemptName
from gridray.rayjobs import RayJobs
from gridray.rayshapes import JobStatus, Submission
from gridray.readers import logs
from gridray.store import Store
from tests.cluster.autoscaling import AutoscalingCluster, NodeType

NODE_TYPES = {"spot": NodeType({"CPU": 2, "GPU": 1}, 2)}
ROUNDS = 5
SCRIPT = "import time; print('here', flush=True); time.sleep(600)"
TIMEOUT = 180.0


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as home, AutoscalingCluster(NODE_TYPES) as cluster:
        (Path(home) / "settings.toml").write_text(cluster.settings)
        (Path(home) / "main.py").write_text(SCRIPT)
        os.environ["GRIDRAY_HOME"] = home
        found = [measure(cluster, Path(home), number) for number in range(rounds)]
    print("detection  recovery  plain job  added")
    for each in found:
        print("  ".join(f"{value:9.2f}" for value in (*each, each[1] - each[2])))
    added = statistics.median(recovery - plain for _, recovery, plain in found)
    print(f"median added by Gridray: {added:.2f} s")


def measure(cluster: AutoscalingCluster, home: Path, number: int) -> tuple[float, float, float]:
    """Return detection, recovery and plain job of one round."""
    jobs = cluster.jobs()
    bring_both_nodes(jobs, number)
    plain = plain_job(jobs, f"plain-{number}")
    spec = gridray.RunSpec(
        script="main.py",
        root=home,
        name=f"round-{number}",
        cluster="auto",
        gpus=1,
        cpus=1,
        auto_resume=True,
        any_root=True,
    )
    run = gridray.submit(spec)
    store = Store(settings.load().store)
    first, second = (AttemptName(run.name, 0, attempt) for attempt in (0, 1))
    wait_for(lambda: b"here\n" in logs.raw(store, first))
    node = jobs.jobs()[str(first)].node_id
    assert node is not None
    killed = time.monotonic()
    cluster.kill_node(node)
    wait_for(lambda: jobs.jobs()[str(first)].status.is_terminal)
    over = time.monotonic()
    wait_for(lambda: b"here\n" in logs.raw(store, second))
    back = time.monotonic()
    run.stop(grace=0)
    run.wait()
    return over - killed, back - over, plain


def bring_both_nodes(jobs: RayJobs, number: int) -> None:
    """Have more to do than one node can."""
    names = [f"both-{number}-{each}" for each in range(2)]
    for name in names:
        jobs.submit(Submission(name, "sleep 5", cpus=1, gpus=1))
    wait_for(lambda: all(jobs.jobs()[name].status is JobStatus.SUCCEEDED for name in names))


def plain_job(jobs: RayJobs, name: str) -> float:
    """Return the seconds that a bare job takes to its first line, with both nodes up."""
    began = time.monotonic()
    jobs.submit(Submission(name, "echo here", cpus=1, gpus=1))
    wait_for(lambda: "here" in jobs.logs(name))
    took = time.monotonic() - began
    wait_for(lambda: jobs.jobs()[name].status is JobStatus.SUCCEEDED)
    return took


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.05)


if __name__ == "__main__":
    main()
