"""What `--output json` prints of files that configure a run, of links and of the manual."""

from dataclasses import dataclass

from gridray.cli.shape import Shape


@dataclass(frozen=True)
class Synced(Shape):
    path: str
    """The dependency file, relative to the working directory."""
    environment: str
    """The Python, or the environment of conda's kind, whose packages are in it."""
    packages: int
    """How many it names."""
    changed: bool
    """Whether it had said something else."""
    left_out: tuple[str, ...]
    """What is installed from a place on this machine."""


@dataclass(frozen=True)
class Link(Shape):
    url: str
    """Of the job or cluster in the Ray dashboard, or of the pages."""


@dataclass(frozen=True)
class ConfigFile(Shape):
    path: str
    """The file that was written."""


@dataclass(frozen=True)
class ConfigSetting(Shape):
    key: str
    """With the sections that it is in, as `compute.train.cpus`."""
    line: int
    value: str
    """As it is understood; of variables and secrets the names alone."""


@dataclass(frozen=True)
class ConfigMeaning(Shape):
    path: str
    settings: tuple[ConfigSetting, ...]
    """The keys that are set, in the order of their lines."""
    arguments: tuple[str, ...]
    """What a script gets besides its own."""
    experiments: int
    """How many those make."""
    warnings: tuple[str, ...]
    """What has no effect, and why."""


@dataclass(frozen=True)
class Topics(Shape):
    topics: tuple[str, ...]


@dataclass(frozen=True)
class Page(Shape):
    topic: str
    text: str
    """Markdown."""
