"""How long a sweep of trivial experiments takes, with all logs and artifacts in the store.

As a module, `python -m bench.sweep COUNT COMMAND…`, this is the same number of bare jobs, through
one client of Ray's.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path

import gridray
from bench.clusters import project, ray_variables
from bench.frame import Bench, Row, pairs, program, took, wait_for
from gridray.rayjobs import RayJobs

EXPERIMENTS = 40
ROUNDS, LOOP_ROUNDS = 3, 1
# How often the bare client asks (s): little beside what it waits for.
POLL_INTERVAL = 0.1
SCRIPT = """
import sys
print("a line")
with open(sys.argv[1], "w") as file:
    file.write("a file")
"""


def rows(bench: Bench) -> Iterator[Row]:
    plain, directory = bench.plain, project(bench, SCRIPT)
    experiments = bench.choose(EXPERIMENTS, 1)
    env = ray_variables(plain.address, plain.token)
    numbers = count()
    bare = [sys.executable, str(directory / "main.py"), str(bench.directory / "file")]

    def ours() -> float:
        name = f"sweep-{next(numbers)}"
        return took(lambda: run_sweep(directory, name, experiments))

    # What starts the controller is no sweep on a cluster that is up.
    run_sweep(directory, "warm-up", 1)
    ours_and_client = {"gridray": ours, "client": lambda: run_client(experiments, bare, env)}
    medians = pairs(bench.choose(ROUNDS, 1), ours_and_client)
    loop = {"loop": lambda: took(lambda: run_loop(bench.ray, plain.jobs(), experiments, bare, env))}
    medians |= pairs(LOOP_ROUNDS, loop)
    what = f"sweep of {experiments} trivial experiments"
    yield Row(what, medians["gridray"], medians["client"], "one `JobSubmissionClient`", 1.05)
    yield Row(what, medians["gridray"], medians["loop"], "loop of `ray job submit --no-wait`", 0.5)


def run_sweep(directory: Path, name: str, experiments: int) -> None:
    """Run it to its end, and see that all is in the store."""
    words = ["run", "--name", name, "main.py", "file", f"range(0, {experiments})"]
    quiet = subprocess.DEVNULL
    subprocess.run([program("gridray"), *words], cwd=directory, check=True, stdout=quiet)
    run = gridray.Run(name)
    wait_for(lambda: run.status().summary.ended_at is not None, 600)
    for experiment in run.experiments:
        assert experiment.log() == b"a line\n" and len(experiment.artifacts()) == 1


def run_client(experiments: int, command: list[str], env: Mapping[str, str]) -> float:
    """Do it with a client; its imports are not counted."""
    words = [sys.executable, "-m", __name__, str(experiments), *command]
    root = Path(__file__).parent.parent
    answer = subprocess.run(words, env=env, cwd=root, check=True, capture_output=True, text=True)
    return float(answer.stdout.splitlines()[-1])


def run_loop(
    ray: str, jobs: RayJobs, experiments: int, command: list[str], env: Mapping[str, str]
) -> None:
    before = set(jobs.jobs())
    submit = [ray, "job", "submit", "--no-wait", "--entrypoint-num-cpus", "1", "--"]
    for _ in range(experiments):
        quiet = subprocess.DEVNULL
        subprocess.run([*submit, *command], env=env, check=True, stdout=quiet, stderr=quiet)

    def are_over() -> bool:
        states = [job.status for name, job in jobs.jobs().items() if name not in before]
        return len(states) == experiments and all(state.is_terminal for state in states)

    wait_for(are_over, 600)


def client(experiments: int, command: str) -> float:
    """Submit bare jobs, and wait for their end, as a program with Ray's client would."""
    from ray.job_submission import JobSubmissionClient

    made = JobSubmissionClient(os.environ["RAY_ADDRESS"])
    began = time.perf_counter()
    names = [made.submit_job(entrypoint=command, entrypoint_num_cpus=1) for _ in range(experiments)]
    while names:
        time.sleep(POLL_INTERVAL)
        over = {job.submission_id for job in made.list_jobs() if job.status.is_terminal()}
        names = [name for name in names if name not in over]
    return time.perf_counter() - began


if __name__ == "__main__":
    print(client(int(sys.argv[1]), " ".join(sys.argv[2:])))
