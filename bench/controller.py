"""How the controller's look and memory grow with the number of experiments, on a played cluster."""

import os
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence

from bench.frame import Bench, Row, pairs, program, timed
from gridray.records import Row as Experiment
from gridray.states import State
from gridray.store import Store
from tests.builders import add_run as add_finished_run
from tests.builders import run_record
from tests.simulation.cluster import PlayedCluster
from tests.simulation.controller import ControllerProcess, Look, looks
from tests.simulation.dashboard import PlayedDashboard
from tests.simulation.driving import CLUSTER, START, add_run
from tests.simulation.fate import NONE

COUNTS = (100, 1_000, 10_000, 100_000)
SMALL_COUNTS = (20, 200)
# Seconds of looking, of which the first ones are left out: they read the run.
SECONDS = 25
WARM = 3
STATUS_ROUNDS = 5
# So many are over: a row of these is more to remember than one that waits.
OVER = 0.9


def rows(bench: Bench) -> Iterator[Row]:
    before: tuple[int, float, float] | None = None
    for count in SMALL_COUNTS if bench.small else COUNTS:
        found = look(bench, count)
        tick = statistics.median(each.took for each in found[min(WARM, len(found) - 1) :])
        peak = max(each.peak for each in found) / 1e6
        if before is not None:
            fewer, last_tick, last_peak = before
            against, most = f"{fewer:,} experiments", count / fewer
            yield Row(f"controller: a look at {count:,}", tick, last_tick, against, most)
            yield Row(f"controller: memory at {count:,}", peak, last_peak, against, most, "MB")
        before = count, tick, peak
    yield Row(f"controller: memory at {count:,}", peak, most=1000, unit="MB")
    yield status(bench)


def look(bench: Bench, count: int) -> Sequence[Look]:
    """Let a controller work on a run of so many experiments for a while."""
    directory = bench.empty("controller")
    store, log = Store(str(directory / "store")), directory / "looks"
    record, over = run_record("sweep", count, created_at=START), int(OVER * count)
    add_run(store, record, over=over)
    cluster = PlayedCluster(store, seed=1, trouble=NONE, nodes=16, slots=8, now=START)
    for index in range(over):
        cluster.add_succeeded(store.url, record, index)
    with PlayedDashboard(cluster) as dashboard:
        process = ControllerProcess(store, dashboard.address, CLUSTER, cluster.now, log)
        try:
            process.wait(bench.choose(SECONDS, 3))
        except subprocess.TimeoutExpired:
            pass
        finally:
            process.kill()
            process.wait(10)
    return looks(log)


def status(bench: Bench) -> Row:
    count, now = bench.choose(10_000, 100), time.time()
    bench.use_store("status-store")
    over = Experiment(State.SUCCEEDED, None, 0, 0, now, now, now, now)
    add_finished_run(Store(os.environ["GRIDRAY_STORE"]), "bench", [over] * count)
    command = [program("gridray"), "status", "bench"]
    medians = pairs(bench.choose(STATUS_ROUNDS, 1), {"status": lambda: timed(command)})
    return Row(f"`gridray status` of {count:,} experiments", medians["status"], most=0.5)
