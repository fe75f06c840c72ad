"""Datastores as the commands show and change them."""

from collections.abc import Sequence
from datetime import datetime, timezone

from gridray import layout, settings
from gridray.archive import shown
from gridray.cli import datashapes, text
from gridray.cli.output import Output
from gridray.cli.text import Column, harmless
from gridray.datastores import catalog, deletion, workplace
from gridray.datastores import create as creation
from gridray.datastores.cache import Cache
from gridray.datastores.create import Created
from gridray.datastores.download import public_url
from gridray.datastores.hashes import HashCache
from gridray.datastores.manifest import Version
from gridray.datastores.names import default_mount_dir
from gridray.datastores.workplace import StartedUpload
from gridray.errors import NotFoundError
from gridray.store import Store

COLUMNS = (
    Column("Datastore"),
    Column("Version", right=True),
    Column("Size", right=True),
    Column("Files", right=True),
    Column("Created"),
    Column("Source", cut=True),
)


def overview(store: Store) -> datashapes.Datastores:
    return datashapes.Datastores(tuple(map(_datastore, catalog.every_version(store))))


def _datastore(version: Version) -> datashapes.Datastore:
    return datashapes.Datastore(
        name=version.name,
        version=version.number,
        size=version.size,
        files=version.files,
        created_at=_utc(version.created_at),
        user=version.user,
        source=version.source,
        by_reference=version.reference is not None,
    )


def show_overview(out: Output, found: datashapes.Datastores) -> None:
    if not found.datastores:
        out.note("no datastore; make one with `gridray datastore create SOURCE`")
        return
    out.table(
        COLUMNS,
        (
            (
                each.name,
                str(each.version),
                text.size(each.size),
                f"{each.files:,}",
                text.moment(each.created_at),
                shown(each.source) + (" (by reference)" if each.by_reference else ""),
            )
            for each in found.datastores
        ),
    )


def create(
    out: Output, store: Store, source: str, name: str | None, *, copy: bool
) -> datashapes.CreatedDatastore:
    """Make a version, with a bar that shows how far it is."""
    out.on_interrupt = "the same command goes on where it was"
    return _created(creation.create(store, source, name, copy=copy, bar=out.progress))


def _created(made: Created) -> datashapes.CreatedDatastore:
    return datashapes.CreatedDatastore(
        **vars(_datastore(made.version)),
        uploaded_files=made.sent,
        uploaded_size=made.sent_bytes,
        same_as=made.same_as,
    )


def show_created(out: Output, made: datashapes.CreatedDatastore) -> None:
    out.line(f"{made.name}:{made.version}")
    files = f"{text.count(made.files, 'file')}, {text.size(made.size)}"
    if made.by_reference:
        out.note(f"  {files}, which stay at {harmless(made.source)}")
    else:
        sent = text.count(made.uploaded_files, "file")
        out.note(f"  {files}; uploaded {sent}, {text.size(made.uploaded_size)}")
    if made.same_as is not None:
        out.note(f"  the same files as in version {made.same_as}")
    out.next_commands(
        (
            f"gridray run --datastore_name {made.name} ...   "
            f"# the script finds it at {default_mount_dir(made.name)}",
        )
    )


def delete(store: Store, name: str, version: int) -> datashapes.DeletedDatastore:
    return datashapes.DeletedDatastore(name, version, deletion.delete(store, name, version))


def show_deleted(out: Output, gone: datashapes.DeletedDatastore) -> None:
    removed = text.count(gone.removed_files, "file")
    out.line(f"{gone.name}:{gone.version}: deleted, with {removed} that no other version has")


def uploads(store: Store, names: Sequence[str]) -> datashapes.InterruptedUploads:
    found = (
        datashapes.InterruptedUpload(each.name, public_url(each.source), _utc(each.started_at))
        for each in _interrupted(store, names)
    )
    return datashapes.InterruptedUploads(tuple(found))


def _interrupted(store: Store, names: Sequence[str]) -> list[StartedUpload]:
    """Return the uploads that were cut off; those to some datastores only, if any are named.

    Raises:
        NotFoundError: there is none to one of them.
    """
    found = workplace.interrupted(settings.home(), store.url)
    for name in names:
        if name not in {each.name for each in found}:
            raise NotFoundError(
                f"no upload to the datastore {name!r} was interrupted on this machine",
                hint="`gridray datastore resume --list` lists them",
            )
    return [each for each in found if not names or each.name in names]


def show_uploads(out: Output, found: datashapes.InterruptedUploads) -> None:
    if not found.uploads:
        out.note("no upload was interrupted on this machine")
        return
    out.table(
        (Column("Datastore"), Column("Started"), Column("Source", cut=True)),
        ((each.name, text.moment(each.started_at), shown(each.source)) for each in found.uploads),
    )


def resume(out: Output, store: Store, names: Sequence[str]) -> datashapes.CreatedDatastores:
    """Go on with the uploads that were cut off."""
    made = []
    for each in _interrupted(store, names):
        out.note(f"{layout.check_datastore_name(each.name)} from {shown(public_url(each.source))}")
        made.append(create(out, store, each.source, each.name, copy=each.copy))
    return datashapes.CreatedDatastores(tuple(made))


def show_resumed(out: Output, resumed: datashapes.CreatedDatastores) -> None:
    if not resumed.created:
        out.note("no upload was interrupted on this machine")
    for each in resumed.created:
        show_created(out, each)


def clear_cache() -> datashapes.ClearedCache:
    home = settings.home()
    HashCache(home).clear()
    workplace.remove_leftovers(home)
    versions, size = Cache().clear()
    return datashapes.ClearedCache(versions, size, workplace.forget(home))


def show_cleared(out: Output, cleared: datashapes.ClearedCache) -> None:
    versions = text.count(cleared.versions, "downloaded version")
    uploads = text.count(cleared.uploads, "interrupted upload")
    out.line(f"removed {versions}, {text.size(cleared.size)}; forgot {uploads} and all hashes")


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)
