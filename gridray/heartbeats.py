"""What the controller of a cluster says of itself in the store."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from gridray.records import known_fields


@dataclass(frozen=True)
class Heartbeat:
    """`clusters/<key>.json`: when the controller of a cluster last had something to do.

    `doomed` is when nodes are going to be taken away, by their ids in Ray.
    """

    at: float
    doomed: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Heartbeat":
        return cls(**known_fields(cls, raw))
