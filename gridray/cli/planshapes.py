"""What `--output json` prints of a run that is planned or submitted, and of its files."""

from dataclasses import dataclass

from gridray.cli.placements import Placement
from gridray.cli.shape import Shape


@dataclass(frozen=True)
class Submitted(Shape):
    name: str
    """The name of the new run."""
    experiments: int
    """How many experiments it has."""
    cluster: str
    """The cluster that it runs on."""


@dataclass(frozen=True)
class File(Shape):
    path: str
    """Relative to the working directory."""
    size: int
    """In bytes."""


@dataclass(frozen=True)
class Files(Shape):
    files: tuple[File, ...]
    """What goes along with a run."""
    size: int
    """The bytes of all of them."""


@dataclass(frozen=True)
class Verdict(Shape):
    path: str
    """As it was typed."""
    goes: bool
    """Whether it goes along with a run."""
    text: str
    """Why, in words."""
    rule_file: str | None
    """The ignore file that decides it."""
    line: int | None
    """The line in it."""
    pattern: str | None
    """What is written there."""


@dataclass(frozen=True)
class Resources(Shape):
    cpus: float
    gpus: float
    memory: int | None
    """In bytes; null: not bounded."""


@dataclass(frozen=True)
class PlannedExperiment(Shape):
    name: str
    command: tuple[str, ...]
    """The words of its command line."""
    params: dict[str, str | bool]
    """Its point of the sweep."""


@dataclass(frozen=True)
class Mount(Shape):
    name: str
    """Of a datastore."""
    version: int | None
    """null: the newest one."""
    mount_dir: str
    """Where the script finds it."""


@dataclass(frozen=True)
class Estimate(Shape):
    instance_type: str
    market: str
    """`spot` or `on-demand`."""
    share: float
    """What of a machine each experiment has, up to 1."""
    experiment: float
    """US dollars an hour, for one experiment; of spot in the dearest zone."""
    run: float
    """US dollars an hour, for as many experiments as run at once."""


@dataclass(frozen=True)
class Planned(Shape):
    name: str | None
    """The name of the run; null: a random one."""
    cluster: str
    """The cluster that it would run on."""
    experiments: tuple[PlannedExperiment, ...]
    resources: Resources
    """What each experiment gets; 0 CPUs: its share of a machine that is not known here."""
    files: tuple[File, ...]
    """What would be uploaded."""
    size: int
    """The bytes of all files."""
    commit: str | None
    """The Git commit that its source is of; null: of none that is known."""
    branch: str | None
    """The branch that the commit was taken from."""
    remote: str | None
    """The address of the Git repository, without credentials."""
    dirty: bool
    """Whether its source has changes that are not committed."""
    dependency_file: str | None
    """What would be installed; relative to the working directory."""
    image: str | None
    """The container image that the experiments would run in."""
    datastores: tuple[Mount, ...]
    """What would be mounted."""
    placement: Placement | None
    """The nodes that it is for; null: any."""
    estimate: Estimate | None
    """What it would cost; null: the prices of its machines are not known."""
