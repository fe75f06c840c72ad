"""The real controller and thousands of experiments, on a cluster that fails in every way."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from gridray import actions, layout
from gridray.readers.costs import run_cost
from gridray.records import RunRecord, RunStatus, decode
from gridray.states import State
from gridray.store import Store
from tests.builders import run_record
from tests.simulation.cluster import PlayedCluster, PlayedJob
from tests.simulation.driving import START, Story, add_run, drive
from tests.simulation.fate import MUCH, NONE

MEMORY_LIMIT = 300e6
# Each look of the controller submits 16 at most, so the size is what takes the time. Most of the
# ten thousand are over at the start: what is left is as many looks as fit into a test, each of them
# at the full size. `python -m tests.simulation` plays all of them.
EXPERIMENTS = 10_000
OVER = 9_000


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def played(store: Store, seed: int = 1) -> PlayedCluster:
    return PlayedCluster(store, seed=seed, trouble=MUCH, nodes=12, slots=8, now=START)


def run(name: str, count: int, **fields: object) -> RunRecord:
    return run_record(name, count, created_at=START, **fields)


def test_ten_thousand_experiments(store: Store, tmp_path: Path) -> None:
    record, cluster = run("sweep", EXPERIMENTS, auto_resume=True, retries=1), played(store)
    add_run(store, record, over=OVER)
    for index in range(OVER):
        cluster.add_succeeded(store.url, record, index)
    story = drive(cluster, store, tmp_path)
    assert story.violations(record) == []
    assert story.dashboard.asked["GET /api/jobs/"] <= len(story.looks)
    assert story.dashboard.refused_again == 0
    assert max(look.peak for look in story.looks) < MEMORY_LIMIT
    assert all(node.is_drained for node in cluster.nodes if node.has_told)
    assert any(node.has_told for node in cluster.nodes)


def test_no_run_starves_another(store: Store, tmp_path: Path) -> None:
    records = [
        run("large", 700, auto_resume=True, retries=1),
        run("small", 250, retries=2),
        run("third", 250, auto_resume=True),
        run("narrow", 40, auto_resume=True, max_parallel=4),
    ]
    for record in records:
        add_run(store, record)
    cluster = played(store, seed=2)
    story = drive(cluster, store, tmp_path)
    assert [line for record in records for line in story.violations(record)] == []
    assert story.dashboard.asked["GET /api/jobs/"] <= len(story.looks)
    shares = _shares(story, ["large", "small", "third"])
    assert min(shares.values()) >= 0.8 * max(shares.values())
    assert _most_at_once(cluster, "narrow") <= 4


def test_what_is_stopped_while_much_fails(store: Store, tmp_path: Path) -> None:
    record, cluster = run("sweep", 400, auto_resume=True, retries=1), played(store, seed=3)
    add_run(store, record)
    stopped = frozenset(range(60, 400, 3))

    def stop() -> None:
        for index in stopped:
            actions.stop(store, record.name, index, grace=5.0)

    story = drive(cluster, store, tmp_path, events={120: stop})
    assert story.violations(record, stopped) == []
    key = layout.status(record.name)
    rows = decode(RunStatus, store.get_json(key), key).rows
    cancelled = {index for index, row in enumerate(rows) if row.state is State.CANCELLED}
    assert cancelled <= stopped and len(cancelled) > 0.8 * len(stopped)
    assert len(stopped - set(cluster.attempts(record.name))) > 0.5 * len(stopped)
    check_cost(store, record)


def test_what_is_stopped_while_it_waits_leaves_rays_queue(store: Store, tmp_path: Path) -> None:
    record = run("sweep", 40)
    add_run(store, record)
    cluster = PlayedCluster(store, seed=9, trouble=NONE, nodes=1, slots=2, now=START)
    stopped = frozenset(range(1, 40, 2))

    def stop() -> None:
        for index in stopped:
            actions.stop(store, record.name, index, grace=5.0)

    story = drive(cluster, store, tmp_path, events={22: stop})
    assert story.violations(record, stopped) == []
    withdrawn = {job.name.index for job in cluster.jobs.values() if job.is_withdrawn}
    assert withdrawn and withdrawn <= stopped
    assert all(len(jobs) == 1 for jobs in cluster.attempts(record.name).values())


@pytest.mark.parametrize("seed", [4, 5])
def test_a_controller_that_is_killed_again_and_again(
    store: Store, tmp_path: Path, seed: int
) -> None:
    records = [run("sweep", 300, auto_resume=True, retries=1), run("other", 100, retries=1)]
    for record in records:
        add_run(store, record)
    kill_at = sorted(random.Random(seed).sample(range(5, 500), 14))
    story = drive(played(store, seed), store, tmp_path, kill_at=kill_at)
    assert [line for record in records for line in story.violations(record)] == []
    assert story.killed >= 10
    for record in records:
        check_cost(store, record)
    looks = len(story.looks) + story.killed
    assert story.dashboard.asked["GET /api/jobs/"] <= looks


@pytest.mark.parametrize("seed", [6, 8])
def test_a_cut_off_runner_has_its_last_word_while_a_new_controller_starts(
    store: Store, tmp_path: Path, seed: int
) -> None:
    record = run("sweep", 300, auto_resume=True, retries=1)
    add_run(store, record)
    trouble = replace(MUCH, node_cut_off=0.15)
    cluster = PlayedCluster(store, seed=seed, trouble=trouble, nodes=12, slots=8, now=START)

    def kill_when_taken(job: PlayedJob) -> bool:
        """Whether it takes the place of one whose runner still lives: nothing is recorded yet."""
        if job.name.attempt == 0:
            return False
        before = cluster.attempts(record.name)[job.name.index][-2].runner
        return before is not None and before.exit_code is None

    story = drive(cluster, store, tmp_path, kill_when_taken=kill_when_taken)
    assert story.violations(record) == []
    assert story.killed > 0
    check_cost(store, record)


def check_cost(store: Store, record: RunRecord) -> None:
    """Check that what the rows of a run say it has cost is the sum over its attempts."""
    key = layout.status(record.name)
    rows = decode(RunStatus, store.get_json(key), key).rows
    attempts = run_cost(store, record.name, START).attempts
    for index, row in enumerate(rows):
        mine = [each for each in attempts if each.name.index == index]
        assert (row.spent or 0.0) == pytest.approx(sum(each.cost or 0.0 for each in mine)), mine
        lost = sum(each.cost or 0.0 for each in mine if each.is_lost)
        assert row.wasted == pytest.approx(lost), mine
        assert row.rate is None
    assert len(attempts) > record.count / 2


def _shares(story: Story, runs: list[str]) -> dict[str, int]:
    """Return how many experiments of each run were submitted while each had some that were not."""
    firsts = [job.name for job in story.cluster.jobs.values() if job.name.attempt == 0]
    shares = dict.fromkeys(runs, 0)
    sizes = {name: sum(first.run == name for first in firsts) for name in runs}
    for first in firsts:
        if first.run in shares:
            shares[first.run] += 1
            if shares[first.run] == sizes[first.run]:
                break
    return shares


def _most_at_once(cluster: PlayedCluster, name: str) -> int:
    """Return how many attempts of a run there were at once, from submission to the last word."""
    spans = []
    for jobs in cluster.attempts(name).values():
        for job in jobs:
            word_at = job.runner.word_at if job.runner else None
            ends = [end for end in (word_at, job.over_time) if end is not None]
            spans.append((job.start_time, min(ends)))
    return max(sum(start <= moment < end for start, end in spans) for moment, _ in spans)
