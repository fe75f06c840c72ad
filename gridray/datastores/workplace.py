"""Gridray's home as datastores use it: a place to extract in, and the uploads that have begun.

<home>/datastores/
    hashes.sqlite             what files that were read before hash to
    uploads/<id>.json         an upload that has begun, locked while it goes on
    work/<random>/            an archive that is being taken in; its `lock` is held meanwhile
"""

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from gridray.errors import DatastoreError, StateError

DIRECTORY = "datastores"


@dataclass(frozen=True)
class StartedUpload:
    """An upload that is not over, or never came to its end. `started_at` is in Unix seconds."""

    store: str
    name: str
    source: str
    copy: bool
    started_at: float

    @property
    def identity(self) -> str:
        words = [self.store, self.name, self.source, str(self.copy)]
        return hashlib.sha256(os.fsencode("\0".join(words))).hexdigest()[:16]


@contextmanager
def started(home: Path, upload: StartedUpload) -> Iterator[None]:
    """Keep a record of an upload until it has come to its end, or cannot come to one.

    Raises:
        StateError: the same upload goes on in another process.
    """
    path = _uploads(home) / f"{upload.identity}.json"
    with _writing(home):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        if not lock(descriptor):
            raise StateError(
                f"{upload.source} is being uploaded as {upload.name!r} by another process",
                hint="wait for it",
            )
        with _writing(home):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(asdict(upload)).encode(), 0)
        try:
            yield
        except DatastoreError:
            path.unlink(missing_ok=True)
            raise
        path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def interrupted(home: Path, store: str) -> list[StartedUpload]:
    """Return the uploads to a store that were cut off, the first one first."""
    found = []
    for path in _uploads(home).glob("*.json"):
        upload = _cut_off(path)
        if upload is not None and upload.store == store:
            found.append(upload)
    return sorted(found, key=lambda upload: upload.started_at)


def forget(home: Path) -> int:
    """Forget the uploads that were cut off, and return how many there were."""
    paths = [path for path in _uploads(home).glob("*.json") if _is_free(path)]
    for path in paths:
        path.unlink(missing_ok=True)
    return len(paths)


@contextmanager
def work_directory(home: Path) -> Iterator[Path]:
    """Make a directory to work in, which is removed at the end; others' leftovers, too."""
    work = home / DIRECTORY / "work"
    with _writing(home):
        work.mkdir(mode=0o700, parents=True, exist_ok=True)
        remove_leftovers(home)
        mine = work / secrets.token_hex(4)
        mine.mkdir(mode=0o700)
        descriptor = os.open(mine / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        lock(descriptor)
    try:
        yield mine
    finally:
        shutil.rmtree(mine, ignore_errors=True)
        os.close(descriptor)


def remove_leftovers(home: Path) -> None:
    """Remove what processes left behind that were killed; not what is a moment old."""
    for directory in (home / DIRECTORY / "work").glob("*"):
        try:
            is_new = time.time() - directory.stat().st_mtime < 60
        except OSError:
            continue
        if not is_new and _is_free(directory / "lock"):
            shutil.rmtree(directory, ignore_errors=True)


def lock(descriptor: int, *, shared: bool = False) -> bool:
    """Lock a file until it is closed; return whether nobody else holds a lock against it."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_free(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        return lock(descriptor)
    finally:
        os.close(descriptor)


def _cut_off(path: Path) -> StartedUpload | None:
    if not _is_free(path):
        return None
    try:
        raw = json.loads(path.read_bytes())
        return StartedUpload(**{field.name: raw[field.name] for field in fields(StartedUpload)})
    except (OSError, KeyError, TypeError, ValueError):
        return None


def _uploads(home: Path) -> Path:
    return home / DIRECTORY / "uploads"


@contextmanager
def _writing(home: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DatastoreError(
            f"{home} cannot be written: {error}", hint="set GRIDRAY_HOME to another directory"
        ) from error
