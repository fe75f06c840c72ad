"""The files of a version on their way to a directory of a node, each one verified."""

import hashlib
import os
import stat
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Protocol

from gridray import layout
from gridray.archive import shown
from gridray.datastores.buckets import Bucket
from gridray.datastores.manifest import DataFile, Manifest, Version, check_paths
from gridray.datastores.parts import LARGE, PART, in_parts
from gridray.errors import DatastoreError, NotFoundError
from gridray.objectfiles import write_all
from gridray.spread import spread, until
from gridray.store import Store

SMALL_AT_ONCE = 24
LARGE_AT_ONCE = 2


class Reader(Protocol):
    """Where the contents of a version are."""

    def content(self, file: DataFile) -> Generator[bytes, None, None]:
        """Yield a file's content in pieces.

        Raises:
            DatastoreError: it is not there, or is not what was taken in.
            StoreError: the store cannot be read.
        """


def reader(store: Store, version: Version) -> Reader:
    """Return what reads a version's files: from the store, or from where they are by reference."""
    if version.reference is not None:
        return Bucket(version.reference, patient=True)
    return _Copies(store, version)


class _Copies:
    """The files in the store, by their hashes."""

    def __init__(self, store: Store, version: Version) -> None:
        self._store = store
        self._version = version

    def content(self, file: DataFile) -> Generator[bytes, None, None]:
        total = hashlib.sha256()
        try:
            for piece in self._pieces(file):
                total.update(piece)
                yield piece
        except NotFoundError as error:
            raise DatastoreError(
                f"{shown(file.path)} of the datastore {self._version} is not in the store"
            ) from error
        if total.hexdigest() != file.digest:
            raise DatastoreError(
                f"{shown(file.path)} of the datastore {self._version} is damaged in the store: "
                "it is not what was uploaded"
            )

    def _pieces(self, file: DataFile) -> Iterator[bytes]:
        key = layout.datastore_file(self._version.name, file.digest or "")
        if file.size <= LARGE:
            yield self._store.get(key)
            return

        def read(start: int, end: int) -> bytes:
            return self._store.get_range(key, start, end)

        yield from in_parts(read, file.size)


def fetch_all(
    reader: Reader, manifest: Manifest, directory: Path, heed: Callable[[], None]
) -> None:
    """Make a directory hold what the manifest says, and nothing else; what is right stays.

    Raises:
        DatastoreError: a file is not what was taken in.
        StoreError: the store cannot be read.
        OSError: the disk does not take it.
    """
    check_paths(manifest.files)
    is_new = not any(directory.iterdir())
    _make_directories(directory, manifest)
    regular = [file for file in manifest.files if file.link is None]
    large = [file for file in regular if file.size > LARGE]
    small = [file for file in regular if file.size <= LARGE]
    for group, threads in ((large, LARGE_AT_ONCE), (small, SMALL_AT_ONCE)):
        stop = threading.Event()
        bring = partial(_bring, reader, os.fspath(directory), is_new, stop)
        # Closed at once, so that nobody writes any more when an error is seen.
        with closing(spread(bring, group, threads, heed=heed, stop=stop)) as brought:
            for _ in brought:
                heed()
    _make_links(directory, manifest)
    _close(directory, manifest)


def _make_directories(directory: Path, manifest: Manifest) -> None:
    """Make the directories, and let what is there already be written."""
    for found, _, _ in os.walk(directory):
        os.chmod(found, 0o700)
    for parent in sorted({os.path.dirname(file.path) for file in manifest.files}):
        (directory / parent).mkdir(parents=True, exist_ok=True)


def _bring(
    reader: Reader, directory: str, is_new: bool, stop: threading.Event, file: DataFile
) -> None:
    target = f"{directory}/{file.path}"
    mode = 0o555 if file.mode & 0o111 else 0o444
    if not is_new and _is_there(file, target):
        os.chmod(target, mode)
        return
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        write_all(descriptor, reader.content(file), 0, until(stop))
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def _is_there(file: DataFile, target: str) -> bool:
    """Whether an earlier download has brought a file; what else is there is removed."""
    try:
        status = os.lstat(target)
    except FileNotFoundError:
        return False
    # What has no hash is brought again.
    is_like_it = stat.S_ISREG(status.st_mode) and status.st_size == file.size
    if is_like_it and file.digest is not None and _hash(target) == file.digest:
        return True
    os.unlink(target)
    return False


def _hash(path: str) -> str:
    total = hashlib.sha256()
    with open(path, "rb", buffering=0) as stream:
        while piece := stream.read(PART):
            total.update(piece)
    return total.hexdigest()


def _make_links(directory: Path, manifest: Manifest) -> None:
    """Make the links, after all that could be written through one."""
    top = os.path.realpath(directory)
    links = [file for file in manifest.files if file.link is not None]
    for file in links:
        path = directory / file.path
        path.unlink(missing_ok=True)
        path.symlink_to(file.link or "")
    for file in links:
        real = os.path.realpath(directory / file.path)
        if os.path.isabs(file.link or "") or os.path.commonpath([top, real]) != top:
            raise DatastoreError(f"the link {shown(file.path)} leads out of the datastore")


def _close(directory: Path, manifest: Manifest) -> None:
    """Remove what the manifest does not name, and let nothing be written any more."""
    named = {os.fspath(directory / file.path) for file in manifest.files}
    for found, _, files in os.walk(directory, topdown=False):
        for name in files:
            path = os.path.join(found, name)
            if path not in named:
                os.unlink(path)
        os.chmod(found, 0o555)
