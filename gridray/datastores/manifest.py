"""What the store says of a version: a small record, and the list of its files."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from gridray.archive import shown
from gridray.errors import DamagedError, DatastoreError

# What the file systems of nodes allow.
SEGMENT_LIMIT = 255
PLAIN, EXECUTABLE = 0o644, 0o755


@dataclass(frozen=True)
class DataFile:
    """A file, or a symbolic link (`link` is its target).

    `path` is relative, with `/`, bytes that are no UTF-8 as surrogate escapes. `size` is in bytes.
    `digest` is the SHA-256 of the content; what is not copied has the `etag` of its object instead.
    """

    path: str
    size: int
    mode: int = PLAIN
    digest: str | None = None
    etag: str | None = None
    link: str | None = None

    @classmethod
    def executable_or_not(cls, path: str, size: int, mode: int) -> "DataFile":
        """Return a file, of whose permissions only counts whether it can be executed."""
        return cls(path, size, EXECUTABLE if mode & 0o111 else PLAIN)


@dataclass(frozen=True)
class Manifest:
    """All files of a version, by path."""

    files: tuple[DataFile, ...]

    @classmethod
    def of(cls, files: Iterable[DataFile]) -> "Manifest":
        return cls(tuple(sorted(files, key=lambda file: file.path)))

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    def encode(self) -> bytes:
        """Return it as JSON, the same for the same files."""
        listed = [
            {key: value for key, value in vars(file).items() if value is not None}
            for file in self.files
        ]
        return json.dumps({"files": listed}, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, data: bytes, digest: str) -> "Manifest":
        """Return what was encoded.

        Raises:
            DamagedError: the data do not have this SHA-256, or say what no manifest says.
        """
        try:
            if hashlib.sha256(data).hexdigest() != digest:
                raise ValueError("it is not what was written")
            return cls(tuple(DataFile(**each) for each in json.loads(data)["files"]))
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedError(f"the manifest {digest} is damaged: {error}") from error


@dataclass(frozen=True)
class Version:
    """`versions/<n>.json`: with it a version exists.

    `manifest` is the SHA-256 of the list of its files; `files` how many these are, of `size` bytes
    together. `reference` is the S3 address that the files are read from, if they were not copied.
    """

    name: str
    number: int
    created_at: float
    user: str
    source: str
    files: int
    size: int
    manifest: str
    reference: str | None = None

    def __str__(self) -> str:
        return f"{self.name}:{self.number}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Version":
        names = {field.name for field in fields(cls)}
        return cls(**{key: value for key, value in raw.items() if key in names})


def check_paths(files: Sequence[DataFile]) -> None:
    """Check that a directory can hold these files, and nothing outside of it is meant.

    Raises:
        DatastoreError: it cannot; the message names the file.
    """
    paths = {file.path for file in files}
    if len(paths) < len(files):
        twice = next(path for path in paths if sum(each.path == path for each in files) > 1)
        raise DatastoreError(f"{shown(twice)} is there twice")
    for path in paths:
        parts = path.split("/")
        if {"", ".", ".."} & set(parts) or "\0" in path:
            raise DatastoreError(f"{shown(path)} is no path that a node could have")
        if max(len(os.fsencode(part)) for part in parts) > SEGMENT_LIMIT:
            raise DatastoreError(
                f"a part of {shown(path)} is longer than {SEGMENT_LIMIT} bytes, which no node takes"
            )
        for end in range(1, len(parts)):
            if (parent := "/".join(parts[:end])) in paths:
                raise DatastoreError(
                    f"{shown(parent)} is a file, and {shown(path)} would lie in it",
                    hint="rename one of them",
                )
