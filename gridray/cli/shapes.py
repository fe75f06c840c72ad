"""What `--output json` prints, shape by shape: `docs/cli.md` is made from these classes."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from gridray.cli.placements import Placement
from gridray.cli.shape import Shape
from gridray.states import Reason, State

if TYPE_CHECKING:
    from gridray.readers.runs import ExperimentView, RunSummary, RunView


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
        return cls(**vars(view))


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


@dataclass(frozen=True)
class Artifact(Shape):
    experiment: str
    path: str
    """Relative to the experiment's working directory."""
    size: int
    """In bytes."""
    modified: datetime


@dataclass(frozen=True)
class Artifacts(Shape):
    artifacts: tuple[Artifact, ...]


@dataclass(frozen=True)
class Downloaded(Shape):
    directories: tuple[str, ...]
    """Where the files of each name are, in the order of the names."""
    files: tuple[str, ...]
    """The path of every file."""
    size: int
    """The bytes of all of them."""


@dataclass(frozen=True)
class Location(Shape):
    experiment: str
    location: str
    """A directory or an S3 address."""


@dataclass(frozen=True)
class Locations(Shape):
    locations: tuple[Location, ...]


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


@dataclass(frozen=True)
class Cluster(Shape):
    name: str
    state: str
    """`running`, `stopped` or `unreachable`; in AWS `starting` or `headless`, too."""
    address: str | None
    """Of its Ray dashboard; null for one in AWS, which is reached through a tunnel."""
    nodes: int | None
    cpus: float | None
    """Of all nodes together."""
    gpus: float | None
    region: str | None = None
    """Of AWS, if Gridray has made it there."""
    groups: tuple[str, ...] = ()
    """Its nodes in AWS, as `2 g4dn-xlarge-spot`."""
    price: float | None = None
    """US dollars an hour now, without disks; null: not known, or not in AWS."""
    why: str | None = None
    """Why it is unreachable."""


@dataclass(frozen=True)
class Clusters(Shape):
    clusters: tuple[Cluster, ...]


@dataclass(frozen=True)
class ClusterChange(Shape):
    name: str
    changed: bool
    """Whether there was anything to do."""
    gone: tuple[str, ...] = ()
    """What was ended or deleted in AWS, in words; all of it is gone, as AWS says."""
    store: str | None = None
    """The store of a cluster in AWS, which stays."""


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
