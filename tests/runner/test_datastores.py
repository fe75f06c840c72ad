"""Datastores reach the script: whole, once a node, where they are wanted, and nowhere else."""

import os
import stat
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from gridray import layout
from gridray.datastores import cache as caching
from gridray.datastores import catalog
from gridray.datastores.cache import LIMIT, Cache
from gridray.datastores.create import create
from gridray.datastores.fetch import Reader, reader
from gridray.datastores.manifest import DataFile
from gridray.datastores.mounts import Mounts
from gridray.errors import DatastoreError
from gridray.layout import AttemptName
from gridray.records import DatastoreRecord, read_run
from gridray.runner.ending import Ending
from gridray.runner.preparation import EndedError
from gridray.states import Reason, State
from gridray.store import Store
from tests.runner.conftest import Attempt, Start, _start
from tests.runner.gate import Gate

# Prints each file with its content, whether it can be executed, and where it was told to look.
LIST = """
import os
place = os.environ["GRIDRAY_DATASTORE_MY_SET"]
print(place)
for directory, _, names in sorted(os.walk(place)):
    for name in sorted(names):
        path = os.path.join(directory, name)
        mode = oct(os.stat(path).st_mode & 0o777)
        print(ascii(os.path.relpath(path, place)), open(path, "rb").read(), mode, flush=True)
"""
WAIT = LIST + "import time\ntime.sleep(600)\n"


def nobody() -> None:
    """Heed nobody."""


@pytest.fixture
def directory_store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    root = tmp_path / "My Set"
    (root / "sub").mkdir(parents=True)
    (root / "a").write_bytes(b"one")
    (root / "sub" / "b").write_bytes(b"two")
    (root / "sub" / "b").chmod(0o700)
    (root / "l").symlink_to("sub/b")
    return root


@pytest.fixture
def place(tmp_path: Path) -> str:
    return str(tmp_path / "mounts" / "my-set")


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    yield Cache(tmp_path / "node")
    caching.remove(tmp_path / "node")


def mounted(number: int, place: str) -> tuple[DatastoreRecord, ...]:
    return (DatastoreRecord("my-set", number, place),)


def beside(attempt: Attempt, run: str, datastores: tuple[DatastoreRecord, ...]) -> Attempt:
    """Start the same script of another run on the same node."""
    record = replace(read_run(attempt.store, attempt.name.run), name=run, datastores=datastores)
    points = attempt.store.get_json(layout.wave(attempt.name.run, 0))
    attempt.store.put_json(layout.wave(run, 0), points)
    attempt.store.create_json(layout.run_record(run), record.to_json())
    return _start(attempt.store, AttemptName(run, 0, 0), attempt.temporary)


def end(attempt: Attempt) -> None:
    attempt.process.kill()
    attempt.process.communicate()


def test_a_script_finds_its_datastore(
    start: Start, store: Store, dataset: Path, place: str
) -> None:
    create(store, str(dataset))
    attempt = start(LIST, store=store, datastores=mounted(1, place))
    assert attempt.wait().state is State.SUCCEEDED, attempt.output
    assert attempt.log().decode().splitlines() == [
        place,
        "'a' b'one' 0o444",
        "'l' b'two' 0o555",
        "'sub/b' b'two' 0o555",
    ]
    # The link goes with the last that used it; what is in the cache stays.
    assert not os.path.lexists(place)
    (whole,) = attempt.temporary.glob("gridray-*/datastores/*/files")
    assert stat.S_IMODE((whole / "sub").stat().st_mode) == 0o555
    assert attempt.artifacts() == {}


def test_two_on_one_node_download_once(
    start: Start, s3_store: Store, gate: Gate, dataset: Path, place: str
) -> None:
    create(s3_store, str(dataset))
    first = start(WAIT, store=s3_store, datastores=mounted(1, place))
    first.wait_for_log(b"sub/b")
    # What is not there any more cannot be downloaded again.
    s3_store.delete_prefix(layout.datastore_files("my-set"))
    second = beside(first, "second", mounted(1, place))
    third = beside(first, "third", mounted(1, place + "-elsewhere"))
    for attempt in (second, third):
        attempt.wait_for_log(b"sub/b")
    end(first)
    assert os.path.exists(place)
    for attempt in (second, third):
        end(attempt)


def test_a_node_that_is_asked_twice_at_once_downloads_once(
    start: Start, s3_store: Store, gate: Gate, dataset: Path, place: str
) -> None:
    create(s3_store, str(dataset))
    gate.hold("/files/")
    first = start(WAIT, store=s3_store, datastores=mounted(1, place))
    second = beside(first, "second", mounted(1, place))
    gate.wait_for("/files/", 2)
    gate.hold(None)
    for attempt in (first, second):
        attempt.wait_for_log(b"sub/b")
        end(attempt)
    asked = [path for path in gate.asked if "/files/" in path]
    assert len(asked) == 2 == len(set(asked))


