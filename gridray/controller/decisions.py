"""What the controller decides upon, and what it can decide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gridray.layout import AttemptName
from gridray.rayshapes import Job
from gridray.records import AttemptState, Row, RunRecord


@dataclass(frozen=True)
class RunView:
    """An active run as it is now."""

    record: RunRecord
    rows: Sequence[Row]

    def attempt(self, index: int) -> AttemptName:
        return AttemptName(self.record.name, index, self.rows[index].attempt)


@dataclass(frozen=True)
class Snapshot:
    """All that decisions rest on. `attempts` was read after `jobs`.

    `infeasible` says of a run why no node could ever run its experiments: those that have fallen
    back from spot (True), or the others. `heard_before` is when
    the controller before this one was last heard of (Unix, s).
    """

    runs: Sequence[RunView]
    jobs: Mapping[str, Job]
    attempts: Mapping[AttemptName, AttemptState]
    infeasible: Mapping[tuple[str, bool], str] = field(default_factory=dict)
    heard_before: float | None = None


@dataclass(frozen=True)
class Change:
    """Record that an experiment is somewhere else now."""

    run: str
    index: int
    row: Row


@dataclass(frozen=True)
class Submit:
    """Submit an attempt to Ray."""

    name: AttemptName


@dataclass(frozen=True)
class Stop:
    """Ask an attempt to end, its script within `grace` seconds."""

    name: AttemptName
    grace: float


@dataclass(frozen=True)
class Fence:
    """See to it that an attempt that is over for us writes nothing more, should it still live."""

    name: AttemptName


@dataclass(frozen=True)
class Tell:
    """Record how an attempt has ended whose runner has not said so."""

    name: AttemptName
    word: AttemptState


@dataclass(frozen=True)
class Drain:
    """Place nothing more on a node that goes at a time (Unix, s)."""

    node_id: str
    doomed_at: float


@dataclass(frozen=True)
class Withdraw:
    """Take a job that waits out of Ray's queue, so that no node is launched for it."""

    submission_id: str


Decision = Change | Submit | Stop | Fence | Tell | Drain | Withdraw
