"""What `--output json` prints of runs and experiments."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from gridray.cli.shape import Shape
from gridray.states import Reason, State

if TYPE_CHECKING:
    from gridray.readers.runs import ExperimentView, RunSummary, RunView


@dataclass(frozen=True)
class Run(Shape):
    name: str
    state: State
    created_at: datetime
    ended_at: datetime | None
    duration_seconds: float
    """From its creation to its end, or until now."""
    cluster: str
    command: tuple[str, ...]
    """The words of its command line, with the sweep as it was typed."""
    experiment_count: int
    """How many experiments it has; the next numbers say where they are."""
    queued: int
    pending: int
    """Submitted to Ray, or being built."""
    running: int
    succeeded: int
    failed: int
    cancelled: int
    held: int
    """Of those queued and pending: they do not start, since the first ones failed alike."""
    commit: str | None
    """The Git commit that its source is of; null: of none that is known."""
    branch: str | None
    """The branch that the commit was taken from."""
    remote: str | None
    """The address of the Git repository, without credentials."""
    dirty: bool
    """Whether its source has changes that are not committed."""
    cost: float | None
    """What its attempts have cost so far, in US dollars; null: that is not known."""

    @classmethod
    def of(cls, summary: "RunSummary") -> "Run":
        values = dict(vars(summary))
        dirty = values.pop("is_dirty")
        values.pop("cluster_key")
        return cls(experiment_count=values.pop("experiments"), dirty=dirty, **values)


@dataclass(frozen=True)
class Runs(Shape):
    runs: tuple[Run, ...]
    """The newest first."""


@dataclass(frozen=True)
class Experiment(Shape):
    name: str
    index: int
    """Its number in the sweep, from 0."""
    state: State
    reason: Reason | None
    """Why it is in its state, where that does not go without saying."""
    message: str | None
    """More about that, in words."""
    command: tuple[str, ...]
    """The words of its command line."""
    params: dict[str, str | bool]
    """Its point of the sweep."""
    attempt: int
    """The latest attempt at it, from 0."""
    exit_code: int | None
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    not_before: datetime | None
    """When its back-off ends, while it is queued for another attempt."""
    queued_seconds: float | None
    run_seconds: float | None
    cost: float | None
    """What all its attempts have cost so far, in US dollars; null: that is not known."""
    has_fallen_back: bool
    """Whether it is for an on-demand node, since no spot one came in time."""

    @classmethod
    def of(cls, view: "ExperimentView") -> "Experiment":
        # Not by `__init__`, which takes four times as long: there may be 10,000.
        made = object.__new__(cls)
        vars(made).update(vars(view))
        return made


@dataclass(frozen=True)
class RunDetail(Run):
    experiments: tuple[Experiment, ...]
    """All of them, or the one that was asked for; without those that were deleted."""

    @classmethod
    def of_view(cls, view: "RunView") -> "RunDetail":
        experiments = tuple(map(Experiment.of, view.experiments))
        return cls(**vars(Run.of(view.summary)), experiments=experiments)


@dataclass(frozen=True)
class LogLine(Shape):
    time: str
    """When it was read from the script, RFC 3339."""
    stream: str
    """`stdout`, which is stderr too, or `build`."""
    text: str
    """Without its newline; bytes that are not UTF-8 are replaced."""
