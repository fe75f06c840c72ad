"""What the commands about metrics print with `--output json`.

JSON has no NaN and no infinities: these are the strings `nan`, `inf` and `-inf`.
"""

from dataclasses import dataclass

from gridray.cli.shape import Shape
from gridray.states import State


@dataclass(frozen=True)
class MetricSummary(Shape):
    name: str
    first: float | str
    last: float | str
    least: float | str
    greatest: float | str
    count: int
    """How many values there have been."""
    last_step: float
    least_step: float
    greatest_step: float


@dataclass(frozen=True)
class ExperimentMetrics(Shape):
    name: str
    state: State
    metrics: tuple[MetricSummary, ...]
    """By name; `system/…` are what the runner measures."""
    notes: tuple[str, ...]
    """What could not be read, and why; told of a single experiment only."""


@dataclass(frozen=True)
class Metrics(Shape):
    name: str
    experiments: tuple[ExperimentMetrics, ...]
    """Those that have metrics."""


@dataclass(frozen=True)
class ComparedExperiment(Shape):
    name: str
    run: str
    state: State
    params: dict[str, str | bool]
    """All of them, also those that do not differ."""
    best: float | str | None
    """The best value of the metric; null: it has none."""
    best_step: float | None
    """The step of the best value."""
    metrics: dict[str, float | str]
    """The last value of each metric."""
    run_seconds: float | None
    cost: float | None
    """In US dollars; null: not known."""


@dataclass(frozen=True)
class Comparison(Shape):
    metric: str | None
    """What it is sorted by; null: there are no metrics."""
    mode: str
    """Whether the smallest (`min`) or the greatest (`max`) value is the best."""
    mode_is_guessed: bool
    """Whether neither `--mode` nor the name of the metric has told that."""
    params: tuple[str, ...]
    """The names of the parameters that differ."""
    experiments: tuple[ComparedExperiment, ...]
    """The best one first."""
    left_out: int
    """How many more there are than `--top` shows."""


@dataclass(frozen=True)
class Exported(Shape):
    path: str
    """The file that was written."""
    rows: int
    """How many points are in it."""


@dataclass(frozen=True)
class Board(Shape):
    name: str
    """Of the run."""
    logdir: str
    """The directory that TensorBoard shows."""
    files: int
    """How many event files are in it at the beginning."""
