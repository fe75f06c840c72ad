"""The files that the script creates, on their way to the store and, for a later attempt, back."""

import io
import os
import stat
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from gridray import layout
from gridray.artifactindex import ArtifactIndex, ArtifactRecord
from gridray.errors import NotFoundError
from gridray.layout import AttemptName
from gridray.readers.download import Artifact, download
from gridray.runner.metrics.names import is_metric_path
from gridray.store import Store

CONCURRENT_UPLOADS = 16
# Larger files go one after the other, each in parts of its own, so that memory stays small.
LARGE = 8 * 1024 * 1024
# A file that was written to this shortly before it was read may have changed again within one tick
# of the file system's clock, unseen; it is read once more at the next sync. A time further off was
# set by somebody, and any writing would have changed it.
CLOCK_TICK_NS = 50_000_000
# While a sync takes longer, the index is brought up to what is stored so far: it may be cut off.
PUBLISH_INTERVAL = 5.0


@dataclass(frozen=True)
class _Seen:
    size: int
    mtime_ns: int
    inode: int


class ArtifactSync:
    """Keeps an attempt's `artifacts.json` and files equal to what is in the working directory."""

    def __init__(
        self, store: Store, name: AttemptName, root: Path, source_files: frozenset[str]
    ) -> None:
        """Watch `root`, where `source_files` (relative paths) are no artifacts."""
        self._store = store
        self._name = name
        self.root = root
        self._source_files = source_files
        self._metric_files = frozenset(filter(is_metric_path, source_files))
        self._records: dict[str, ArtifactRecord] = {}
        # What the store's index says, which exists once it differs from nothing.
        self._published: dict[str, ArtifactRecord] | None = {}
        self._settled: dict[str, _Seen] = {}
        self.not_kept: dict[str, str] = {}

    @property
    def metric_files(self) -> frozenset[str]:
        """The files, given ones as well, that metrics are read from, as of the last look."""
        return self._metric_files

    def restore(self, check: Callable[[], None]) -> None:
        """Put the files of the attempt before into the working directory.

        They are as they are in the store: a runner that was killed between file and index leaves a
        newer file than the index says. Nothing is written into the store yet.

        Args:
            check: called before each piece; what it raises ends this.

        Raises:
            NotFoundError: one of them is not in the store.
            StoreError: the store cannot be read.
            UsageError: the disk does not take them.
        """
        run, index = self._name.run, self._name.index
        before = _last_index(self._store, self._name)
        found = [Artifact.of(run, index, record) for record in before if record.link is None]
        download(self._store, [(each, self.root / each.path) for each in found], check=check)
        for record in before:
            if record.link is not None:
                link = self.root / record.path
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(record.link)
        self._records = {record.path: record for record in before}
        self._metric_files |= frozenset(filter(is_metric_path, self._records))
        self._published = None if before else {}
        for record in before:
            status = os.lstat(self.root / record.path)
            self._settled[record.path] = _seen(status)
            self._records[record.path] = replace(record, size=status.st_size)

    def sync(self) -> bool:
        """Bring the store up to date.

        Returns:
            Whether nothing has moved meanwhile, so that another sync would find nothing to do.

        Raises:
            StoreError: the store cannot be written.
        """
        before = time.time_ns()
        found = self._scan()
        vanished = [path for path in self._records if path not in found]
        self._publish(self._records, _in_the_way(vanished, found))
        changed = [path for path in found if self._settled.get(path) != _seen(found[path])]
        records = dict(self._records)
        published_at = time.monotonic()
        for path in self._upload(changed, found):
            records[path] = self._record(path, found[path])
            if time.monotonic() - published_at > PUBLISH_INTERVAL:
                self._publish(records)
                published_at = time.monotonic()
        # Last, so that of a file that is replaced by another one there is always one of the two.
        self._publish(records, [path for path in vanished if path in records])
        for path in changed:
            self._settle(path, found[path], before)
        return all(path in self._settled or path in self.not_kept for path in found)

    def _publish(self, records: Mapping[str, ArtifactRecord], gone: Sequence[str] = ()) -> None:
        """Make the index say this, without the files that are gone, which are removed then."""
        left_out = set(gone)
        kept = {path: record for path, record in records.items() if path not in left_out}
        if kept != self._published:
            index = ArtifactIndex(tuple(kept[path] for path in sorted(kept)))
            self._store.put_json(layout.artifact_index(self._name), index.to_json())
        self._published = self._records = kept
        keys = [layout.artifact(self._name, path) for path in gone]
        with ThreadPoolExecutor(CONCURRENT_UPLOADS) as pool:
            list(pool.map(self._store.delete, keys))
        for path in gone:
            self._settled.pop(path, None)

    def _scan(self) -> dict[str, os.stat_result]:
        found: dict[str, os.stat_result] = {}
        self._scan_directory("", found)
        self._metric_files |= frozenset(filter(is_metric_path, found))
        return found

    def _scan_directory(self, prefix: str, found: dict[str, os.stat_result]) -> None:
        try:
            entries = list(os.scandir(self.root / prefix))
        except FileNotFoundError:
            return
        except OSError as error:
            self.not_kept[prefix or "."] = str(error)
            return
        for entry in entries:
            path = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                self._scan_directory(f"{path}/", found)
            elif path not in self._source_files and not _is_bytecode(path):
                self._stat(entry, path, found)

    def _stat(self, entry: "os.DirEntry[str]", path: str, found: dict[str, os.stat_result]) -> None:
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return
        except OSError as error:
            self.not_kept[path] = str(error)
            return
        if stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode):
            found[path] = status

    def _record(self, path: str, status: os.stat_result) -> ArtifactRecord:
        return ArtifactRecord(
            path=path,
            size=status.st_size,
            mode=stat.S_IMODE(status.st_mode),
            mtime_ns=status.st_mtime_ns,
            attempt=self._name.attempt,
            link=self._link(path) if stat.S_ISLNK(status.st_mode) else None,
        )

    def _link(self, path: str) -> str:
        """Return the target of a link; an absolute one within the working directory as relative."""
        try:
            target = os.readlink(self.root / path)
        except OSError:
            return ""
        if not target.startswith(f"{self.root}/"):
            return target
        return os.path.relpath(target, (self.root / path).parent)

    def _upload(self, paths: list[str], found: dict[str, os.stat_result]) -> Iterator[str]:
        """Store files, and yield those that are stored; a link's record is all there is of it."""
        links = [path for path in paths if stat.S_ISLNK(found[path].st_mode)]
        files = [path for path in paths if not stat.S_ISLNK(found[path].st_mode)]
        yield from links
        # When time is short, what was written last is what counts.
        files.sort(key=lambda path: found[path].st_mtime_ns, reverse=True)
        small = [path for path in files if found[path].st_size <= LARGE]
        large = [path for path in files if found[path].st_size > LARGE]
        with ThreadPoolExecutor(CONCURRENT_UPLOADS) as pool:
            sizes = [found[path].st_size for path in small]
            stored = pool.map(self._upload_one, small, sizes)
            yield from (path for path, is_stored in zip(small, stored, strict=True) if is_stored)
        for path in large:
            if self._upload_one(path, found[path].st_size):
                yield path

    def _upload_one(self, path: str, size: int) -> bool:
        """Store as much of a file as was found: it may grow faster than a store takes it."""
        try:
            with _open(self.root / path, size) as beginning:
                self._store.put(layout.artifact(self._name, path), beginning)
        except (FileNotFoundError, NotFoundError):
            return False
        except OSError as error:
            self.not_kept[path] = str(error)
            return False
        self.not_kept.pop(path, None)
        return True

    def _settle(self, path: str, status: os.stat_result, before: int) -> None:
        self._settled.pop(path, None)
        try:
            after = os.lstat(self.root / path)
        except OSError:
            return
        earliest, latest = before - CLOCK_TICK_NS, time.time_ns() + CLOCK_TICK_NS
        is_fresh = earliest <= status.st_mtime_ns <= latest
        if _seen(after) == _seen(status) and not is_fresh:
            self._settled[path] = _seen(status)


