"""A run on its way into the store: its name is claimed, then it is announced, then it is there."""

import os
from collections.abc import Iterable, Mapping

from gridray import layout, sealing
from gridray.clusters.cluster import Cluster
from gridray.datastores import catalog
from gridray.errors import ExistsError, GridrayError
from gridray.names import random_name
from gridray.records import Point, RunRecord, write_points
from gridray.store import Store


def free_name(store: Store, wanted: str | None) -> str:
    """Return the name that a new run gets.

    Raises:
        ExistsError: the one that is wanted is taken.
    """
    if wanted is None:
        return random_name()
    if store.exists(layout.wave(wanted, 0)):
        raise _taken(wanted)
    return wanted


def _taken(name: str) -> ExistsError:
    return ExistsError(
        f"there is a run {name!r} already",
        hint=f"choose another --name, or `gridray delete run {name}` first",
    )


def attachments(record: RunRecord, cluster: Cluster, changes: bytes) -> dict[str, bytes]:
    """Return what goes into the store beside a run's record, by its key.

    Args:
        changes: what its source has that its commit does not have.

    Raises:
        UsageError: one of its secrets is not set.
        ClusterError: it has secrets, and the cluster no token.
    """
    found = {layout.changes(record.name): changes} if changes else {}
    if record.secrets:
        found[layout.sealed(record.name, record.identity)] = seal(record, cluster)
    return found


def seal(record: RunRecord, cluster: Cluster) -> bytes:
    """Return the secrets of a run as its cluster can read them.

    Raises:
        UsageError: one of them is not set.
        ClusterError: the cluster has no token.
    """
    values = sealing.values(record.secrets, os.environ)
    return sealing.seal(values, cluster.token, record.name, record.identity)


def write(
    store: Store, record: RunRecord, points: list[Point], attached: Mapping[str, bytes]
) -> None:
    """Claim the name, announce the run, then make it real with its record.

    Args:
        attached: what else belongs to it, by its key.

    Raises:
        ExistsError: the name is taken.
        NotFoundError, StateError: a datastore of it has gone, or is going; nothing of the run is
            left then.
        StoreError: the store cannot be written; nothing of the run is left then.
    """
    try:
        write_points(store, record.name, points)
    except ExistsError as error:
        raise _taken(record.name) from error
    try:
        # The marker first: who takes it away takes the secrets, too.
        store.put(_marker(record), b"")
        for key, data in attached.items():
            store.put(key, data)
        store.create_json(layout.run_record(record.name), record.to_json())
        # Only now: who deletes one looks for runs when it is sure to be seen here.
        catalog.check_there(store, record.datastores)
    except BaseException:
        _withdraw(store, record, attached)
        raise


def _withdraw(store: Store, record: RunRecord, attached: Iterable[str]) -> None:
    """Leave nothing of a run whose record could not be written."""
    claim = layout.wave(record.name, 0)
    for key in (layout.run_record(record.name), *attached, _marker(record), claim):
        remove(store, key)


def _marker(record: RunRecord) -> str:
    return layout.active_run(record.cluster.key, record.name, record.identity)


def remove(store: Store, key: str) -> None:
    """Take back what was written; the error that made it necessary is the one to be told."""
    try:
        store.delete(key)
    except GridrayError:
        return
