"""What of datastores lies on a node's own disk, shared by all experiments there.

<temporary directory>/gridray-<uid>/datastores/
    <manifest>/files/         a whole version, read only; versions with the same files are one
    <manifest>/partial/       what has come of it so far
    <manifest>/size           the bytes that it takes, or will
    <manifest>/seen           what the whole version looked like
    locks/<manifest>          held by who brings it, shared by who uses it; its time is the last use
    locks/all                 held while room is made
"""

import hashlib
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gridray.datastores.fetch import Reader, fetch_all
from gridray.datastores.manifest import Manifest, Version
from gridray.datastores.workplace import lock
from gridray.errors import DatastoreError, UsageError
from gridray.scratch import private_directory
from gridray.sizes import parse_size

LIMIT = "GRIDRAY_DATASTORE_CACHE"
# Without a limit, the cache takes this much of what the disk has free for it.
SHARE = 0.5
BLOCK = 4096
WAIT = 0.2

Heed = Callable[[], None]


@dataclass(frozen=True)
class _Entry:
    """One version in the cache."""

    manifest: str
    size: int
    used_at: float


class Cache:
    """The versions on this node."""

    def __init__(self, base: Path | None = None) -> None:
        """Open the cache of this user; `base` is another place for it.

        Raises:
            GridrayError: its directory belongs to somebody else.
        """
        self.base = (base or private_directory(Path(tempfile.gettempdir()))) / "datastores"
        (self.base / "locks").mkdir(mode=0o700, parents=True, exist_ok=True)

    def tree(self, version: Version) -> Path:
        """Return where the files of a version are, once it is whole."""
        return self.base / version.manifest / "files"

    def hold(
        self, version: Version, manifest: Manifest, reader: Reader, stack: ExitStack, heed: Heed
    ) -> Path:
        """Bring a version here, unless it is, and keep it as long as the stack is open.

        Returns:
            The directory of its files.

        Raises:
            DatastoreError: it cannot be brought here whole.
            StoreError: the store cannot be read.
        """
        descriptor = self._open_lock(version.manifest)
        stack.callback(os.close, descriptor)
        tree = self.tree(version)
        while True:
            if tree.exists() and lock(descriptor, shared=True):
                if not tree.exists():
                    continue
                if self._is_intact(version.manifest):
                    os.utime(descriptor)
                    return tree
                self._mend(version, descriptor)
            elif not tree.exists() and lock(descriptor):
                self._bring(version, manifest, reader, heed)
                # Taken once more, shared: between the two somebody may have made room.
                continue
            heed()
            time.sleep(WAIT * random.random())

    def clear(self) -> tuple[int, int]:
        """Remove what nobody uses; return how many versions, and their bytes."""
        with self._all():
            removed = [each for each in self._entries() if self._evict(each)]
        return len(removed), sum(each.size for each in removed)

    def _open_lock(self, manifest: str) -> int:
        return os.open(self.base / "locks" / manifest, os.O_CREAT | os.O_RDWR, 0o600)

    def _bring(self, version: Version, manifest: Manifest, reader: Reader, heed: Heed) -> None:
        home, tree = self.base / version.manifest, self.tree(version)
        if tree.exists():
            return
        partial = home / "partial"
        try:
            self._make_room(version, manifest, heed)
            partial.mkdir(parents=True, exist_ok=True)
            fetch_all(reader, manifest, partial, heed)
            (home / "seen").write_text(_appearance(partial))
            partial.rename(tree)
        except OSError as error:
            remove(home)
            raise DatastoreError(
                f"the datastore {version} ({manifest.size:,} bytes) cannot be written below "
                f"{self.base}: {error.strerror}"
            ) from error
        except DatastoreError:
            remove(home)
            raise

    def _mend(self, version: Version, descriptor: int) -> None:
        """Have a version looked at again that somebody has changed, who may write everywhere.

        Raises:
            DatastoreError: another experiment uses it.
        """
        tree = self.tree(version)
        if not lock(descriptor):
            raise DatastoreError(
                f"the files of the datastore {version} in {tree} were changed by a script of this "
                "node, and another experiment uses them"
            )
        remove(tree.with_name("partial"))
        tree.rename(tree.with_name("partial"))

    def _is_intact(self, manifest: str) -> bool:
        home = self.base / manifest
        try:
            return (home / "seen").read_text() == _appearance(home / "files")
        except OSError:
            return False

    def _make_room(self, version: Version, manifest: Manifest, heed: Heed) -> None:
        """Claim the bytes that a version takes, for which others may have to go.

        Raises:
            DatastoreError: there is no room for it.
        """
        size = sum(-(-file.size // BLOCK) * BLOCK for file in manifest.files)
        with self._all(heed):
            home = self.base / version.manifest
            others = [each for each in self._entries() if each.manifest != version.manifest]
            free = shutil.disk_usage(self.base).free + _used(home)
            limit, is_set = self._limit(free + sum(each.size for each in others))
            taken = sum(each.size for each in others)
            for entry in sorted(others, key=lambda each: each.used_at):
                if taken + size <= limit and size <= free:
                    break
                if self._evict(entry):
                    taken -= entry.size
                    free += entry.size
            if is_set and taken + size > limit:
                raise DatastoreError(
                    f"the datastore {version} takes {size:,} bytes, and {LIMIT} allows {limit:,} "
                    f"on this node, of which running experiments use {taken:,}"
                )
            if size > free:
                raise DatastoreError(
                    f"the datastore {version} takes {size:,} bytes, and the disk of {self.base} "
                    f"has {free:,} free"
                )
            home.mkdir(mode=0o700, exist_ok=True)
            (home / "size").write_text(str(size))

    def _limit(self, available: int) -> tuple[int, bool]:
        """Return how many bytes the cache may take, and whether a user has said so."""
        text = os.environ.get(LIMIT)
        if not text:
            return int(available * SHARE), False
        try:
            return parse_size(text), True
        except ValueError as error:
            raise UsageError(f"{LIMIT} is {text!r} on this node: {error}") from error

    def _entries(self) -> list[_Entry]:
        return [
            _Entry(home.name, _declared(home), self._used_at(home.name))
            for home in self.base.iterdir()
            if home.name != "locks"
        ]

    def _used_at(self, manifest: str) -> float:
        try:
            return (self.base / "locks" / manifest).stat().st_mtime
        except OSError:
            return 0.0

    def _evict(self, entry: _Entry) -> bool:
        """Remove a version, unless somebody uses it or brings it."""
        descriptor = self._open_lock(entry.manifest)
        try:
            if not lock(descriptor):
                return False
            remove(self.base / entry.manifest)
            return True
        finally:
            os.close(descriptor)

    @contextmanager
    def _all(self, heed: Heed = lambda: None) -> Iterator[None]:
        descriptor = self._open_lock("all")
        try:
            waiting_for(descriptor, heed)
            yield
        finally:
            os.close(descriptor)


def waiting_for(descriptor: int, heed: Heed) -> None:
    """Take a lock that others hold for moments only."""
    while not lock(descriptor):
        heed()
        time.sleep(WAIT / 4)


def remove(tree: Path) -> None:
    """Remove a tree of which nothing may be written."""
    for directory, _, _ in os.walk(tree):
        os.chmod(directory, 0o700)
    shutil.rmtree(tree, ignore_errors=True)


def _declared(home: Path) -> int:
    try:
        return int((home / "size").read_text())
    except (OSError, ValueError):
        return _used(home)


def _used(home: Path) -> int:
    """Return the bytes that what is there takes on the disk."""
    total = 0
    for directory, _, files in os.walk(home):
        for name in files:
            total += os.lstat(os.path.join(directory, name)).st_blocks * 512
    return total


def _appearance(tree: Path) -> str:
    """Return a text that is another one when somebody has changed a file."""
    total = hashlib.sha256()
    directories = [os.fspath(tree)]
    while directories:
        directory = directories.pop()
        with os.scandir(directory) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                told: tuple[int, ...] = ()
                if entry.is_dir(follow_symlinks=False):
                    directories.append(entry.path)
                else:
                    status = entry.stat(follow_symlinks=False)
                    told = (status.st_mode, status.st_size, status.st_ino)
                    told += (status.st_mtime_ns, status.st_ctime_ns)
                total.update(os.fsencode(f"{entry.name}\0{told}\0"))
    return total.hexdigest()
