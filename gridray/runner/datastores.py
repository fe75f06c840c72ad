"""The datastores of a run, brought to this node and to where its scripts look for them."""

from contextlib import ExitStack
from pathlib import Path

from gridray.datastores import catalog
from gridray.datastores.cache import Cache, Heed
from gridray.datastores.fetch import reader
from gridray.datastores.mounts import Mounts
from gridray.datastores.names import variable
from gridray.records import DatastoreRecord, RunRecord
from gridray.store import Store


def mount(store: Store, record: RunRecord, stack: ExitStack, heed: Heed) -> dict[str, str]:
    """Make every datastore of a run be there, for as long as the stack is open.

    Returns:
        The variables in which the scripts find the directories.

    Raises:
        NotFoundError: a version is not in the store.
        DatastoreError: one cannot be brought here whole, or not be put where it is wanted.
        StoreError: the store cannot be read.
    """
    cache = Cache()
    for wanted in record.datastores:
        _mount(store, wanted, cache, stack, heed)
    return {variable(each.name): each.mount_dir for each in record.datastores}


def _mount(
    store: Store, wanted: DatastoreRecord, cache: Cache, stack: ExitStack, heed: Heed
) -> None:
    version = catalog.find_version(store, wanted.name, wanted.version)
    # First, since it takes no time to see that it cannot be.
    place = Path(wanted.mount_dir)
    Mounts(cache).put(place, cache.tree(version), f"the datastore {version}", stack, heed)
    manifest = catalog.read_manifest(store, version)
    cache.hold(version, manifest, reader(store, version), stack, heed)