def test_who_waits_or_downloads_can_be_stopped(
    start: Start, s3_store: Store, gate: Gate, dataset: Path, place: str
) -> None:
    create(s3_store, str(dataset))
    gate.hold("/files/")
    first = start(WAIT, store=s3_store, datastores=mounted(1, place))
    gate.wait_for("/files/", 1)
    second = beside(first, "second", mounted(1, place))
    second.wait_for_state(State.BUILDING)
    second.stop(0)
    assert second.wait().reason is Reason.STOPPED
    first.stop(0)
    gate.hold(None)
    assert first.wait().reason is Reason.STOPPED


def test_another_version_at_the_same_place_is_refused(
    start: Start, directory_store: Store, dataset: Path, place: str
) -> None:
    create(directory_store, str(dataset))
    (dataset / "a").write_bytes(b"three")
    create(directory_store, str(dataset))
    first = start(WAIT, datastores=mounted(1, place))
    first.wait_for_log(b"sub/b")
    second = beside(first, "second", mounted(2, place))
    state = second.wait()
    assert state.reason is Reason.DATASTORE_FAILED and state.message is not None
    assert "--datastore_mount_dir" in state.message and "my-set:2" in state.message
    # Killed outright, the first leaves a link behind, which is replaced.
    end(first)
    assert os.path.lexists(place)
    third = beside(first, "third", mounted(2, place))
    third.wait_for_log(b"b'three'")
    end(third)


@pytest.mark.parametrize("kind", ["file", "directory", "link"])
def test_what_is_not_ours_is_left_alone(
    start: Start, directory_store: Store, dataset: Path, place: str, kind: str
) -> None:
    create(directory_store, str(dataset))
    Path(place).parent.mkdir()
    if kind == "link":
        Path(place).symlink_to("/nowhere")
    elif kind == "file":
        Path(place).write_text("mine")
    else:
        Path(place).mkdir()
    before = os.lstat(place)
    state = start(LIST, datastores=mounted(1, place)).wait()
    assert state.reason is Reason.DATASTORE_FAILED
    assert state.message is not None and place in state.message
    assert "--datastore_mount_dir" in state.message
    assert os.lstat(place).st_ino == before.st_ino


def test_a_place_that_cannot_be_made_is_told(
    start: Start, directory_store: Store, dataset: Path
) -> None:
    create(directory_store, str(dataset))
    state = start(LIST, datastores=mounted(1, "/proc/datastores/my-set")).wait()
    assert state.reason is Reason.DATASTORE_FAILED and state.message is not None
    assert "/proc/datastores/my-set cannot be made" in state.message
    assert "--datastore_mount_dir" in state.message


def test_a_version_that_is_gone_is_told(
    start: Start, directory_store: Store, dataset: Path, place: str
) -> None:
    create(directory_store, str(dataset))
    state = start(LIST, datastores=mounted(7, place)).wait()
    assert state.reason is Reason.DATASTORE_FAILED and "'my-set'" in (state.message or "")


def brought(store: Store, cache: Cache, heed: Callable[[], None] = nobody) -> Path:
    """Bring the newest version into a cache, and let go of it."""
    with ExitStack() as stack:
        return hold(store, cache, stack, heed=heed)


def hold(
    store: Store,
    cache: Cache,
    stack: ExitStack,
    name: str = "my-set",
    heed: Callable[[], None] = nobody,
) -> Path:
    version = catalog.find_version(store, name)
    manifest = catalog.read_manifest(store, version)
    return cache.hold(version, manifest, reader(store, version), stack, heed)


def test_damaged_and_missing_files_are_named(store: Store, dataset: Path, cache: Cache) -> None:
    create(store, str(dataset))
    manifest = catalog.read_manifest(store, catalog.find_version(store, "my-set"))
    digest = next(file.digest for file in manifest.files if file.path == "sub/b") or ""
    store.put(layout.datastore_file("my-set", digest), b"2wo")
    with pytest.raises(DatastoreError, match=r"sub/b of the datastore my-set:1 is damaged"):
        brought(store, cache)
    store.delete(layout.datastore_file("my-set", digest))
    with pytest.raises(DatastoreError, match=r"sub/b of the datastore my-set:1 is not in"):
        brought(store, cache)
    assert [path.name for path in cache.base.iterdir()] == ["locks"]


