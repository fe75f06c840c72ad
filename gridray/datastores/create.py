"""A new version of a datastore: from a source to the record with which it exists."""

import getpass
import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gridray import layout, settings
from gridray.datastores import archives, catalog, deletion, download, names
from gridray.datastores.buckets import Bucket
from gridray.datastores.download import Bar, public_url
from gridray.datastores.hashes import HashCache
from gridray.datastores.manifest import DataFile, Manifest, Version, check_paths
from gridray.datastores.origins import Directory, Origin
from gridray.datastores.upload import Upload
from gridray.datastores.workplace import StartedUpload, started, work_directory
from gridray.errors import DatastoreError, ExistsError, UsageError
from gridray.store import Store

WEB = ("http://", "https://")


@dataclass(frozen=True)
class Created:
    """A new version, and what had to be sent for it. `same_as` has the same files already."""

    version: Version
    sent: int
    sent_bytes: int
    same_as: int | None


@contextmanager
def no_bar(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show nothing."""
    yield lambda step: None


def create(
    store: Store, source: str, name: str | None = None, *, copy: bool = True, bar: Bar = no_bar
) -> Created:
    """Make a version of a datastore from a directory, a file, an S3 prefix or an archive's URL.

    Killed at any moment, it leaves no version; done again, it sends only what is missing.

    Args:
        name: by default made of the source's.
        copy: False: the files stay where they are, which has to be on S3.
        bar: shows how far it is.

    Raises:
        UsageError: the source or the name cannot be meant.
        DatastoreError: the source cannot be read, or holds what no node could have.
        StateError: the same is being done by another process.
        StoreError: the store cannot be written.
    """
    name = names.default_name(source) if name is None else layout.check_datastore_name(name)
    source = _absolute(source)
    if not copy and not source.startswith("s3://"):
        raise UsageError(
            f"--no-copy is for sources on S3, and {source} is none", hint="leave --no-copy out"
        )
    home = settings.home()
    _check_apart(store, source, home)
    upload = StartedUpload(store.url, name, source, copy, time.time())
    with started(home, upload), _open(source, home, bar) as origin:
        files = origin.files()
        if not files:
            raise DatastoreError(f"{public_url(source)} holds no files")
        check_paths(files)
        if not copy:
            return _refer(store, name, origin, files)
        work = Upload(store, name, origin, HashCache(home))
        return _copy(store, name, source, work, files, bar)


def _copy(
    store: Store, name: str, source: str, work: Upload, files: list[DataFile], bar: Bar
) -> Created:
    total = sum(file.size for file in files)
    with bar(f"upload {len(files):,} files", total) as advance:
        manifest = Manifest.of(work.run(files, advance))
    version, same_as = _publish(store, name, public_url(source), manifest, None)
    # A deletion that began before may have counted without this version.
    deletion.wait_for_others(store, name)
    _put_manifest(store, name, manifest)
    try:
        work.make_sure(manifest.files)
    except DatastoreError:
        deletion.withdraw(store, version)
        raise
    return Created(version, work.sent, work.sent_bytes, same_as)


def _refer(store: Store, name: str, origin: Origin, files: list[DataFile]) -> Created:
    assert isinstance(origin, Bucket)
    manifest = Manifest.of(files)
    version, same_as = _publish(store, name, origin.reference, manifest, origin.reference)
    deletion.wait_for_others(store, name)
    _put_manifest(store, name, manifest)
    return Created(version, 0, 0, same_as)


def _publish(
    store: Store, name: str, source: str, manifest: Manifest, reference: str | None
) -> tuple[Version, int | None]:
    """Write the manifest, then the record with which the version exists."""
    digest = _put_manifest(store, name, manifest)
    newest = catalog.versions(store, name)[-1:]
    same_as = newest[0].number if newest and newest[0].manifest == digest else None
    while True:
        version = Version(
            name=name,
            number=catalog.next_number(store, name),
            created_at=round(time.time(), 3),
            user=getpass.getuser(),
            source=source,
            files=len(manifest.files),
            size=manifest.size,
            manifest=digest,
            reference=reference,
        )
        try:
            store.create_json(layout.datastore_version(name, version.number), version.to_json())
        except ExistsError:
            # Somebody else has taken the number.
            continue
        return version, same_as


def _put_manifest(store: Store, name: str, manifest: Manifest) -> str:
    data = manifest.encode()
    digest = hashlib.sha256(data).hexdigest()
    key = layout.datastore_manifest(name, digest)
    if not store.exists(key):
        store.put(key, data)
    return digest


def _absolute(source: str) -> str:
    """Return a source as it can be named from anywhere.

    Raises:
        UsageError: it does not exist, or is of a kind that is not known.
    """
    if source.startswith(("s3://", *WEB)):
        return source
    path = Path(source.removeprefix("file://")).expanduser()
    if "://" in source and not source.startswith("file://"):
        raise UsageError(
            f"the source {public_url(source)!r} is of a kind that Gridray does not know",
            hint="a source is a directory, a file, s3://bucket/prefix or the https:// address of "
            "an archive",
        )
    if not path.exists():
        raise UsageError(f"the source {source!r} does not exist")
    return str(path.resolve())


def _check_apart(store: Store, source: str, home: Path) -> None:
    """Check that what is written meanwhile is not part of what is read."""
    if source.startswith("s3://"):
        lies_in = f"{store.url}/".startswith(f"{source.rstrip('/')}/")
    elif source.startswith(WEB):
        lies_in = False
    else:
        places = [home.resolve(), *([store.directory.resolve()] if store.directory else [])]
        lies_in = any(place.is_relative_to(source) for place in places)
    if lies_in:
        raise UsageError(
            f"the source {source} holds Gridray's own store or home",
            hint="choose a directory or prefix that does not",
        )


def _open(source: str, home: Path, bar: Bar) -> AbstractContextManager[Origin]:
    if source.startswith("s3://"):
        return _as_it_is(Bucket(source))
    if source.startswith(WEB):
        return _extracted(source, home, bar)
    return _as_it_is(Directory(Path(source)))


@contextmanager
def _as_it_is(origin: Origin) -> Iterator[Origin]:
    yield origin


@contextmanager
def _extracted(url: str, home: Path, bar: Bar) -> Iterator[Origin]:
    with work_directory(home) as work:
        archive, tree = work / "archive", work / "tree"
        tree.mkdir()
        download.fetch(url, archive, bar)
        archives.extract(archive, public_url(url), tree)
        archive.unlink()
        yield Directory(tree, remember=False)
