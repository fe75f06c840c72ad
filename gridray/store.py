"""The durable home of everything: a directory or an S3 prefix behind one small class.

Writes are of whole objects and atomic. obstore's errors become `StoreError`s here and nowhere else.
"""

import copy
import errno
import json
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import LocalStore, MemoryStore, S3Store

from gridray.errors import DamagedError, ExistsError, NotFoundError, StoreError, UsageError
from gridray.profiles import made_bucket, profile_credentials
from gridray.storehints import first_line, hint, lacks_credentials

if TYPE_CHECKING:
    from obstore import Bytes, GetOptions, GetResult, ObjectMeta
    from obstore.store import ClientConfig, RetryConfig

    Pieces = Generator[bytes | Bytes, None, None]

# A command in a terminal should say soon that the store does not answer; what works unattended
# should outlast a minute's failure.
IMPATIENT: "RetryConfig" = {"max_retries": 3, "retry_timeout": timedelta(seconds=10)}
# Only the time is to count: a refused connection takes a tenth of a second.
PATIENT: "RetryConfig" = {
    "max_retries": 100_000,
    "retry_timeout": timedelta(minutes=3),
    "backoff": {
        "init_backoff": timedelta(milliseconds=200),
        "max_backoff": timedelta(seconds=5),
        "base": 2,
    },
}

# How many small objects are asked for at once.
CONCURRENCY = 32
# The pieces in which an object is read.
STREAM_PIECE = 64 * 1024
# Directories are not streamed as long as memory allows: obstore reads 8 KiB at a time then.
DIRECTORY_PIECE = 8 * 1024 * 1024
DIRECTORY_LIMIT = 64 * 1024 * 1024
# What of a large object is sent at once, at least: S3 takes 10,000 parts of an object.
SENT_PART = 8 * 1024 * 1024
MOST_PARTS = 9_000
PARTS_AT_ONCE = 8

# What obstore says of `file/key`, where a directory that is the store holds a `file`.
NOT_A_DIRECTORY = f"(os error {errno.ENOTDIR})"


class Entry(NamedTuple):
    """An object in the store: its key and its size in bytes."""

    key: str
    size: int


class Tagged(NamedTuple):
    """An object with the tag that changes with its content."""

    key: str
    size: int
    etag: str


def _nothing() -> None:
    """Check nothing."""


