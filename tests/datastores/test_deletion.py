"""Versions go with what only they have, unless somebody uses them or is about to."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from gridray import layout, recording
from gridray.datastores import catalog, deletion
from gridray.datastores.create import create
from gridray.errors import DatastoreError, NotFoundError, StateError
from gridray.records import ClusterRecord, DatastoreRecord, Row
from gridray.states import State
from gridray.store import Store
from tests.builders import add_run, run_record
from tests.datastores.conftest import contents

USED = (DatastoreRecord("data-set", 1, "/datastores/data-set"),)


def changed(dataset: Path, content: bytes) -> str:
    (dataset / "a").write_bytes(content)
    (dataset / "sub" / "c").write_bytes(content)
    return str(dataset)


def test_only_what_no_other_version_has_goes(store: Store, dataset: Path) -> None:
    create(store, str(dataset))
    create(store, changed(dataset, b"three"))
    assert deletion.delete(store, "data-set", 1) == 1
    assert contents(store, "data-set") == {b"two", b"three"}
    assert [each.number for each in catalog.versions(store, "data-set")] == [2]
    assert len(store.entries(layout.datastore_manifests("data-set"))) == 1
    with pytest.raises(NotFoundError, match="no version 1"):
        deletion.delete(store, "data-set", 1)


def test_a_number_is_not_given_again(store: Store, dataset: Path) -> None:
    create(store, str(dataset))
    create(store, str(dataset))
    for number in (2, 1):
        deletion.delete(store, "data-set", number)
    assert catalog.every_version(store) == [] and contents(store, "data-set") == set()
    assert create(store, str(dataset)).version.number == 3


def use(store: Store, state: State, cluster: str) -> None:
    record = add_run(
        store,
        "user",
        [Row(state, queued_at=1.0)],
        datastores=USED,
        cluster=ClusterRecord("any", cluster),
    )
    store.put(layout.active_run(cluster, "user", record.identity), b"")


@pytest.mark.parametrize("state", [State.QUEUED, State.RUNNING])
def test_what_a_run_uses_stays(store: Store, dataset: Path, state: State) -> None:
    create(store, str(dataset))
    create(store, changed(dataset, b"three"))
    use(store, state, "another-cluster")
    with pytest.raises(StateError, match="used by the run 'user'") as caught:
        deletion.delete(store, "data-set", 1)
    assert caught.value.hint is not None and "gridray stop run user" in caught.value.hint
    assert contents(store, "data-set") == {b"one", b"two", b"three"}
    assert not store.exists(layout.datastore_sweep("data-set"))
    deletion.delete(store, "data-set", 2)


def test_what_a_run_has_used_goes(store: Store, dataset: Path) -> None:
    create(store, str(dataset))
    use(store, State.SUCCEEDED, "cluster")
    deletion.delete(store, "data-set", 1)


def test_a_run_that_comes_meanwhile_does_not_come_to_be(store: Store, dataset: Path) -> None:
    """Whichever of the two is first: the version is there, or the run is not."""
    create(store, str(dataset))
    record = replace(run_record("user", 1), datastores=USED)
    store.put_json(layout.datastore_sweep("data-set"), {"version": 1, "word": "x"})
    with pytest.raises(StateError, match="is being deleted"):
        recording.write(store, record, [], {})
    store.delete(layout.datastore_sweep("data-set"))
    deletion.delete(store, "data-set", 1)
    with pytest.raises(NotFoundError):
        recording.write(store, record, [], {})
    assert store.entries("runs/") == [] and store.entries("active/") == []


@pytest.mark.parametrize("changes", [False, True])
def test_a_version_that_is_made_meanwhile_loses_nothing(
    store: Store, dataset: Path, monkeypatch: pytest.MonkeyPatch, changes: bool
) -> None:
    """A deletion has counted what is referred to before the version came, and removes it after.

    Where the source has nothing to replace it with any more, the version goes again.
    """
    create(store, str(dataset))
    create(store, changed(dataset, b"three"))
    may_go_on, has_counted = threading.Event(), threading.Event()
    remove = deletion._Sweep._remove

    def late(self: deletion._Sweep, prefix: str, wanted: set[str]) -> int:
        has_counted.set()
        may_go_on.wait(30)
        return remove(self, prefix, wanted)

    monkeypatch.setattr(deletion._Sweep, "_remove", late)
    deleter = threading.Thread(target=deletion.delete, args=(store, "data-set", 1))
    deleter.start()
    assert has_counted.wait(30)
    changed(dataset, b"one")
    failed: list[DatastoreError] = []

    def make() -> None:
        try:
            create(store, str(dataset))
        except DatastoreError as error:
            failed.append(error)

    creator = threading.Thread(target=make)
    creator.start()
    deadline = time.monotonic() + 30
    while catalog.numbers(store, "data-set") != [2, 3]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    # The version is there, and what it has in common with the first one is taken away now.
    if changes:
        changed(dataset, b"xxx")
    may_go_on.set()
    deleter.join()
    creator.join()
    if changes:
        assert "changed while" in failed[0].message
        assert catalog.numbers(store, "data-set") == [2]
        return
    assert contents(store, "data-set") == {b"one", b"two", b"three"}
    version = catalog.find_version(store, "data-set", 3)
    assert len(catalog.read_manifest(store, version).files) == 4


def test_a_deletion_that_was_killed_keeps_nobody(
    store: Store, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "PATIENCE", 0.5)
    store.put_json(layout.datastore_sweep("data-set"), {"version": 1, "word": "x"})
    create(store, str(dataset))
    assert not store.exists(layout.datastore_sweep("data-set"))


def test_a_deletion_that_others_may_take_for_dead_gives_up(
    store: Store, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "RENEWAL", -1.0)
    create(store, str(dataset))
    with pytest.raises(StateError, match="took too long"):
        deletion.delete(store, "data-set", 1)
    assert contents(store, "data-set") == {b"one", b"two"}
