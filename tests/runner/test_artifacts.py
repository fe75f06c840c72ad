"""Files reach the store whole, however they change while they are looked at."""

import os
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gridray import layout
from gridray.artifactindex import ArtifactIndex
from gridray.errors import StoreError
from gridray.layout import AttemptName
from gridray.runner import artifacts
from gridray.runner.artifacts import ArtifactSync
from gridray.states import State
from gridray.store import Store
from tests.runner.conftest import Start, run_again

NAME = AttemptName("run", 0, 0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "root"
    path.mkdir()
    return path


@pytest.fixture
def directory(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def indexed(store: Store) -> dict[str, int]:
    """Return the size of each file that the index names."""
    raw = store.find_json(layout.artifact_index(NAME))
    return {} if raw is None else {f.path: f.size for f in ArtifactIndex.from_json(raw).files}


def stored(store: Store) -> dict[str, bytes]:
    return {path: store.get(layout.artifact(NAME, path)) for path in indexed(store)}


def on_disk(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


@contextmanager
def meanwhile(work: Callable[[], None]) -> Iterator[None]:
    """Do something again and again, in a thread."""
    is_over = threading.Event()

    def loop() -> None:
        while not is_over.is_set():
            work()

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def settle(sync: ArtifactSync) -> None:
    while not sync.sync():
        time.sleep(0.05)


def test_a_file_that_grows_while_it_is_stored_is_stored_again(root: Path, store: Store) -> None:
    sync = ArtifactSync(store, NAME, root, frozenset())
    with open(root / "grows", "wb", buffering=0) as file:

        def grow() -> None:
            file.write(os.urandom(100_000))
            time.sleep(0.001)

        with meanwhile(grow):
            for _ in range(5):
                assert not sync.sync()
                assert set(indexed(store)) == {"grows"}
    settle(sync)
    assert stored(store) == on_disk(root)
    assert indexed(store) == {"grows": (root / "grows").stat().st_size}


def test_files_that_vanish_while_they_are_listed_do_no_harm(root: Path, directory: Store) -> None:
    rng = random.Random(1)
    sync = ArtifactSync(directory, NAME, root, frozenset())

    def churn() -> None:
        place = root / str(rng.randrange(10))
        if rng.random() < 0.5:
            shutil.rmtree(place, ignore_errors=True)
        else:
            (place / "deep").mkdir(parents=True, exist_ok=True)
            for number in range(20):
                (place / "deep" / str(number)).write_text(str(rng.random()))

    with meanwhile(churn):
        for _ in range(20):
            sync.sync()
            assert len(stored(directory)) == len(indexed(directory))
    settle(sync)
    assert stored(directory) == on_disk(root)
    assert not sync.not_kept


def test_ten_thousand_files(root: Path, directory: Store) -> None:
    for number in range(10_000):
        place = root / str(number % 100)
        place.mkdir(exist_ok=True)
        (place / str(number)).write_bytes(b"%d" % number)
        os.utime(place / str(number), (1, 1))
    sync = ArtifactSync(directory, NAME, root, frozenset())
    assert sync.sync()
    assert stored(directory) == on_disk(root)
    (root / "7" / "7").write_bytes(b"changed")
    os.utime(root / "7" / "7", (2, 2))
    settle(sync)
    assert directory.get(layout.artifact(NAME, "7/7")) == b"changed"


def test_a_sync_that_is_cut_off_has_named_what_it_had_stored(
    root: Path, directory: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifacts, "PUBLISH_INTERVAL", -1.0)
    (root / "d").mkdir()
    for age, path in enumerate(["newest", "newer", "d/old"]):
        (root / path).write_text(path)
        os.utime(root / path, (1000 - age, 1000 - age))
    in_the_way = Path(directory.url) / layout.artifacts(NAME) / "d"
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_text("a file where a directory has to be")
    sync = ArtifactSync(directory, NAME, root, frozenset())
    with pytest.raises(StoreError):
        sync.sync()
    assert set(indexed(directory)) == {"newest", "newer"}
    in_the_way.unlink()
    assert sync.sync()
    assert stored(directory) == on_disk(root)


def test_a_file_that_is_replaced_by_another_one_stays_until_that_is_stored(
    root: Path, directory: Store
) -> None:
    sync = ArtifactSync(directory, NAME, root, frozenset())
    (root / "checkpoint-1").write_text("1")
    settle(sync)
    in_the_way = Path(directory.url) / layout.artifacts(NAME) / "d"
    in_the_way.write_text("a file where a directory has to be")
    (root / "checkpoint-1").unlink()
    (root / "d").mkdir()
    (root / "d" / "checkpoint-2").write_text("2")
    with pytest.raises(StoreError):
        sync.sync()
    assert stored(directory) == {"checkpoint-1": b"1"}
    in_the_way.unlink()
    settle(sync)
    assert stored(directory) == {"d/checkpoint-2": b"2"}
    assert not directory.exists(layout.artifact(NAME, "checkpoint-1"))


def test_files_and_directories_take_each_others_names(root: Path, store: Store) -> None:
    sync = ArtifactSync(store, NAME, root, frozenset())
    (root / "a").write_text("file")
    (root / "b" / "c").mkdir(parents=True)
    (root / "b" / "c" / "d").write_text("deep")
    settle(sync)
    (root / "a").unlink()
    shutil.rmtree(root / "b")
    (root / "a" / "x").mkdir(parents=True)
    (root / "a" / "x" / "y").write_text("now deep")
    (root / "b").write_text("now a file")
    settle(sync)
    assert stored(store) == on_disk(root)


def test_a_large_file_that_is_newer_than_its_index_is_restored_whole(
    root: Path, directory: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gridray.objectfiles.PART", 10)
    (root / "weights").write_bytes(b"x" * 100)
    settle(ArtifactSync(directory, NAME, root, frozenset()))
    directory.put(layout.artifact(NAME, "weights"), b"y" * 55)
    (root / "weights").unlink()
    again = ArtifactSync(directory, replace(NAME, attempt=1), root, frozenset())
    again.restore(lambda: None)
    assert (root / "weights").read_bytes() == b"y" * 55
    settle(again)
    raw = directory.get_json(layout.artifact_index(replace(NAME, attempt=1)))
    (record,) = ArtifactIndex.from_json(raw).files
    assert (record.size, record.attempt) == (55, 0)


WRITES_ON = """
import os, shutil, time
n = 0
while True:
    shutil.rmtree(f'd/{n - 7}', ignore_errors=True)
    os.makedirs(f'd/{n}')
    for i in range(100): open(f'd/{n}/{i}', 'w').write('x' * i)
    n += 1
    time.sleep(0.05)
"""


def test_a_runner_that_is_killed_while_it_stores_names_no_file_that_is_missing(
    start: Start,
) -> None:
    attempt = start(WRITES_ON)
    attempt.wait_until(lambda: len(attempt.artifacts()) > 0)
    known = attempt.store.get(layout.artifact_index(attempt.name))
    # The next sync has begun once it has dropped what is gone from the index.
    attempt.wait_until(lambda: attempt.store.get(layout.artifact_index(attempt.name)) != known)
    attempt.process.kill()
    attempt.process.wait()
    found = attempt.artifacts()
    assert found
    for path in found:
        assert attempt.store.exists(layout.artifact(attempt.name, path))
    again = run_again(attempt, 1)
    again.wait_for_state(State.RUNNING)
    again.stop(grace=0)
    assert again.wait().state is State.CANCELLED
