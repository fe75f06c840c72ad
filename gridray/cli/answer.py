"""What `gridray why --output json` prints."""

from dataclasses import dataclass
from datetime import datetime

from gridray.cli import placements
from gridray.cli.placements import Placement
from gridray.cli.planshapes import Resources
from gridray.cli.shape import Shape
from gridray.clusters.capacity import Fit
from gridray.readers.why import Wait, Why
from gridray.states import Reason, State


@dataclass(frozen=True)
class Attempt(Shape):
    number: int
    """From 0."""
    state: State
    reason: Reason | None
    message: str | None
    """More about the reason, in words."""
    exit_code: int | None
    started_at: datetime | None
    ended_at: datetime | None
    host: str | None
    """The machine that it ran on."""
    peak_memory: int | None
    """The most that the script's processes have had in memory together, in bytes."""
    doomed_at: datetime | None
    """When its machine is taken away, if that was announced."""


@dataclass(frozen=True)
class Answer(Shape):
    name: str
    """The experiment that it is about."""
    state: State
    reason: Reason | None
    because: str
    """Why it is in its state, in words."""
    wait: Wait | None
    """What keeps it, if it has not started."""
    fit: Fit | None
    """Whether the cluster has room for it, if it waits for a place and the cluster answers."""
    asked: Resources
    """What it gets, or waits for."""
    placement: Placement | None
    """The nodes that it is for; null: any."""
    has_fallen_back: bool
    """Whether it is for an on-demand node, since no spot one came in time."""
    ahead: int
    """How many experiments of its run get a place before it."""
    attempt: int
    """The latest attempt at it, from 0."""
    exit_code: int | None
    peak_memory: int | None
    """Of the latest attempt, in bytes."""
    attempts: tuple[Attempt, ...]
    """The first one first; without those of which the store knows nothing."""
    stream: str
    """Which log it is: `stdout`, which is stderr too, or `build` if the script never started."""
    log: tuple[str, ...]
    """The last lines of the log."""
    log_attempt: int | None
    """The attempt whose log it is."""
    next: tuple[str, ...]
    """Commands that may help."""

    @classmethod
    def of(cls, why: Why, because: str, fit: Fit | None, steps: tuple[str, ...]) -> "Answer":
        experiment, asked = why.experiment, why.record.resources
        return cls(
            name=experiment.name,
            state=experiment.state,
            reason=experiment.reason,
            because=because,
            wait=why.wait,
            fit=fit,
            asked=Resources(asked.cpus, asked.gpus, asked.memory),
            placement=placements.of(why.record.placement),
            has_fallen_back=experiment.has_fallen_back,
            ahead=why.ahead,
            attempt=experiment.attempt,
            exit_code=experiment.exit_code,
            peak_memory=why.attempts[-1].peak_memory if why.attempts else None,
            attempts=tuple(Attempt(**vars(each)) for each in why.attempts),
            stream=why.stream,
            log=tuple(line.text for line in why.log),
            log_attempt=why.log_attempt,
            next=steps,
        )