def _in_the_way(vanished: list[str], found: Collection[str]) -> list[str]:
    """Return the files whose name a directory has taken, or whose directory's name a file has."""
    if not vanished:
        return []
    directories = {parent for path in found for parent in _parents(path)}
    return [
        path
        for path in vanished
        if path in directories or any(parent in found for parent in _parents(path))
    ]


def _parents(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _last_index(store: Store, name: AttemptName) -> tuple[ArtifactRecord, ...]:
    """Return the files of the last attempt before this one that had any."""
    for attempt in range(name.attempt - 1, -1, -1):
        key = layout.artifact_index(AttemptName(name.run, name.index, attempt))
        if (raw := store.find_json(key)) is not None:
            return ArtifactIndex.from_json(raw).files
    return ()


def _seen(status: os.stat_result) -> _Seen:
    return _Seen(status.st_size, status.st_mtime_ns, status.st_ino)


class _Beginning(io.FileIO):
    """The first bytes of a file, which may go on."""

    def __init__(self, path: Path, size: int) -> None:
        super().__init__(path)
        self._size = size

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            return super().seek(self._size + offset)
        return super().seek(offset, whence)

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, self._size - self.tell())
        return super().read(left if size is None or size < 0 else min(size, left)) or b""


def _open(path: Path, size: int) -> _Beginning:
    """Open the beginning of a file, also where the script took away the permission to read it."""
    try:
        return _Beginning(path, size)
    except PermissionError:
        path.chmod(stat.S_IMODE(path.stat().st_mode) | stat.S_IRUSR)
        return _Beginning(path, size)


def _is_bytecode(path: str) -> bool:
    """Whether Python wrote this by itself, as it does for each module that a script imports."""
    return path.endswith(".pyc") and "__pycache__/" in path