class Store:
    """A directory (`/path`, `file:///path`) or an S3 prefix (`s3://bucket/prefix`)."""

    def __init__(self, url: str, *, patient: bool = False) -> None:
        """Name a store; nothing is read or written yet.

        Raises:
            UsageError: the URL is of a kind that is not known.
        """
        self.url, self.directory = _normalize(url)
        self._patient = patient
        self._backend: LocalStore | S3Store | None = None
        self._before_write: Callable[[], None] = _nothing
        self._is_lasting = False
        self._was_there = False

    def __repr__(self) -> str:
        return f"Store({self.url!r})"

    @property
    def is_directory(self) -> bool:
        return self.directory is not None

    def location(self, key: str) -> str:
        """Return where a user finds an object, or a prefix, with other tools."""
        return f"{self.url}/{key}"

    def guarded(self, check: Callable[[], None]) -> "Store":
        """Return this store as it is, but that `check` is called before anything is changed."""
        twin = copy.copy(self)
        twin._before_write = check
        return twin

    def lasting(self) -> "Store":
        """Return this store as it is, but that its directory, once there, has to stay.

        When it is gone then, whatever reads raises a StoreError; else it would read as empty.
        """
        twin = copy.copy(self)
        twin._is_lasting = True
        twin._was_there = self.directory is not None and self.directory.exists()
        return twin

    def put(self, key: str, data: bytes | Path | IO[bytes]) -> None:
        """Write an object, from memory or from a file, replacing what was there."""
        self._before_write()
        with self._errors(f"write {key}"):
            obstore.put(self._writable(), key, data)

    def create(self, key: str, data: bytes) -> None:
        """Write an object that must not exist yet.

        Raises:
            ExistsError: it does.
        """
        self._before_write()
        with self._errors(f"write {key}"):
            obstore.put(self._writable(), key, data, mode="create")

    def put_parts(self, key: str, parts: Iterable[bytes], size: int) -> None:
        """Write an object of `size` bytes as they come; nothing is there if they raise an error."""
        self._before_write()
        part = max(SENT_PART, size // MOST_PARTS)
        with self._errors(f"write {key}"):
            obstore.put(
                self._writable(), key, parts, chunk_size=part, max_concurrency=PARTS_AT_ONCE
            )

    def get(self, key: str) -> bytes:
        """Read an object.

        Raises:
            NotFoundError: there is none.
        """
        with self._errors(f"read {key}", reading=True):
            return bytes(obstore.get(self._readable(), key).bytes())

    def find(self, key: str) -> bytes | None:
        """Read an object, or return None if there is none."""
        try:
            return self.get(key)
        except NotFoundError:
            return None

    def get_range(self, key: str, start: int, end: int) -> bytes:
        with self._errors(f"read {key}"):
            return bytes(obstore.get_range(self._readable(), key, start=start, end=end))

    def get_tagged(self, wanted: Tagged, start: int, end: int) -> bytes:
        """Read a part of an object as it was when it was listed; an empty one has no parts.

        Raises:
            NotFoundError: there is none.
            ExistsError: there is another one in its place.
        """
        with self._unchanged(wanted):
            return bytes(self._open_tagged(wanted, start, end).bytes())

    def stream(self, key: str) -> "Pieces":
        """Read an object as it is at one moment, piece by piece as they come.

        Raises:
            NotFoundError: there is none.
        """
        with self._errors(f"read {key}", reading=True):
            found = obstore.get(self._readable(), key)
            if self.is_directory and found.meta["size"] <= DIRECTORY_LIMIT:
                yield found.bytes()
            else:
                yield from found.stream(min_chunk_size=STREAM_PIECE)

    def stream_tagged(self, wanted: Tagged, start: int, end: int) -> "Pieces":
        """Read a part of an object as `get_tagged` does, piece by piece as they come."""
        step = DIRECTORY_PIECE if self.is_directory else end - start
        for begin in range(start, end, step):
            with self._unchanged(wanted):
                found = self._open_tagged(wanted, begin, min(begin + step, end))
                if self.is_directory:
                    yield found.bytes()
                else:
                    yield from found.stream(min_chunk_size=STREAM_PIECE)

    def _open_tagged(self, wanted: Tagged, start: int, end: int) -> "GetResult":
        options: GetOptions = {"range": (start, end)}
        if wanted.etag:
            options["if_match"] = wanted.etag
        found = obstore.get(self._readable(), wanted.key, options=options)
        if found.meta["size"] != wanted.size:
            raise ExistsError(f"{self.url}: {wanted.key} has another size than before")
        return found

    @contextmanager
    def _unchanged(self, wanted: Tagged) -> Iterator[None]:
        try:
            with self._errors(f"read {wanted.key}", reading=True):
                yield
        except StoreError as error:
            if not isinstance(error.__cause__, PreconditionError):
                raise
            raise ExistsError(f"{self.url}: {wanted.key} is another one than before") from error

    def get_many(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Read many objects at once; those that do not exist are left out."""
        # Threads, and not obstore's own asyncio functions: these leave a thread of Tokio behind
        # that aborts the process if Python ends at the wrong moment (pyo3-async-runtimes#40).
        wanted = list(keys)
        if len(wanted) < 2:
            found = list(map(self.find, wanted))
        else:
            with ThreadPoolExecutor(min(CONCURRENCY, len(wanted))) as pool:
                found = list(pool.map(self.find, wanted))
        return {key: data for key, data in zip(wanted, found, strict=True) if data is not None}

    def size(self, key: str) -> int | None:
        """Return the bytes of an object, or None if there is none."""
        try:
            with self._errors(f"look for {key}", reading=True):
                return obstore.head(self._readable(), key)["size"]
        except NotFoundError:
            return None

    def exists(self, key: str) -> bool:
        return self.size(key) is not None

    def entries(self, prefix: str, *, after: str | None = None) -> list[Entry]:
        """Return all objects below a prefix that ends in `/`, by key; those after a key only."""
        with self._errors(f"list {prefix}"):
            pages = obstore.list(self._readable(), prefix, offset=after, chunk_size=1000)
            return sorted(Entry(meta["path"], meta["size"]) for page in pages for meta in page)

    def tagged(self, prefix: str) -> list[Tagged]:
        """Return all objects below a prefix, with their tags, by key."""
        with self._errors(f"list {prefix}"):
            pages = obstore.list(self._readable(), prefix or None, chunk_size=1000)
            return sorted(_tagged(meta) for page in pages for meta in page)

    def find_tagged(self, key: str) -> Tagged | None:
        """Return an object with its tag, or None if there is none."""
        try:
            with self._errors(f"look for {key}", reading=True):
                return _tagged(obstore.head(self._readable(), key))
        except NotFoundError:
            return None

    def names(self, prefix: str) -> list[str]:
        """Return the names of what is directly below a prefix that ends in `/`."""
        with self._errors(f"list {prefix}"):
            found = obstore.list_with_delimiter(self._readable(), prefix)
        paths = [*found["common_prefixes"], *(meta["path"] for meta in found["objects"])]
        # Some S3 servers list a prefix that was emptied as being below itself.
        return sorted(path.removeprefix(prefix) for path in paths if path.startswith(prefix))

    def delete(self, *keys: str) -> None:
        """Remove objects; one that does not exist is no error."""
        self._before_write()
        backend = self._readable()
        for key in keys:
            try:
                with self._errors(f"delete {key}"):
                    obstore.delete(backend, key)
            except NotFoundError:
                continue

    def delete_prefix(self, prefix: str) -> None:
        """Remove everything below a prefix that ends in `/`."""
        self.delete_many([entry.key for entry in self.entries(prefix)])

    def delete_many(self, keys: Sequence[str]) -> None:
        """Remove objects, a thousand with one request where there are requests."""
        self._before_write()
        if self.directory is not None:
            self.delete(*keys)
            return
        for start in range(0, len(keys), 1000):
            with self._errors(f"delete {keys[start]}"):
                obstore.delete(self._readable(), keys[start : start + 1000])

    def put_json(self, key: str, value: Any) -> None:
        self.put(key, to_json(value))

    def create_json(self, key: str, value: Any) -> None:
        self.create(key, to_json(value))

    def get_json(self, key: str) -> Any:
        return parse_json(self.get(key), key)

    def find_json(self, key: str) -> Any:
        """Read a JSON object, or return None if there is none."""
        data = self.find(key)
        return None if data is None else parse_json(data, key)

    def get_many_json(self, keys: Iterable[str]) -> dict[str, Any]:
        return {key: parse_json(data, key) for key, data in self.get_many(keys).items()}

    def _writable(self) -> LocalStore | S3Store:
        if self._backend is None:
            self._backend = self._open()
        return self._backend

    def _readable(self) -> LocalStore | S3Store | MemoryStore:
        if self.directory is not None and not self.directory.exists():
            if self._is_lasting and self._was_there:
                raise StoreError(f"the store {self.url} is gone", hint="put its directory back")
            return MemoryStore()
        self._was_there = True
        return self._writable()

    def _open(self) -> LocalStore | S3Store:
        if self.directory is not None:
            return LocalStore(self.directory, mkdir=True, automatic_cleanup=True)
        parts = urlsplit(self.url)
        options: ClientConfig = {"connect_timeout": "5s", "timeout": "300s"}
        if os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://"):
            options["allow_http"] = True
        region, profile = made_bucket(parts.netloc)
        return S3Store(
            parts.netloc,
            # obstore takes no None for a region that the environment has.
            config={} if region is None else {"region": region},
            prefix=parts.path.strip("/") or None,
            client_options=options,
            retry_config=PATIENT if self._patient else IMPATIENT,
            credential_provider=profile_credentials(profile),
        )

    @contextmanager
    def _errors(self, what: str, *, reading: bool = False) -> Iterator[None]:
        try:
            yield
        except AlreadyExistsError as error:
            raise ExistsError(f"{self.url}: {what}: it exists already") from error
        except FileNotFoundError as error:
            raise NotFoundError(f"{self.url}: {what}: it does not exist") from error
        except (BaseError, OSError, ValueError) as error:
            if reading and NOT_A_DIRECTORY in str(error):
                raise NotFoundError(f"{self.url}: {what}: it does not exist") from error
            said = (
                "there are no credentials for S3" if lacks_credentials(error) else first_line(error)
            )
            raise StoreError(
                f"the store {self.url} failed to {what}: {said}",
                hint=hint(self.directory, str(error)),
            ) from error


def _tagged(meta: "ObjectMeta") -> Tagged:
    return Tagged(meta["path"], meta["size"], meta["e_tag"] or "")


def parse_json(data: bytes, key: str) -> Any:
    """Return what an object holds.

    Raises:
        DamagedError: it is no JSON.
    """
    try:
        return json.loads(data)
    except ValueError as error:
        raise DamagedError(f"{key} in the store is damaged: {error}") from error


def to_json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _normalize(url: str) -> tuple[str, Path | None]:
    if url.startswith("s3://"):
        parts = urlsplit(url)
        if not parts.netloc:
            raise UsageError(f"{url!r} names no bucket", hint="write s3://bucket/prefix")
        return url.rstrip("/"), None
    if "://" in url and not url.startswith("file://"):
        raise UsageError(
            f"the store {url!r} is of a kind that Gridray does not know",
            hint="a store is a directory or s3://bucket/prefix",
        )
    directory = Path(url.removeprefix("file://")).expanduser().absolute()
    return str(directory), directory
