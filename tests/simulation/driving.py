"""Runs whole runs through the real controller and the played cluster, and says what came of it."""

import random
import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gridray import layout
from gridray.records import Point, Row, RunRecord, RunStatus, decode, write_points
from gridray.states import State
from gridray.store import Store
from tests.simulation.cluster import PlayedCluster, PlayedJob
from tests.simulation.controller import ControllerProcess, Look, looks
from tests.simulation.dashboard import PlayedDashboard
from tests.simulation.model import violations

TIMEOUT = 600.0
# The cluster of tests/builders.py.
CLUSTER = "local-1"
# When the simulated time begins (Unix, s).
START = 1_700_000_000.0


@dataclass
class Story:
    """What came of it: the looks of all controllers, and how many of these were killed."""

    store: Store
    cluster: PlayedCluster
    dashboard: PlayedDashboard
    looks: Sequence[Look]
    killed: int
    took: float

    def violations(self, record: RunRecord, stopped: frozenset[int] = frozenset()) -> Sequence[str]:
        """Return what is wrong with a run, in words."""
        key = layout.status(record.name)
        status = decode(RunStatus, self.store.get_json(key), key)
        return list(violations(record, status.rows, self.cluster, stopped))

    def __str__(self) -> str:
        took = sorted(1e3 * look.took for look in self.looks)
        busy = sorted(1e3 * look.busy for look in self.looks)
        runs = self.store.names(layout.RUNS)
        size = sum(self.store.size(layout.status(run)) or 0 for run in runs)
        listing = len(self.cluster.listing())
        return "\n".join(
            [
                f"{len(self.cluster.jobs)} attempts, {len(took)} looks, {self.took:.1f} s, "
                f"{self.killed} controllers killed",
                f"look: median {statistics.median(took):.0f} ms, "
                f"99th percentile {took[int(0.99 * len(took))]:.0f} ms, longest {took[-1]:.0f} ms",
                f"of it processor time: median {statistics.median(busy):.0f} ms, "
                f"longest {busy[-1]:.0f} ms",
                f"peak memory {max(look.peak for look in self.looks) / 1e6:.0f} MB, "
                f"status.json {size / 1e6:.2f} MB, list of jobs {listing / 1e6:.1f} MB",
                ", ".join(f"{count} {route}" for route, count in self.dashboard.asked.items()),
            ]
        )


def add_run(store: Store, record: RunRecord, *, over: int = 0) -> None:
    """Record a run as a client does, up to the marker from which the controller takes it.

    Args:
        over: how many experiments have succeeded already.
    """
    points = [Point({"seed": str(seed)}, (f"--seed={seed}",)) for seed in range(record.count)]
    write_points(store, record.name, points)
    store.put(layout.active_run(record.cluster.key, record.name, record.identity), b"")
    store.create_json(layout.run_record(record.name), record.to_json())
    if over:
        succeeded = Row(State.SUCCEEDED, None, 0, 0, START, START, START, START)
        rows = [succeeded] * over + [Row(queued_at=START)] * (record.count - over)
        store.put_json(layout.status(record.name), RunStatus(START, tuple(rows)).to_json())


class _Controllers:
    """Controllers, one after the other, until one ends by itself. `killed` counts the others."""

    def __init__(self, make: Callable[[], ControllerProcess]) -> None:
        self.killed = 0
        self._make = make
        self._process = make()

    def kill(self, after: float = 0.0) -> None:
        """Kill the one that works now, in so many seconds."""
        if after:
            threading.Timer(after, self._process.kill).start()
        else:
            self._process.kill()

    def work(self) -> None:
        try:
            while self._process.wait(TIMEOUT):
                self.killed += 1
                self._process = self._make()
        finally:
            self._process.kill()


def drive(
    cluster: PlayedCluster,
    store: Store,
    directory: Path,
    *,
    kill_at: Sequence[int] = (),
    kill_when_taken: Callable[[PlayedJob], bool] = lambda job: False,
    events: Mapping[int, Callable[[], None]] | None = None,
) -> Story:
    """Let controllers work until no run is active.

    Args:
        kill_at: the numbers of those requests during, or just after, which a controller is killed.
        kill_when_taken: whether it is killed before it hears that a job was taken.
        events: what else is to be done, by the number of the request before which it is.
    """
    log = directory / "looks"
    chance = random.Random(len(kill_at))
    began = time.perf_counter()
    with PlayedDashboard(cluster) as dashboard:
        controllers = _Controllers(
            lambda: ControllerProcess(store, dashboard.address, CLUSTER, cluster.now, log)
        )

        def on_request(number: int) -> None:
            if events and number in events:
                events[number]()
            if number in kill_at:
                controllers.kill(chance.choice((0.0, 0.005, 0.05)))

        def on_taken(job: PlayedJob) -> None:
            if kill_when_taken(job):
                controllers.kill()

        dashboard.on_request, dashboard.on_taken = on_request, on_taken
        controllers.work()
    took = time.perf_counter() - began
    return Story(store, cluster, dashboard, looks(log), controllers.killed, took)
