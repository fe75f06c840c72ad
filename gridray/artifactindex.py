"""`artifacts.json` of an attempt: which files the script has created."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from gridray.records import known_fields


@dataclass(frozen=True)
class ArtifactRecord:
    """One file in an attempt's `artifacts.json`.

    `attempt` is the one whose copy it is; `link` is the target of a symbolic link.
    """

    path: str
    size: int
    mode: int
    mtime_ns: int
    attempt: int
    link: str | None = None


@dataclass(frozen=True)
class ArtifactIndex:
    """`artifacts.json`: the files that the script has created, as of the last sync."""

    files: tuple[ArtifactRecord, ...] = field(default_factory=tuple)

    def to_json(self) -> dict[str, Any]:
        return {"files": [asdict(file) for file in self.files]}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "ArtifactIndex":
        return cls(
            tuple(ArtifactRecord(**known_fields(ArtifactRecord, file)) for file in raw["files"])
        )
