"""Which datastores and versions there are in a store."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from gridray import layout
from gridray.datastores.manifest import Manifest, Version
from gridray.datastores.names import default_mount_dir
from gridray.errors import NotFoundError, StateError
from gridray.records import DatastoreRecord, decode
from gridray.store import Store


class Mount(Protocol):
    """A datastore that a run asks for; without a version, the newest one."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int | None: ...
    @property
    def mount_dir(self) -> str | None: ...


def every_version(store: Store) -> list[Version]:
    """Return all versions of all datastores, by name and number."""
    return [each for name in store.names(layout.DATASTORES) for each in versions(store, name)]


def versions(store: Store, name: str) -> list[Version]:
    """Return the versions of a datastore, the first one first; none: there is no such datastore."""
    keys = [layout.datastore_version(name, number) for number in numbers(store, name)]
    found = store.get_many_json(keys)
    return [decode(Version, found[key], key) for key in keys if key in found]


def numbers(store: Store, name: str) -> list[int]:
    """Return the numbers of the versions that exist."""
    prefix = layout.datastore_versions(name)
    return sorted(_numbers(each.removesuffix(".json") for each in store.names(prefix)))


def next_number(store: Store, name: str) -> int:
    """Return a number that no version has had yet."""
    # What is deleted leaves its number behind first, so that it is seen in one of the two lists.
    there = numbers(store, name)
    gone = _numbers(store.names(layout.datastore_deletions(name)))
    return max([0, *there, *gone]) + 1


def _numbers(names: Iterable[str]) -> list[int]:
    return [int(each) for each in names if each.isdigit()]


def find_version(store: Store, name: str, number: int | None = None) -> Version:
    """Read a version; the newest one if no number is given.

    Raises:
        NotFoundError: there is no such datastore or version; the message lists what there is.
    """
    there = numbers(store, name)
    if not there:
        known = store.names(layout.DATASTORES)
        others = [each for each in known if numbers(store, each)]
        raise NotFoundError(
            f"there is no datastore {name!r} in {store.url}",
            hint=f"there are: {', '.join(others)}"
            if others
            else "`gridray datastore create SOURCE` makes one",
        )
    wanted = there[-1] if number is None else number
    key = layout.datastore_version(name, wanted)
    raw = store.find_json(key) if wanted in there else None
    if raw is None:
        listed = ", ".join(map(str, there))
        raise NotFoundError(
            f"the datastore {name!r} has no version {wanted}", hint=f"it has: {listed}"
        )
    version: Version = decode(Version, raw, key)
    return version


def read_manifest(store: Store, version: Version) -> Manifest:
    """Read the list of a version's files.

    Raises:
        NotFoundError: it is not in the store.
        DamagedError: it is not what was written.
    """
    key = layout.datastore_manifest(version.name, version.manifest)
    return Manifest.decode(store.get(key), version.manifest)


def resolve(store: Store, wanted: Sequence[Mount]) -> tuple[DatastoreRecord, ...]:
    """Return the versions and directories of what a run mounts.

    Raises:
        NotFoundError: there is no such datastore or version.
    """
    return tuple(
        DatastoreRecord(
            name=each.name,
            version=find_version(store, each.name, each.version).number,
            mount_dir=each.mount_dir or default_mount_dir(each.name),
        )
        for each in wanted
    )


def check_there(store: Store, mounted: Sequence[DatastoreRecord]) -> None:
    """Check that what a run mounts exists, and is not being deleted.

    Raises:
        NotFoundError: one of them does not exist.
        StateError: one is being deleted.
    """
    for each in mounted:
        sweep = store.find_json(layout.datastore_sweep(each.name))
        if sweep is not None and sweep.get("version") == each.version:
            raise StateError(
                f"version {each.version} of the datastore {each.name!r} is being deleted",
                hint="use another version",
            )
        find_version(store, each.name, each.version)