def test_a_download_that_was_cut_off_goes_on(
    store: Store, dataset: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(store, str(dataset))
    monkeypatch.setattr("gridray.datastores.fetch.SMALL_AT_ONCE", 1)

    def stop() -> None:
        raise EndedError(Ending(Reason.STOPPED, 0))

    with pytest.raises(EndedError):
        brought(store, cache, stop)
    (partial,) = cache.base.glob("*/partial")
    there = [path for path in partial.rglob("*") if path.is_file()]
    assert there
    # Neither half a file nor a strange one is taken for what it should be.
    there[0].chmod(0o600)
    there[0].write_bytes(b"onE")
    (partial / "strange").write_text("")
    tree = brought(store, cache)
    assert (tree / "a").read_bytes() == b"one" and (tree / "l").read_bytes() == b"two"
    assert sorted(path.name for path in tree.iterdir()) == ["a", "l", "sub"]
    assert not partial.exists()


def test_what_a_script_has_changed_is_mended(store: Store, dataset: Path, cache: Cache) -> None:
    create(store, str(dataset))
    tree = brought(store, cache)
    (tree / "a").chmod(0o644)
    (tree / "a").write_bytes(b"ONE")
    assert (brought(store, cache) / "a").read_bytes() == b"one"
    with ExitStack() as stack:
        hold(store, cache, stack)
        (tree / "a").chmod(0o644)
        with pytest.raises(DatastoreError, match="another experiment uses them"):
            brought(store, cache)


def test_large_files_come_in_parts(
    store: Store, tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gridray.datastores.fetch.LARGE", 1_000_000)
    monkeypatch.setattr("gridray.datastores.parts.PART", 300_001)
    data = os.urandom(3_000_000)
    (tmp_path / "my-set").write_bytes(data)
    create(store, str(tmp_path / "my-set"))
    assert (brought(store, cache) / "my-set").read_bytes() == data


def test_the_oldest_goes_when_there_is_no_room(
    store: Store, tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LIMIT, "120KB")
    for name in ("first", "second", "third"):
        (tmp_path / name).write_text(name * 10_000)
        create(store, str(tmp_path / name))
    with ExitStack() as stack:
        hold(store, cache, stack, "first")
    with ExitStack() as stack:
        second = hold(store, cache, stack, "second")
    with ExitStack() as stack:
        first = hold(store, cache, stack, "first")
        # The second was used before the first was used again; the first is in use.
        third = hold(store, cache, stack, "third")
        assert first.exists() and third.exists() and not second.exists()
        with pytest.raises(DatastoreError, match=f"{LIMIT} allows 120,000"):
            hold(store, cache, stack, "second")
    assert cache.clear()[0] == 2
    monkeypatch.setenv(LIMIT, "10KB")
    with ExitStack() as stack, pytest.raises(DatastoreError, match="takes 53,248 bytes"):
        hold(store, cache, stack, "first")


def test_a_full_disk_leaves_nothing(
    store: Store, tmp_path: Path, cache: Cache, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "my-set").write_bytes(bytes(3_000_000))
    create(store, str(tmp_path / "my-set"))
    request.getfixturevalue("full_disk")
    with pytest.raises(DatastoreError, match=r"my-set:1 \(3,000,000 bytes\) cannot be written"):
        brought(store, cache)
    assert [path.name for path in cache.base.iterdir()] == ["locks"]


def test_by_reference(s3_store: Store, cache: Cache) -> None:
    source = Store(f"{s3_store.url}/elsewhere/my-set")
    source.put("a", b"one")
    source.put("sub/b", b"")
    create(s3_store, source.url, copy=False)
    tree = brought(s3_store, cache)
    assert (tree / "a").read_bytes() == b"one" and (tree / "sub/b").read_bytes() == b""
    cache.clear()
    source.put("a", b"ONE")
    with pytest.raises(DatastoreError, match="my-set/a has changed since"):
        brought(s3_store, cache)
    source.delete("a")
    with pytest.raises(DatastoreError, match="my-set/a is not there any more"):
        brought(s3_store, cache)


def test_a_place_within_another_datastore_is_refused(
    directory_store: Store, dataset: Path, cache: Cache, tmp_path: Path
) -> None:
    create(directory_store, str(dataset))
    outer = tmp_path / "outer"
    with ExitStack() as stack:
        tree = hold(directory_store, cache, stack)
        Mounts(cache).put(outer, tree, "it", stack, nobody)
        with pytest.raises(DatastoreError, match="lies in another datastore"):
            Mounts(cache).put(outer / "sub" / "x", tree, "it", stack, nobody)
        assert not os.path.lexists(tree / "sub" / "x")
    assert not os.path.lexists(outer)


def test_many_at_once_share_one_download(store: Store, dataset: Path, cache: Cache) -> None:
    create(store, str(dataset))
    asked: list[str] = []

    class Counting:
        def __init__(self, inner: Reader) -> None:
            self._inner = inner

        def content(self, file: DataFile) -> Generator[bytes, None, None]:
            asked.append(file.path)
            yield from self._inner.content(file)

    version = catalog.find_version(store, "my-set")
    manifest = catalog.read_manifest(store, version)

    def bring() -> None:
        with ExitStack() as stack:
            source = Counting(reader(store, version))
            assert cache.hold(version, manifest, source, stack, nobody).exists()

    threads = [threading.Thread(target=bring) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(asked) == ["a", "sub/b"]
