"""The files that the script creates, on their way to the store and, for a later attempt, back."""

import os
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from gridray import layout
from gridray.errors import NotFoundError
from gridray.layout import AttemptName, ExperimentName
from gridray.readers.artifacts import Artifact, download
from gridray.records import ArtifactIndex, ArtifactRecord
from gridray.store import Store

CONCURRENT_UPLOADS = 16
# Larger files go one after the other, each in parts of its own, so that memory stays small.
LARGE = 8 * 1024 * 1024
# A file that was written to this shortly before it was read may have changed again within one tick
# of the file system's clock, unseen; it is read once more at the next sync. A time further off was
# set by somebody, and any writing would have changed it.
CLOCK_TICK_NS = 50_000_000


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
        self._root = root
        self._source_files = source_files
        self._records: dict[str, ArtifactRecord] = {}
        self._settled: dict[str, _Seen] = {}
        self.not_kept: dict[str, str] = {}

    def restore(self) -> None:
        """Put the files of the attempt before into the working directory, as they were.

        Raises:
            StoreError: the store cannot be read.
        """
        before = _last_index(self._store, self._name)
        run, index = self._name.run, self._name.index
        found = [
            Artifact(
                ExperimentName(run, index),
                record,
                layout.artifact(AttemptName(run, index, record.attempt), record.path),
            )
            for record in before
        ]
        files = [each for each in found if each.record.link is None]
        download(self._store, [(each, self._root / each.path) for each in files])
        for record in before:
            if record.link is not None:
                link = self._root / record.path
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(record.link)
        self._publish({record.path: record for record in before})
        for record in before:
            self._settled[record.path] = _seen(os.lstat(self._root / record.path))

    def sync(self) -> bool:
        """Bring the store up to date.

        Returns:
            Whether nothing has moved meanwhile, so that another sync would find nothing to do.

        Raises:
            StoreError: the store cannot be written.
        """
        before = time.time_ns()
        found = self._scan()
        self._forget([path for path in self._records if path not in found])
        changed = [path for path in found if self._settled.get(path) != _seen(found[path])]
        stored = self._upload(changed, found)
        records = dict(self._records)
        for path in changed:
            if path in stored:
                records[path] = self._record(path, found[path])
        self._publish(records)
        for path in changed:
            self._settle(path, found[path], before)
        return all(path in self._settled or path in self.not_kept for path in found)

    def _forget(self, vanished: list[str]) -> None:
        """Drop files that are gone; first of all, since a directory may have taken the name."""
        if not vanished:
            return
        gone = set(vanished)
        self._publish({path: rec for path, rec in self._records.items() if path not in gone})
        self._store.delete(*(layout.artifact(self._name, path) for path in vanished))
        for path in vanished:
            self._settled.pop(path, None)

    def _publish(self, records: dict[str, ArtifactRecord]) -> None:
        if records == self._records:
            return
        index = ArtifactIndex(tuple(records[path] for path in sorted(records)))
        self._store.put_json(layout.artifact_index(self._name), index.to_json())
        self._records = records

    def _scan(self) -> dict[str, os.stat_result]:
        found: dict[str, os.stat_result] = {}
        self._scan_directory("", found)
        return found

    def _scan_directory(self, prefix: str, found: dict[str, os.stat_result]) -> None:
        try:
            entries = list(os.scandir(self._root / prefix))
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
            target = os.readlink(self._root / path)
        except OSError:
            return ""
        if not target.startswith(f"{self._root}/"):
            return target
        return os.path.relpath(target, (self._root / path).parent)

    def _upload(self, paths: list[str], found: dict[str, os.stat_result]) -> set[str]:
        """Store files, and return those that are stored; a link's record is all there is of it."""
        links = {path for path in paths if stat.S_ISLNK(found[path].st_mode)}
        files = [path for path in paths if path not in links]
        # When time is short, what was written last is what counts.
        files.sort(key=lambda path: found[path].st_mtime_ns, reverse=True)
        small = [path for path in files if found[path].st_size <= LARGE]
        large = [path for path in files if found[path].st_size > LARGE]
        with ThreadPoolExecutor(CONCURRENT_UPLOADS) as pool:
            done = [*pool.map(self._upload_one, small)] + [self._upload_one(path) for path in large]
        return links | {path for path, ok in zip(small + large, done, strict=True) if ok}

    def _upload_one(self, path: str) -> bool:
        file = self._root / path
        try:
            _make_readable(file)
            self._store.put(layout.artifact(self._name, path), file)
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
            after = os.lstat(self._root / path)
        except OSError:
            return
        earliest, latest = before - CLOCK_TICK_NS, time.time_ns() + CLOCK_TICK_NS
        is_fresh = earliest <= status.st_mtime_ns <= latest
        if _seen(after) == _seen(status) and not is_fresh:
            self._settled[path] = _seen(status)


def _last_index(store: Store, name: AttemptName) -> tuple[ArtifactRecord, ...]:
    """Return the files of the last attempt before this one that had any."""
    for attempt in range(name.attempt - 1, -1, -1):
        key = layout.artifact_index(AttemptName(name.run, name.index, attempt))
        if (raw := store.find_json(key)) is not None:
            return ArtifactIndex.from_json(raw).files
    return ()


def _seen(status: os.stat_result) -> _Seen:
    return _Seen(status.st_size, status.st_mtime_ns, status.st_ino)


def _make_readable(file: Path) -> None:
    try:
        open(file, "rb").close()
    except PermissionError:
        mode = stat.S_IMODE(file.stat().st_mode)
        file.chmod(mode | stat.S_IRUSR)
        open(file, "rb").close()


def _is_bytecode(path: str) -> bool:
    """Whether Python wrote this by itself, as it does for each module that a script imports."""
    return path.endswith(".pyc") and "__pycache__/" in path
