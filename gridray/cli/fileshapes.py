"""What `--output json` prints of artifacts."""

from dataclasses import dataclass
from datetime import datetime

from gridray.cli.shape import Shape


@dataclass(frozen=True)
class Artifact(Shape):
    experiment: str
    path: str
    """Relative to the experiment's working directory."""
    size: int
    """In bytes."""
    modified: datetime


@dataclass(frozen=True)
class Artifacts(Shape):
    artifacts: tuple[Artifact, ...]


@dataclass(frozen=True)
class Downloaded(Shape):
    directories: tuple[str, ...]
    """Where the files of each name are, in the order of the names."""
    files: tuple[str, ...]
    """The path of every file."""
    size: int
    """The bytes of all of them."""


@dataclass(frozen=True)
class Location(Shape):
    experiment: str
    location: str
    """A directory or an S3 address."""


@dataclass(frozen=True)
class Locations(Shape):
    locations: tuple[Location, ...]
