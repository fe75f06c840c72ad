"""What `--output json` prints of what was stopped, tried again or deleted."""

from dataclasses import dataclass

from gridray.cli.shape import Shape


@dataclass(frozen=True)
class Stopped(Shape):
    name: str
    experiments: int
    """How many experiments were asked to end; 0: it was over already."""


@dataclass(frozen=True)
class Stops(Shape):
    stopped: tuple[Stopped, ...]


@dataclass(frozen=True)
class Retried(Shape):
    name: str
    """The name of the run."""
    experiments: tuple[str, ...]
    """Those that get another attempt; none: there was nothing to try again."""
    released: int
    """How many were held, and go on."""
    resumed: int = 0
    """How many had been asked for, and unheard of by the controller, and go on."""


@dataclass(frozen=True)
class Retries(Shape):
    retried: tuple[Retried, ...]


@dataclass(frozen=True)
class Deletions(Shape):
    deleted: tuple[str, ...]
    """The names of what is gone."""
