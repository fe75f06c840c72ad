"""Sweeps of counters under disasters; `pytest -m chaos` is the long form, for the night."""

import random
import time
from pathlib import Path

import pytest

from tests.chaos import counters
from tests.chaos.conftest import Place
from tests.chaos.disasters import Disasters, stored_by, thawing

SEEDS = [0, 1, *(pytest.param(seed, marks=pytest.mark.chaos) for seed in range(2, 22))]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost(place: Place, seed: int, tmp_path: Path) -> None:
    run = counters.submit(tmp_path, f"seed-{seed}", count=8, steps=80, retries=1)
    chance = random.Random(seed)
    with thawing(Disasters(place.cluster, place.s3, place.store, chance)) as disasters:
        run.wait_for_first_log()
        for disaster in disasters.sequence():
            time.sleep(chance.uniform(1, 6))
            disasters.strike(disaster)
        time.sleep(10)
    print(disasters.told)  # noqa: T201 (what the report of a failure shows)
    run.check(place.store, disasters.cut_off)
    for attempt, before in disasters.replaced.items():
        assert stored_by(place.store, attempt) == before, f"{attempt} wrote after it was replaced"


@pytest.mark.chaos
@pytest.mark.timeout(900)
def test_half_the_nodes_are_killed_twice(place: Place, tmp_path: Path) -> None:
    run = counters.submit(tmp_path, "fleet", count=20, steps=80)
    for _ in range(2):
        deadline = time.monotonic() + 200
        while len(place.cluster.nodes()) < 4 or run.run.status().summary.running < 6:
            assert time.monotonic() < deadline, run.run.status().summary
            time.sleep(0.5)
        time.sleep(3)
        for node in sorted(place.cluster.nodes())[::2]:
            place.cluster.kill_node(node)
    run.check(place.store)
    attempts = [each.attempt for each in run.run.status().experiments]
    assert sum(attempts) >= 4, attempts
