"""Files on their way into the store, each content once."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from gridray import layout
from gridray.archive import shown
from gridray.datastores.hashes import HashCache
from gridray.datastores.manifest import DataFile
from gridray.datastores.origins import Origin
from gridray.errors import DatastoreError
from gridray.spread import spread
from gridray.store import Store

# Larger files are sent in parts, a few at once, so that memory stays small.
LARGE = 8 * 1024 * 1024
SMALL_AT_ONCE = 32
LARGE_AT_ONCE = 2
# Seconds after which the hashes are written down: what is hashed again after a crash.
KEEP_INTERVAL = 1.0

Advance = Callable[[int], None]


class Upload:
    """Sends what a datastore does not have yet, and counts it."""

    def __init__(self, store: Store, name: str, origin: Origin, hashes: HashCache) -> None:
        self._store = store
        self._name = name
        self._origin = origin
        self._hashes = hashes
        self._turn = threading.Lock()
        self._there: set[str] = set()
        self._known: dict[str, str] = {}
        self.sent = 0
        self.sent_bytes = 0

    def run(self, files: Sequence[DataFile], advance: Advance) -> list[DataFile]:
        """Bring the files into the store, and return them with their hashes.

        Raises:
            DatastoreError: one cannot be read, or changes meanwhile.
            StoreError: the store cannot be written.
        """
        self._there = self._stored()
        links = [file for file in files if file.link is not None]
        regular = [file for file in files if file.link is None]
        identities = (self._origin.identity(file) for file in regular)
        self._known = self._hashes.find(each for each in identities if each is not None)
        done = list(self._send_all(regular, advance))
        return [*links, *done]

    def make_sure(self, files: Iterable[DataFile]) -> None:
        """Send again what is not in the store any more."""
        self._there = self._stored()
        missing = [each for each in files if each.digest and each.digest not in self._there]
        for _ in self._send_all(missing, lambda size: None):
            pass

    def _stored(self) -> set[str]:
        entries = self._store.entries(layout.datastore_files(self._name))
        return {layout.last_part(entry.key) for entry in entries}

    def _send_all(self, files: Sequence[DataFile], advance: Advance) -> Iterator[DataFile]:
        large = [file for file in files if file.size > LARGE]
        small = [file for file in files if file.size <= LARGE]
        with closing(_Keeping(self._hashes)) as keeping:
            for group, threads in ((large, LARGE_AT_ONCE), (small, SMALL_AT_ONCE)):
                with closing(spread(self._send, group, threads)) as sent:
                    for file in sent:
                        identity = self._origin.identity(file)
                        if identity is not None and identity not in self._known:
                            keeping.add(identity, file.digest or "")
                        advance(file.size)
                        yield file

    def _send(self, file: DataFile) -> DataFile:
        identity = self._origin.identity(file)
        known = self._known.get(identity) if identity is not None else None
        if known is not None and known in self._there:
            return replace(file, digest=known)
        if file.size <= LARGE:
            data = b"".join(self._origin.content(file))
            digest = hashlib.sha256(data).hexdigest()
            if self._is_mine(digest, len(data)):
                self._store.put(layout.datastore_file(self._name, digest), data)
            return replace(file, digest=digest)
        digest = known or self._hash(file)
        if self._is_mine(digest, file.size):
            key = layout.datastore_file(self._name, digest)
            self._store.put_parts(key, self._verified(file, digest), file.size)
        return replace(file, digest=digest)

    def _is_mine(self, digest: str, size: int) -> bool:
        """Whether a content is not there, and is sent by nobody else."""
        with self._turn:
            if digest in self._there:
                return False
            self._there.add(digest)
            self.sent += 1
            self.sent_bytes += size
            return True

    def _hash(self, file: DataFile) -> str:
        total = hashlib.sha256()
        for piece in self._origin.content(file):
            total.update(piece)
        return total.hexdigest()

    def _verified(self, file: DataFile, digest: str) -> Iterator[bytes]:
        """Yield the content; an error, and with it no object, if it is another one by now."""
        total = hashlib.sha256()
        for piece in self._origin.content(file):
            total.update(piece)
            yield piece
        if total.hexdigest() != digest:
            raise DatastoreError(
                f"{shown(file.path)} changed while it was read",
                hint="type the same again when nothing writes to it",
            )


class _Keeping:
    """Writes hashes down, many at a time."""

    def __init__(self, hashes: HashCache) -> None:
        self._hashes = hashes
        self._new: dict[str, str] = {}
        self._kept_at = time.monotonic()

    def add(self, identity: str, digest: str) -> None:
        self._new[identity] = digest
        if time.monotonic() - self._kept_at > KEEP_INTERVAL:
            self.close()

    def close(self) -> None:
        if self._new:
            self._hashes.add(self._new)
        self._new, self._kept_at = {}, time.monotonic()
