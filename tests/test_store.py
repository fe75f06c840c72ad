"""The store: the same on a directory and on a real S3 server."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gridray import layout
from gridray.errors import ExistsError, NotFoundError, StoreError, UsageError
from gridray.layout import AttemptName
from gridray.store import Entry, Store
from gridray.storeidentity import identify
from tests.s3 import BUCKET, S3Server


def test_objects_are_written_and_read(store: Store) -> None:
    store.put("a/b", b"one")
    store.put("a/b", b"two")
    assert store.get("a/b") == b"two"
    assert store.find("a/c") is None and store.exists("a/b") and not store.exists("a")
    assert store.get_range("a/b", 1, 3) == b"wo"
    assert store.size("a/b") == 3


def test_what_does_not_exist_is_an_error_that_names_it(store: Store) -> None:
    store.put("a", b"")
    with pytest.raises(NotFoundError, match="no/such"):
        store.get("no/such")


def test_create_is_exclusive(store: Store) -> None:
    store.create("name", b"first")
    with pytest.raises(ExistsError):
        store.create("name", b"second")
    assert store.get("name") == b"first"


def test_listing(store: Store) -> None:
    for key in ("run/b/2", "run/a", "run/b/1", "runs"):
        store.put(key, key.encode())
    assert store.entries("run/") == [Entry("run/a", 5), Entry("run/b/1", 7), Entry("run/b/2", 7)]
    assert store.entries("run/", after="run/b/1") == [Entry("run/b/2", 7)]
    assert store.names("run/") == ["a", "b"]
    assert store.entries("none/") == [] and store.names("none/") == []


def test_deleting(store: Store) -> None:
    for number in range(5):
        store.put(f"x/{number}/y", b"")
    store.delete("x/0/y", "x/none")
    assert len(store.entries("x/")) == 4
    store.delete_prefix("x/")
    assert store.entries("x/") == []
    store.put("x/y/z", b"")
    store.delete("x/y/z")
    assert store.names("x/y/") == []


def test_many_at_once(store: Store) -> None:
    for number in range(100):
        store.put(f"m/{number}", str(number).encode())
    found = store.get_many([f"m/{number}" for number in range(200)])
    assert found == {f"m/{number}": str(number).encode() for number in range(100)}


def test_a_part_is_of_the_object_that_was_listed(store: Store) -> None:
    store.put("key", b"0123456789")
    found = store.find_tagged("key")
    assert found is not None
    for wanted in (found, found._replace(etag="")):
        assert (
            store.get_tagged(wanted, 2, 5) == b"".join(store.stream_tagged(wanted, 2, 5)) == b"234"
        )
    store.put("key", b"9876543210")
    for wanted in (found, found._replace(size=9), found._replace(size=9, etag="")):
        with pytest.raises(ExistsError, match="key"):
            store.get_tagged(wanted, 2, 5)
        with pytest.raises(ExistsError, match="key"):
            list(store.stream_tagged(wanted, 2, 5))


def test_hostile_names_are_keys_of_their_own(store: Store, hostile_names: list[str]) -> None:
    name = AttemptName("run", 0, 0)
    for each in hostile_names:
        store.put(layout.artifact(name, f"dir/{each}"), os.fsencode(each))
    for each in hostile_names:
        assert store.get(layout.artifact(name, f"dir/{each}")) == os.fsencode(each)
    assert len(store.entries(layout.artifacts(name))) == len(hostile_names)


SEGMENT = st.binary(min_size=1, max_size=255).filter(
    lambda raw: b"/" not in raw and b"\0" not in raw and raw not in (b".", b"..")
)


@given(st.lists(st.lists(SEGMENT, min_size=1, max_size=6), unique_by=tuple, min_size=2, max_size=8))
def test_encoded_paths_are_one_to_one_and_within_limits(paths: list[list[bytes]]) -> None:
    names = [os.fsdecode(b"/".join(segments)) for segments in paths]
    keys = [layout.encode_path(name) for name in names]
    assert len(set(keys)) == len(set(names))
    for key in keys:
        assert len(key.encode()) <= layout.PATH_LIMIT
        for segment in key.split("/"):
            assert 0 < len(segment.encode()) <= layout.SEGMENT_LIMIT
            assert segment not in (".", "..") and segment.isprintable()


@given(name=SEGMENT)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_file_name_can_be_stored(tmp_path: Path, name: bytes) -> None:
    store = Store(str(tmp_path / "any"))
    key = layout.artifact(AttemptName("run", 0, 0), os.fsdecode(name))
    store.put(key, name)
    assert store.get(key) == name and [e.key for e in store.entries("runs/")] == [key]
    store.delete(key)


def test_an_identity_is_written_once(store: Store) -> None:
    assert identify(store) == identify(Store(store.url))


def test_reading_a_directory_that_does_not_exist_makes_none(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "none"))
    assert store.names("runs/") == [] and store.find("x") is None
    store.delete("x")
    assert not (tmp_path / "none").exists()


def test_a_lasting_store_tells_a_directory_that_is_gone_from_one_that_is_not_there_yet(
    tmp_path: Path,
) -> None:
    place, away = tmp_path / "store", tmp_path / "away"
    store = Store(str(place)).lasting()
    assert store.names("runs/") == []
    Store(str(place)).put("runs/a", b"")
    assert store.names("runs/") == ["a"] and Store(str(place)).lasting().exists("runs/a")
    late = Store(str(place)).lasting()
    place.rename(away)
    for each in (store, late):
        with pytest.raises(StoreError, match=re.escape(f"{place} is gone")):
            each.find("runs/a")
    assert Store(str(place)).names("runs/") == []
    away.rename(place)
    assert store.names("runs/") == ["a"]


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="file/store") as caught:
        Store(str(tmp_path / "file" / "store")).put("a", b"")
    assert caught.value.hint is not None and "GRIDRAY_STORE" in caught.value.hint


def test_a_patient_store_outlasts_a_restart(mortal_s3_server: S3Server) -> None:
    store = Store(f"s3://{BUCKET}/x", patient=True)
    store.put("a", b"1")
    mortal_s3_server.stop()
    with ThreadPoolExecutor() as pool:
        writing = pool.submit(store.put, "a", b"2")
        # Starting takes it more than 10 seconds then.
        mortal_s3_server.start()
        writing.result(timeout=120)
    assert store.get("a") == b"2"


def test_a_bucket_that_does_not_exist_is_named(s3_store: Store) -> None:
    with pytest.raises(StoreError, match="s3://no-such-bucket") as caught:
        Store("s3://no-such-bucket/x").put("a", b"")
    assert caught.value.hint is not None and "AWS_ENDPOINT_URL" in caught.value.hint


def test_wrong_credentials_are_an_error_with_a_mend(
    s3_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(StoreError) as caught:
        Store(s3_store.url).get("a")
    assert caught.value.hint is not None and "AWS_SECRET_ACCESS_KEY" in caught.value.hint
    assert "wrong" not in str(caught.value)


@pytest.mark.parametrize("url", ["gs://bucket/x", "s3://", "http://host/x"])
def test_urls_of_other_kinds_are_refused(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        Store(url)
    assert url in caught.value.message
    assert caught.value.hint is not None and "s3://bucket/prefix" in caught.value.hint


def test_a_profile_gives_the_credentials(s3_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Path(os.environ["HOME"])
    (home / ".aws").mkdir()
    keys = {name: os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    lines = [f"{name.lower()} = {value}" for name, value in keys.items()]
    (home / ".aws" / "credentials").write_text("\n".join(["[lab]", *lines, ""]))
    for name in keys:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_PROFILE", "lab")
    store = Store(s3_store.url)
    store.put("a", b"1")
    assert store.get("a") == b"1"
