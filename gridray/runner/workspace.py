"""A private copy of the source for one attempt, on the node's own disk.

<temporary directory>/gridray-<uid>/
    new/                      where what is below work/ is made
    sources/<digest>.zip      what several attempts on the node share, read only
    environments/             see shelf.py
    work/<random>/lock        held while the attempt lives
    work/<random>/tmp/        TMPDIR
    work/<random>/scratch/    what a run has asked for by --scratch_size
    work/<random>/<experiment>/   the script's working directory
"""

import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path
from types import TracebackType

from gridray import archive, layout, objectfiles
from gridray.layout import AttemptName, ExperimentName
from gridray.records import SourceRecord
from gridray.scratch import private_directory
from gridray.store import Store

SOURCES_KEPT = 8


class Workspace:
    """A context: made on entry, removed on exit."""

    def __init__(self, name: AttemptName) -> None:
        self._base = private_directory(Path(tempfile.gettempdir()))
        # Short, since sockets are made below TMPDIR, and their paths end at 107 characters.
        self._home = self._base / "work" / secrets.token_hex(4)
        self.root = self._home / str(ExperimentName(name.run, name.index))
        self.temporary = self._home / "tmp"
        self.scratch = self._home / "scratch"
        self.source_files: frozenset[str] = frozenset()

    def __enter__(self) -> "Workspace":
        for name in ("new", "work", "sources"):
            (self._base / name).mkdir(mode=0o700, exist_ok=True)
        # Locked before any neighbour can see it, and take it for one that was left behind.
        made = self._base / "new" / self._home.name
        made.mkdir(mode=0o700)
        self._lock = _lock(made / "lock")
        made.rename(self._home)
        self.root.mkdir()
        self.temporary.mkdir()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        remove_tree(self._home)
        if self._lock is not None:
            os.close(self._lock)

    def remove_leftovers(self, check: Callable[[], None]) -> None:
        """Remove what attempts left behind that were killed; `check` is called before each."""
        for home in (self._base / "work").iterdir():
            check()
            lock = home / "lock"
            try:
                descriptor = _lock(lock) if lock.exists() else None
            except OSError:
                continue
            if descriptor is not None:
                remove_tree(home)
                os.close(descriptor)

    def unpack(self, store: Store, source: SourceRecord, check: Callable[[], None]) -> None:
        """Put the source into the working directory.

        Args:
            check: called before each part; what it raises ends this.

        Raises:
            NotFoundError: the store does not have it.
            StoreError: the store cannot be read.
            SourceError: it is damaged.
        """
        self.source_files = frozenset(self.unpack_into(self.root, store, source, check))

    def unpack_into(
        self, place: Path, store: Store, source: SourceRecord, check: Callable[[], None]
    ) -> list[str]:
        """Put the source into another directory; return the paths of its files.

        Args:
            check: called before each part; what it raises ends this.

        Raises:
            NotFoundError: the store does not have it.
            StoreError: the store cannot be read.
            SourceError: it is damaged.
        """
        return archive.extract(self._fetch(store, source, check), place, check)

    def add(self, place: Path, paths: Collection[str], check: Callable[[], None]) -> None:
        """Put files and links from another directory into the working directory, as given ones.

        Args:
            check: called before each; what it raises ends this.
        """
        for path in paths:
            check()
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.is_symlink() or target.is_file():
                target.unlink()
            shutil.copy2(place / path, target, follow_symlinks=False)
        self.source_files |= frozenset(paths)

    def _fetch(self, store: Store, source: SourceRecord, check: Callable[[], None]) -> Path:
        key = layout.source(source.digest)
        if store.directory is not None and store.exists(key):
            return store.directory / key
        cached = self._base / "sources" / f"{source.digest}.zip"
        if not cached.exists():
            partial = self._home / "source.zip"
            objectfiles.bring(store, key, partial, source.archive_size, check)
            os.replace(partial, cached)
            _keep_newest(self._base / "sources", SOURCES_KEPT)
        os.utime(cached)
        return cached


def _lock(path: Path) -> int | None:
    """Take a lock that ends with this process; None if somebody lives who holds it."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def remove_tree(tree: Path) -> None:
    """Remove a tree, also where the script took its own permissions away."""
    shutil.rmtree(tree, ignore_errors=True)
    if tree.exists():
        for directory, _, _ in os.walk(tree):
            os.chmod(directory, 0o700)
        shutil.rmtree(tree, ignore_errors=True)


def _keep_newest(directory: Path, count: int) -> None:
    files = sorted(directory.iterdir(), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files[count:]:
        file.unlink(missing_ok=True)
