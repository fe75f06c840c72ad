"""What users ask of a run after it was submitted: each request is applied to its rows once.

`status.json` holds the rows and the requests that are in them, so a controller that is killed
between the two does not exist.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from gridray.errors import DamagedError
from gridray.records import Row, decode
from gridray.states import Reason, State

# What a retry gives another attempt.
RETRIED = (State.FAILED, State.CANCELLED)


@dataclass(frozen=True)
class StopRequest:
    """Stop all experiments of a run that are not over, or those with these numbers.

    Of several stops of an experiment the shortest grace (s) counts.
    """

    experiments: tuple[int, ...] | None
    grace: float

    def to_json(self) -> dict[str, Any]:
        return {"kind": "stop", **asdict(self)}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "StopRequest":
        numbers = raw["experiments"]
        return cls(None if numbers is None else tuple(numbers), raw["grace"])

    def applied(self, index: int, row: Row) -> Row:
        is_covered = self.experiments is None or index in self.experiments
        if row.state.is_terminal or not is_covered:
            return row
        granted = self.grace if row.stop_grace is None else min(row.stop_grace, self.grace)
        return replace(_released(row), stop_grace=granted)


@dataclass(frozen=True)
class RetryRequest:
    """Give experiments, by their numbers, another attempt, and let go on what is held.

    `at` is the time of the request (Unix, s).
    """

    experiments: frozenset[int]
    at: float

    def to_json(self) -> dict[str, Any]:
        return {"kind": "retry", "experiments": sorted(self.experiments), "at": self.at}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "RetryRequest":
        return cls(frozenset(raw["experiments"]), raw["at"])

    def applied(self, index: int, row: Row) -> Row:
        if row.state in RETRIED and index in self.experiments:
            # A number that was never submitted is still free.
            used = row.submitted_at is not None
            return Row(
                attempt=row.attempt + used,
                queued_at=self.at,
                spent=row.spent,
                wasted=row.wasted,
                saved=row.saved,
            )
        if row.reason is Reason.HELD:
            # What was held has not waited for a place.
            return replace(_released(row), not_before=self.at)
        return replace(row, is_pardoned=True) if row.state is State.FAILED else row


Request = StopRequest | RetryRequest

KINDS: dict[str, type[StopRequest] | type[RetryRequest]] = {
    "stop": StopRequest,
    "retry": RetryRequest,
}


def decode_request(raw: Any, key: str) -> Request:
    """Return the request that a JSON object holds.

    Raises:
        DamagedError: it holds none that this version of Gridray understands.
    """
    kind = raw.get("kind") if isinstance(raw, dict) else None
    if kind not in KINDS:
        raise DamagedError(f"{key} is damaged, or of another version of Gridray: no kind {kind!r}")
    request: Request = decode(KINDS[kind], raw, key)
    return request


def applied(rows: Sequence[Row], request: Request) -> list[Row]:
    """Return the experiments of a run as they are once the request has been heard."""
    return [request.applied(index, row) for index, row in enumerate(rows)]


def _released(row: Row) -> Row:
    return replace(row, reason=None) if row.reason is Reason.HELD else row
