"""Versions: what they are made of, what is sent for them, and what makes none."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gridray import layout, settings
from gridray.datastores import catalog, upload, workplace
from gridray.datastores.create import create
from gridray.datastores.hashes import HashCache
from gridray.datastores.manifest import DataFile, Manifest, check_paths
from gridray.errors import DamagedError, DatastoreError, NotFoundError, StateError, UsageError
from gridray.store import Store
from tests.datastores.conftest import contents
from tests.runner.gate import Gate
from tests.s3 import BUCKET, S3Server


def listed(store: Store, name: str, number: int | None = None) -> dict[str, DataFile]:
    version = catalog.find_version(store, name, number)
    return {file.path: file for file in catalog.read_manifest(store, version).files}


def test_a_directory_becomes_a_version(store: Store, dataset: Path) -> None:
    made = create(store, str(dataset))
    assert str(made.version) == "data-set:1" and made.sent == 2 and made.same_as is None
    assert (made.version.files, made.version.size) == (4, 9)
    files = listed(store, "data-set")
    assert files["a"] == DataFile("a", 3, 0o644, hashlib.sha256(b"one").hexdigest())
    assert files["sub/c"].mode == 0o755 and files["l"].link == "sub/b"
    assert contents(store, "data-set") == {b"one", b"two"}


def test_only_what_is_new_is_sent(store: Store, dataset: Path) -> None:
    create(store, str(dataset))
    (dataset / "a").write_bytes(b"1")
    changed = create(store, str(dataset))
    assert (changed.version.number, changed.sent, changed.sent_bytes) == (2, 1, 1)
    assert listed(store, "data-set", 1)["a"].size == 3
    again = create(store, str(dataset))
    assert (again.version.number, again.sent, again.same_as) == (3, 0, 2)


def test_hostile_names(store: Store, tmp_path: Path, hostile_names: list[str]) -> None:
    root = tmp_path / "hostile"
    for name in hostile_names:
        (root / "dir").mkdir(parents=True, exist_ok=True)
        (root / "dir" / name).write_bytes(os.fsencode(name))
    create(store, str(root))
    assert set(listed(store, "hostile")) == {f"dir/{name}" for name in hostile_names}
    assert contents(store, "hostile") == {os.fsencode(name) for name in hostile_names}


def test_a_single_file(store: Store, dataset: Path) -> None:
    made = create(store, str(dataset / "l"))
    assert list(listed(store, made.version.name)) == ["b"] and made.version.name == "b"


def test_large_files_go_in_parts(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "LARGE", 1_000_000)
    data = os.urandom(20_000_000)
    (tmp_path / "big").write_bytes(data)
    create(store, str(tmp_path / "big"))
    assert contents(store, "big") == {data}


@pytest.mark.parametrize("target", ["/etc", "..", "../outside", "sub/../../outside"])
def test_a_link_that_leaves_is_named(store: Store, dataset: Path, target: str) -> None:
    (dataset / "leaves").symlink_to(target)
    with pytest.raises(DatastoreError, match="leaves leads to"):
        create(store, str(dataset))
    assert store.names(layout.DATASTORES) == []


def test_an_absolute_link_within_becomes_relative(store: Store, dataset: Path) -> None:
    (dataset / "sub" / "abs").symlink_to(dataset / "a")
    create(store, str(dataset))
    assert listed(store, "data-set")["sub/abs"].link == "../a"


def test_what_cannot_be_taken_in(store: Store, dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "empty" / "dir").mkdir(parents=True)
    with pytest.raises(DatastoreError, match="holds no files"):
        create(store, str(tmp_path / "empty"))
    os.mkfifo(dataset / "pipe")
    with pytest.raises(DatastoreError, match="pipe is neither"):
        create(store, str(dataset))
    for source in ("no/such", "ftp://host/x"):
        with pytest.raises(UsageError, match=source):
            create(store, source)
    with pytest.raises(UsageError, match="--no-copy"):
        create(store, str(tmp_path), copy=False)
    with pytest.raises(UsageError, match="'Cats'"):
        create(store, str(dataset), "Cats")
    with pytest.raises(UsageError, match="own store or home"):
        create(store, str(tmp_path))


def test_a_file_that_changes_meanwhile_makes_no_version(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "LARGE", 1_000_000)
    root = tmp_path / "growing"
    root.mkdir()
    (root / "big").write_bytes(bytes(60_000_000))
    is_over = threading.Event()

    def write() -> None:
        with open(root / "big", "r+b", buffering=0) as file:
            while not is_over.is_set():
                file.seek(59_000_000)
                file.write(os.urandom(8))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        with pytest.raises(DatastoreError, match="big changed while"):
            create(store, str(root))
    finally:
        is_over.set()
        thread.join()
    assert catalog.versions(store, "growing") == []
    for entry in store.entries(layout.datastore_files("growing")):
        digest = hashlib.sha256(store.get(entry.key)).hexdigest()
        assert digest == layout.last_part(entry.key)


def test_a_hash_that_was_kept_is_not_taken_for_another_content(store: Store, dataset: Path) -> None:
    """Also where the time of the file was set back to what it had been."""
    # What was written a moment before is not remembered at all.
    time.sleep(0.1)
    create(store, str(dataset))
    before = (dataset / "a").stat()
    (dataset / "a").write_bytes(b"ONE")
    os.utime(dataset / "a", ns=(before.st_atime_ns, before.st_mtime_ns))
    create(store, str(dataset))
    assert listed(store, "data-set")["a"].digest == hashlib.sha256(b"ONE").hexdigest()


def test_hashes_are_kept_and_a_damaged_cache_is_none(tmp_path: Path) -> None:
    cache = HashCache(tmp_path)
    cache.add({"a\udce9": "ab" * 32})
    assert cache.find(["a\udce9", "b"]) == {"a\udce9": "ab" * 32}
    (tmp_path / "datastores" / "hashes.sqlite").write_bytes(b"no database" * 1000)
    assert cache.find(["a\udce9"]) == {}
    cache.add({"b": "cd" * 32})
    cache.add({"b": "cd" * 32})
    assert cache.find(["b"]) == {"b": "cd" * 32}


def test_two_at_once_get_two_numbers(store: Store, dataset: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "x").write_text("x")
    made: list[int] = []

    def make(source: Path) -> None:
        made.append(create(store, str(source), "both").version.number)

    threads = [threading.Thread(target=make, args=(each,)) for each in (dataset, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [1, 2]


def test_the_same_upload_is_not_done_twice_at_once(tmp_path: Path, dataset: Path) -> None:
    store = Store(str(tmp_path / "store"))
    begun = workplace.StartedUpload(store.url, "data-set", str(dataset), True, time.time())
    with workplace.started(settings.home(), begun):
        assert workplace.interrupted(settings.home(), store.url) == []
        with pytest.raises(StateError, match="another process"):
            create(store, str(dataset))
    create(store, str(dataset))


def test_what_cannot_be_uploaded_is_not_kept_for_later(tmp_path: Path, dataset: Path) -> None:
    store = Store(str(tmp_path / "store"))
    os.mkfifo(dataset / "pipe")
    with pytest.raises(DatastoreError):
        create(store, str(dataset))
    assert list((settings.home() / "datastores" / "uploads").iterdir()) == []


def test_a_killed_upload_goes_on_where_it_was(
    s3_store: Store, s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "many"
    root.mkdir()
    for number in range(300):
        (root / str(number)).write_text(f"content {number}")
    prefix = layout.datastore_files("many")
    command = [sys.executable, "-m", "gridray", "datastore", "create", str(root)]
    monkeypatch.setenv("GRIDRAY_STORE", s3_store.url)
    with Gate(s3_server.endpoint) as gate:
        # Some of the files never arrive, so that the kill comes in the middle.
        gate.hold("files/1")
        environment = {**os.environ, "AWS_ENDPOINT_URL": gate.endpoint}
        process = subprocess.Popen(command, env=environment)
        deadline = time.monotonic() + 60
        while len(s3_store.entries(prefix)) < 30:
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
    there = {layout.last_part(entry.key) for entry in s3_store.entries(prefix)}
    assert 30 <= len(there) < 300
    for digest in there:
        s3_store.put(prefix + digest, b"a mark")
    assert catalog.versions(s3_store, "many") == []
    assert [each.name for each in workplace.interrupted(settings.home(), s3_store.url)] == ["many"]
    made = create(s3_store, str(root))
    assert made.version.number == 1 and 0 < made.sent <= 300 - len(there)
    # What was there is not sent again.
    assert all(s3_store.get(prefix + digest) == b"a mark" for digest in there)
    assert len(s3_store.entries(prefix)) == 300
    assert workplace.interrupted(settings.home(), s3_store.url) == []


def test_a_prefix_on_s3_is_copied(s3_store: Store) -> None:
    source = Store(f"{s3_store.url}/elsewhere/set")
    source.put("a", b"one")
    source.put("sub/b", b"")
    made = create(s3_store, source.url)
    assert made.version.name == "set" and set(listed(s3_store, "set")) == {"a", "sub/b"}
    assert contents(s3_store, "set") == {b"one", b""}
    assert create(s3_store, f"{source.url}/a", "single").version.files == 1
    with pytest.raises(DatastoreError, match="holds no files"):
        create(s3_store, f"s3://{BUCKET}/no-such-prefix-at-all")
    with pytest.raises(DatastoreError, match=r"the source s3://no-such-bucket cannot be listed"):
        create(s3_store, "s3://no-such-bucket")


def test_large_objects_on_s3_are_copied(s3_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridray.datastores.buckets.LARGE", 1_000_000)
    source = Store(f"{s3_store.url}/elsewhere/set")
    data = os.urandom(20_000_000)
    source.put("big", data)
    create(s3_store, source.url)
    assert contents(s3_store, "set") == {data}


def test_a_prefix_on_s3_is_referred_to(s3_store: Store) -> None:
    source = Store(f"{s3_store.url}/elsewhere/set")
    source.put("a", b"one")
    made = create(s3_store, source.url, copy=False)
    assert made.version.reference == source.url and made.sent == 0
    assert s3_store.entries(layout.datastore_files("set")) == []
    assert listed(s3_store, "set")["a"].etag


def test_paths_that_no_node_could_have() -> None:
    bad = [["../a"], ["/a"], ["a//b"], ["a/./b"], ["a\0"], ["b" * 256], ["a", "a"], ["a", "a/b"]]
    for paths in bad:
        with pytest.raises(DatastoreError):
            check_paths([DataFile(path, 0) for path in paths])
    check_paths([DataFile(path, 0) for path in ("a", "b/a", "b/b", "..c", "\udce9")])


def test_a_manifest_comes_back_as_it_was_or_is_damaged() -> None:
    manifest = Manifest.of([DataFile("\udce9\n", 1, digest="0" * 64), DataFile("a", 0, link="b")])
    data = manifest.encode()
    digest = hashlib.sha256(data).hexdigest()
    assert Manifest.decode(data, digest) == manifest
    with pytest.raises(DamagedError):
        Manifest.decode(data.replace(b"b", b"c"), digest)


def test_what_is_not_there_is_told_with_what_is(store: Store, dataset: Path) -> None:
    create(store, str(dataset))
    create(store, str(dataset))
    with pytest.raises(NotFoundError, match="no version 9") as caught:
        catalog.find_version(store, "data-set", 9)
    assert caught.value.hint == "it has: 1, 2"
    with pytest.raises(NotFoundError, match="'dogs'") as caught:
        catalog.find_version(store, "dogs")
    assert caught.value.hint == "there are: data-set"
