"""What `datastore` prints with `--output json`."""

from dataclasses import dataclass
from datetime import datetime

from gridray.cli.shape import Shape


@dataclass(frozen=True)
class Datastore(Shape):
    name: str
    version: int
    """From 1; the highest is the newest."""
    size: int
    """The bytes of all files."""
    files: int
    created_at: datetime
    user: str
    source: str
    """What it was made from; of a URL, without user, password and query."""
    by_reference: bool
    """Whether its files are read from the source, and not from the store."""


@dataclass(frozen=True)
class Datastores(Shape):
    datastores: tuple[Datastore, ...]
    """One for each version, by name and version."""


@dataclass(frozen=True)
class CreatedDatastore(Datastore):
    uploaded_files: int
    """How many contents the store did not have yet."""
    uploaded_size: int
    """Their bytes."""
    same_as: int | None
    """The version before, if it has the same files."""


@dataclass(frozen=True)
class InterruptedUpload(Shape):
    name: str
    source: str
    started_at: datetime


@dataclass(frozen=True)
class InterruptedUploads(Shape):
    uploads: tuple[InterruptedUpload, ...]
    """The oldest first."""


@dataclass(frozen=True)
class CreatedDatastores(Shape):
    created: tuple[CreatedDatastore, ...]
    """What the uploads have become that were interrupted."""


@dataclass(frozen=True)
class DeletedDatastore(Shape):
    name: str
    version: int
    removed_files: int
    """How many contents no other version had."""


@dataclass(frozen=True)
class ClearedCache(Shape):
    versions: int
    """How many versions were removed from this machine, which experiments had used here."""
    size: int
    """Their bytes."""
    uploads: int
    """How many interrupted uploads were forgotten."""
