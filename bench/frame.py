"""What all groups share: a row, pairs of measurements, and the things that cost time to start.

A group is a module with `rows(bench)`, which yields its rows as they are measured.
"""

import importlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bench import clusters
from bench.peers import Peers
from gridray.clusters.cluster import Cluster
from gridray.store import Store
from tests.cluster.autoscaling import AutoscalingCluster
from tests.s3 import BUCKET, S3Server

# In the order in which they are measured; those with a Ray cluster share one each.
GROUPS = (
    "start",
    "snapshot",
    "expand",
    "artifacts",
    "datastores",
    "logs",
    "controller",
    "submit",
    "sweep",
    "follow",
    "recovery",
    "head",
)
# What a user's own shell would not have, or would have changed.
FOREIGN = ("GRIDRAY_", "GRID_", "RAY_", "AWS_", "PYTHON")

# How often it is looked whether something is so (s): it is part of what is measured.
POLL_INTERVAL = 0.05


@dataclass(frozen=True)
class Row:
    """One comparison: what it took Gridray and what it took the peer, in `unit`s; less is better.

    `most` is the goal: the largest ratio that will do, or, where there is no peer, the largest
    amount. Without it the row is there to be read.
    """

    name: str
    ours: float
    peer: float | None = None
    against: str = ""
    most: float | None = None
    unit: str = "s"

    @property
    def ratio(self) -> float | None:
        return self.ours / self.peer if self.peer else None

    @property
    def goal(self) -> str:
        if self.most is None:
            return ""
        return f"≤ {self.most:g}" if self.against else f"≤ {self.most:g} {self.unit}"

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None: there is none, or no peer to compare with."""
        measured = self.ratio if self.against else self.ours
        return None if self.most is None or measured is None else measured <= self.most

    def __str__(self) -> str:
        ratio = "" if self.ratio is None else f", ratio {self.ratio:.3f}"
        peer = f" against {self.peer:.3f} ({self.against})" if self.peer is not None else ""
        verdict = {True: "met", False: "NOT MET", None: ""}[self.met]
        goal = f" goal {self.goal} {verdict}" if self.goal else ""
        return f"{self.name}: {self.ours:.3f} {self.unit}{peer}{ratio}{goal}".rstrip()

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "ours": _rounded(self.ours),
            "peer": _rounded(self.peer),
            "against": self.against,
            "unit": self.unit,
            "ratio": _rounded(self.ratio),
            "goal": self.goal,
            "met": self.met,
        }


class Bench:
    """A context: a directory, an environment and servers that are gone after it."""

    def __init__(self, *, small: bool) -> None:
        self.small = small
        self._stack = ExitStack()
        self.peers = Peers(may_install=not small)

    def __enter__(self) -> "Bench":
        for name in list(os.environ):
            if name.startswith(FOREIGN):
                del os.environ[name]
        self.directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        os.environ["GRIDRAY_HOME"] = str(self.directory / "gridray-home")
        self.use_store("store")
        return self

    def __exit__(self, *exception: Any) -> None:
        self._stack.close()

    def choose(self, full: int, small: int) -> int:
        """Return how many, in the full form or in the small one."""
        return small if self.small else full

    def use_store(self, name: str) -> None:
        """Have the commands use a store in a directory of this name."""
        os.environ["GRIDRAY_STORE"] = str(self.directory / name)

    def empty(self, name: str) -> Path:
        """Return a new directory; one that is there is removed first."""
        path = self.directory / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path

    @cached_property
    def ray(self) -> str:
        """The path of `ray` where nothing is installed but that; beside us, where it cannot be."""
        place = self.peers.find("ray")
        return program("ray") if place is None else str(place / "ray")

    @cached_property
    def cluster(self) -> Cluster:
        """This machine's own Ray cluster; it is started by the first group that asks for it.

        In the small form it is the other one, since a second cluster would take too long.
        """
        if self.small:
            return clusters.known_as_auto(self.autoscaling)
        return self._stack.enter_context(clusters.local())

    @cached_property
    def plain(self) -> Cluster:
        """A cluster like it that Ray's own command has started, for those who use Ray alone.

        Both are up whichever is measured, so that each bears the other. In the small form they
        are one.
        """
        own = self.cluster
        if self.small:
            return own
        return self._stack.enter_context(clusters.plain(self.directory / "plain"))

    @cached_property
    def autoscaling(self) -> AutoscalingCluster:
        """A cluster whose nodes come and go, which the settings call `auto`."""
        home = Path(os.environ["GRIDRAY_HOME"])
        return self._stack.enter_context(clusters.autoscaling(home, is_default=self.small))


@contextmanager
def s3_server(directory: Path) -> Iterator[S3Server]:
    """Have an S3 server, with what it needs in the environment; its files are gone after it.

    The first writing, which takes it long, was done.
    """
    server = S3Server(directory)
    server.start()
    try:
        server.create_bucket()
        os.environ |= {**server.variables, "S3_ENDPOINT_URL": server.endpoint}
        Store(f"s3://{BUCKET}/first").put("object", b"")
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory)


def rows_of(name: str, bench: Bench) -> Iterator[Row]:
    """Measure one group."""
    bench.use_store("store")
    module = importlib.import_module(f"bench.{name}")
    yield from module.rows(bench)


def program(name: str) -> str:
    """Return the path of a command beside the Python that runs this."""
    return str(Path(sys.executable).with_name(name))


def pairs(rounds: int, tasks: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    """Run the tasks one after the other, A B A B …; return the median of what each says it took."""
    timed: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            timed[name].append(task())
    return {name: statistics.median(values) for name, values in timed.items()}


def took(task: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    began = time.perf_counter()
    task()
    return time.perf_counter() - began


def timed(command: Sequence[str], **options: Any) -> float:
    """Return the seconds that a command takes, as a process of its own.

    Raises:
        subprocess.CalledProcessError: it fails; its output was printed.
    """
    quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
    quiet["stderr"] = subprocess.STDOUT
    began = time.perf_counter()
    answer = subprocess.run(command, **(quiet | options))
    seconds = time.perf_counter() - began
    if answer.returncode != 0:
        sys.stderr.write((answer.stdout or b"").decode(errors="replace"))
        answer.check_returncode()
    return seconds


def wait_for(condition: Callable[[], bool], timeout: float = 180.0) -> None:
    """Wait until something is so.

    Raises:
        TimeoutError: it is not, for so many seconds.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout:.0f} s in vain")
        time.sleep(POLL_INTERVAL)


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
