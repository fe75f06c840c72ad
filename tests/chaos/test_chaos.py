"""A sweep of counters under random disasters; its end is checked against a model.

Each counter keeps its steps in one file, and goes on from it. `pytest -m chaos` runs many seeds.
"""

import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import gridray
from gridray import layout
from gridray.layout import AttemptName
from gridray.readers import logs
from gridray.records import ArtifactIndex
from gridray.states import State
from gridray.store import Store
from tests.chaos.disasters import Disasters, stored_by, thawing
from tests.cluster.autoscaling import AutoscalingCluster, NodeType
from tests.s3 import BUCKET, S3Server

STEPS = 80
EXPERIMENTS = 6
STRIKES = 8
NODE_TYPES = {"spot": NodeType({"CPU": 2, "GPU": 2}, 2, {"ray.io/market-type": "spot"})}

COUNTER = """
import os, signal, sys, time
def stop(*_):
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
steps, journal, attempt = int(sys.argv[1]), sys.argv[2], os.environ['GRIDRAY_ATTEMPT']
path = journal + "/" + os.environ["GRIDRAY_EXPERIMENT_INDEX"]
witness = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
done = open('steps').read() if os.path.exists('steps') else ''
n = done.count('\\n')
print('from', n, flush=True)
while n < steps:
    n += 1
    done += f'{n}\\n'
    open('new', 'w').write(done); os.replace('new', 'steps')
    os.write(witness, f'{attempt}\\n'.encode())
    print('step', n, flush=True)
    time.sleep(0.25)
print('done')
"""

SEEDS = [0, 1, *(pytest.param(seed, marks=pytest.mark.chaos) for seed in range(2, 22))]


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[AutoscalingCluster, S3Server, Path]]:
    """A cluster and an S3 server that nobody else needs, and a home that knows them."""
    home = Path(tempfile.mkdtemp(prefix="gridray-test-"))
    s3 = S3Server(home / "s3")
    s3.start()
    s3.create_bucket()
    try:
        with AutoscalingCluster(NODE_TYPES, s3.variables) as cluster:
            (home / "settings.toml").write_text(cluster.settings)
            yield cluster, s3, home
    finally:
        s3.stop()
        shutil.rmtree(home, ignore_errors=True)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost(
    place: tuple[AutoscalingCluster, S3Server, Path],
    seed: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster, s3, home = place
    for name, value in s3.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GRIDRAY_HOME", str(home))
    monkeypatch.setenv("GRIDRAY_STORE", f"s3://{BUCKET}/chaos")
    store = Store(f"s3://{BUCKET}/chaos", patient=True)
    journal = tmp_path / "journal"
    journal.mkdir()
    run = submit(tmp_path, journal, f"seed-{seed}")
    chance = random.Random(seed)
    with thawing(Disasters(cluster, s3, store, chance)) as disasters:
        wait_for_first_log(run)
        for _ in range(STRIKES):
            time.sleep(chance.uniform(1, 6))
            disasters.strike()
        time.sleep(10)
    print(disasters.told)  # noqa: T201 (what a failure's report shows)
    view = run.wait(timeout=300)
    print([(each.name, each.attempt, each.explanation) for each in view.experiments])  # noqa: T201
    assert [each.state for each in view.experiments] == [State.SUCCEEDED] * EXPERIMENTS
    for experiment in view.experiments:
        check_files(store, run.name, experiment.index, experiment.attempt)
        check_log(store, AttemptName(run.name, experiment.index, experiment.attempt))
        check_alone(journal, experiment.index, disasters)
    for attempt, before in disasters.replaced.items():
        assert stored_by(store, attempt) == before, f"{attempt} wrote after it was replaced"


def submit(tmp_path: Path, journal: Path, name: str) -> gridray.Run:
    project = tmp_path / "project"
    project.mkdir()
    (project / "main.py").write_text(COUNTER)
    spec = gridray.RunSpec(
        script="main.py",
        args=(str(STEPS), str(journal), "--x", f"range({EXPERIMENTS})"),
        root=project,
        name=name,
        cluster="auto",
        gpus=1,
        cpus=0.1,
        auto_resume=True,
        retries=STRIKES,
        grace=5,
    )
    return gridray.submit(spec)


def wait_for_first_log(run: gridray.Run) -> None:
    deadline = time.monotonic() + 120
    while not any(experiment.log() for experiment in run.experiments):
        assert time.monotonic() < deadline, run.status()
        time.sleep(0.5)


def check_files(store: Store, run: str, index: int, last: int) -> None:
    """Each step is there once and in order; each attempt went on from what the last one stored."""
    expected = "".join(f"{n}\n" for n in range(1, STEPS + 1)).encode()
    assert steps_of(store, AttemptName(run, index, last)) == expected
    stored = b""
    for attempt in range(last + 1):
        name = AttemptName(run, index, attempt)
        lines = b"".join(logs.raw(store, name)).splitlines()
        if lines:
            assert lines[0] == b"from %d" % stored.count(b"\n"), f"{name} did not go on"
        if store.exists(layout.artifact_index(name)):
            stored = steps_of(store, name)


def steps_of(store: Store, name: AttemptName) -> bytes:
    """Return the steps that an attempt's files show, wherever their copy is."""
    key = layout.artifact_index(name)
    for file in ArtifactIndex.from_json(store.get_json(key)).files:
        if file.path == "steps":
            return store.get(
                layout.artifact(AttemptName(name.run, name.index, file.attempt), "steps")
            )
    return b""


def check_log(store: Store, name: AttemptName) -> None:
    """Every line that the last attempt wrote is in the store, once and in order."""
    first, *others = b"".join(logs.raw(store, name)).decode().splitlines()
    begun = int(first.removeprefix("from "))
    assert others == [*(f"step {n}" for n in range(begun + 1, STEPS + 1)), "done"]


def check_alone(journal: Path, index: int, disasters: Disasters) -> None:
    """No attempt did a step after the next one had; one that was cut off could not know."""
    cut_off = {name.attempt for name in disasters.cut_off if name.index == index}
    seen = [int(line) for line in (journal / str(index)).read_text().splitlines()]
    known = [attempt for attempt in seen if attempt not in cut_off]
    assert known == sorted(known), f"two attempts of exp{index} at once: {seen}"
