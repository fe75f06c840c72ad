"""Versions go, and with them the files that no other version has.

Before files are removed, `deleting.json` says so. Who makes a version writes it first, waits while
that is there, and then sends again what is missing: a deletion that begins later knows the version.
"""

import secrets
import time
from collections.abc import Container

from gridray import layout
from gridray.datastores import catalog
from gridray.datastores.manifest import Version
from gridray.errors import ExistsError, NotFoundError, StateError
from gridray.readers import runs
from gridray.records import read_run
from gridray.store import Store

BATCH = 1000
LOOK_INTERVAL = 0.2
# A deletion says that it goes on with each batch, and gives up if it cannot for so many seconds.
RENEWAL = 20.0
# One that has said nothing for so many seconds was killed.
PATIENCE = 60.0


def check_deletable(store: Store, name: str, number: int) -> Version:
    """Return the version.

    Raises:
        NotFoundError: there is no such version.
        StateError: a run that is not over uses it.
    """
    version = catalog.find_version(store, name, number)
    users = _users(store, version)
    if users:
        raise StateError(
            f"version {number} of the datastore {name!r} is used by the run "
            f"{', '.join(map(repr, users))}",
            hint=f"wait for its end, or `gridray stop run {users[0]}` first",
        )
    return version


def delete(store: Store, name: str, number: int) -> int:
    """Remove a version, and the files that no other version has; its number is not given again.

    Returns:
        How many files were removed.

    Raises:
        NotFoundError: there is no such version.
        StateError: a run that is not over uses it, or another deletion goes on.
    """
    catalog.find_version(store, name, number)
    wait_for_others(store, name)
    sweep = _Sweep(store, name, number)
    sweep.begin()
    try:
        # Only now: a run that is submitted meanwhile sees this, and does not come to be.
        version = check_deletable(store, name, number)
        withdraw(store, version)
        return sweep.remove_unreferenced()
    finally:
        sweep.end()


def withdraw(store: Store, version: Version) -> None:
    """Let a version exist no more; its number is taken for ever, so that no cache is wrong."""
    store.put(layout.datastore_deletion(version.name, version.number), b"")
    store.delete(layout.datastore_version(version.name, version.number))


def wait_for_others(store: Store, name: str) -> None:
    """Wait while a deletion goes on in this datastore; one that was killed is cleared away."""
    key = layout.datastore_sweep(name)
    last = store.find(key)
    seen_at = time.monotonic()
    while last is not None:
        time.sleep(LOOK_INTERVAL)
        found = store.find(key)
        if found != last:
            last, seen_at = found, time.monotonic()
        elif time.monotonic() - seen_at > PATIENCE:
            store.delete(key)
            return


class _Sweep:
    """The removal of files, which others can see."""

    def __init__(self, store: Store, name: str, number: int) -> None:
        self._store = store
        self._name = name
        self._key = layout.datastore_sweep(name)
        self._number = number
        # Of the clock on the wall, which goes on while a laptop sleeps.
        self._said_at = 0.0

    def begin(self) -> None:
        """Say that it goes on.

        Raises:
            StateError: another one does.
        """
        self._said_at = time.time()
        try:
            self._store.create_json(self._key, self._word())
        except ExistsError as error:
            raise StateError(
                f"another version of the datastore {self._name!r} is being deleted",
                hint="try again",
            ) from error

    def renew(self) -> None:
        """Say that it still goes on.

        Raises:
            StateError: nothing was said for so long that others may have taken it for dead.
        """
        passed = time.time() - self._said_at
        if passed > RENEWAL:
            raise StateError(
                "the deletion took too long; some files that no version has are left",
                hint="the next deletion in this datastore removes them",
            )
        if passed > RENEWAL / 4:
            self._store.put_json(self._key, self._word())
            self._said_at = time.time()

    def remove_unreferenced(self) -> int:
        """Remove the files and manifests that no version refers to; return how many files."""
        wanted = set()
        for version in catalog.versions(self._store, self._name):
            self.renew()
            wanted.add(layout.datastore_manifest(self._name, version.manifest))
            for file in catalog.read_manifest(self._store, version).files:
                if file.digest is not None:
                    wanted.add(layout.datastore_file(self._name, file.digest))
        self._remove(layout.datastore_manifests(self._name), wanted)
        return self._remove(layout.datastore_files(self._name), wanted)

    def _remove(self, prefix: str, wanted: Container[str]) -> int:
        found = [each.key for each in self._store.entries(prefix) if each.key not in wanted]
        for start in range(0, len(found), BATCH):
            self.renew()
            self._store.delete_many(found[start : start + BATCH])
        return len(found)

    def end(self) -> None:
        if time.time() - self._said_at < RENEWAL:
            self._store.delete(self._key)

    def _word(self) -> dict[str, object]:
        return {"version": self._number, "word": secrets.token_hex(8)}


def _users(store: Store, version: Version) -> list[str]:
    """Return the runs that use a version and are not over, on whatever cluster."""
    found = []
    for cluster in store.names(layout.ACTIVE):
        markers = map(layout.parse_marker, store.names(layout.active(cluster)))
        for run, identity in sorted(set(markers)):
            if _uses(store, run, identity, version):
                found.append(run)
    return found


def _uses(store: Store, run: str, identity: str, version: Version) -> bool:
    try:
        record = read_run(store, run)
    except NotFoundError:
        return False
    mounted = {(each.name, each.version) for each in record.datastores}
    if record.identity != identity or (version.name, version.number) not in mounted:
        return False
    return not runs.run_view(store, run, time.time()).summary.state.is_terminal
