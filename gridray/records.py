"""What the store's JSON objects hold: frozen dataclasses that ignore what they do not know.

Plain dataclasses, since the runner and `gridray status` read them and have to start fast.
Times are Unix times in seconds, with milliseconds.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from operator import attrgetter
from typing import Any, Protocol, TypeVar

from gridray import layout
from gridray.errors import DamagedError, NotFoundError
from gridray.placement import InstanceRecord, PlacementRecord
from gridray.states import Reason, State
from gridray.store import Store

R = TypeVar("R")

# Where scripts find their scratch space unless they ask for another place.
SCRATCH_PATH = "/tmp/scratch"
# How many letters of a commit's name people are shown.
SHORT_COMMIT = 10


class Decodable(Protocol):
    """A record that can be read from JSON."""

    @classmethod
    def from_json(cls, raw: Any) -> Any: ...


D = TypeVar("D", bound=Decodable)


def known_fields(cls: type[R], raw: Mapping[str, Any]) -> dict[str, Any]:
    # All that call this are dataclasses, for which typeshed has no type that R could be bound to.
    names = {field.name for field in fields(cls)}  # type: ignore[arg-type]
    return {key: value for key, value in raw.items() if key in names}


@dataclass(frozen=True)
class Resources:
    """What one experiment gets: CPUs, GPUs (a fraction shares one), memory in bytes."""

    cpus: float = 1
    gpus: float = 0
    memory: int | None = None


@dataclass(frozen=True)
class SourceRecord:
    """The snapshot of a run: its digest, its files' bytes and number, its archive's bytes."""

    digest: str
    size: int
    files: int
    archive_size: int


@dataclass(frozen=True)
class ClusterRecord:
    """The cluster that a run is for: its name to a user, and its key in the store."""

    name: str
    key: str


@dataclass(frozen=True)
class EnvironmentRecord:
    """What the scripts of a run need installed. Files are paths within the source.

    The tuples are commands for bash, before, after and behind the dependencies.
    """

    dependency_file: str | None = None
    image: str | None = None
    on_build_start: tuple[str, ...] = ()
    on_build: tuple[str, ...] = ()
    on_build_end: tuple[str, ...] = ()

    @property
    def commands(self) -> tuple[str, ...]:
        """All commands, in order."""
        return (*self.on_build_start, *self.on_build, *self.on_build_end)

    @property
    def is_built(self) -> bool:
        """Whether a node has to build something for it."""
        return self.dependency_file is not None or bool(self.commands)


@dataclass(frozen=True)
class DatastoreRecord:
    """A version of a datastore, and the directory in which the scripts find it."""

    name: str
    version: int
    mount_dir: str


@dataclass(frozen=True)
class ScratchRecord:
    """The private directory of each experiment: the bytes it needs, and where it is found."""

    size: int
    mount_path: str


@dataclass(frozen=True)
class GitRecord:
    """The commit that the source is of; `is_dirty`: with changes, which are kept in the run.

    `remote` has no credentials in it.
    """

    commit: str
    branch: str | None
    remote: str | None
    is_dirty: bool


@dataclass(frozen=True)
class RunRecord:
    """`run.json`: everything about a run that never changes.

    `identity` tells it from another run that had, or gets, the same name.

    `max_time` and `grace` are in seconds, and for each attempt. When the first `hold_after`
    experiments all fail in the same way, the others are held; None: never. `rerun_of` is the run
    that this one repeats. `on_experiment_start` and `on_experiment_end` are commands for bash.
    `secrets` are variables of the scripts, each with the name of the variable that held its value.
    What the run may cost at most is `max_cost`, in USD. `metrics` are found in what scripts print,
    each by a regular expression; None: by its name.
    """

    name: str
    identity: str
    created_at: float
    script: str
    args: tuple[str, ...]
    sweep: dict[str, Any]
    count: int
    resources: Resources
    env: dict[str, str]
    max_parallel: int | None
    source: SourceRecord
    cluster: ClusterRecord
    user: str
    versions: dict[str, str]
    auto_resume: bool = False
    retries: int = 0
    max_time: float | None = None
    grace: float = 30.0
    hold_after: int | None = 5
    rerun_of: str | None = None
    environment: EnvironmentRecord = field(default_factory=EnvironmentRecord)
    on_experiment_start: tuple[str, ...] = ()
    on_experiment_end: tuple[str, ...] = ()
    secrets: dict[str, str] = field(default_factory=dict)
    datastores: tuple[DatastoreRecord, ...] = ()
    scratch: ScratchRecord | None = None
    git: GitRecord | None = None
    placement: PlacementRecord | None = None
    max_cost: float | None = None
    metrics: dict[str, str | None] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "RunRecord":
        known = known_fields(cls, raw)
        for name in ("args", "on_experiment_start", "on_experiment_end"):
            known[name] = tuple(known.get(name, ()))
        for name, part in _PARTS.items():
            if known.get(name) is not None:
                known[name] = _part(part, known[name])
        stores = known.get("datastores", ())
        known["datastores"] = tuple(_part(DatastoreRecord, store) for store in stores)
        return cls(**known)


_PARTS: Mapping[str, type[Any]] = {
    "resources": Resources,
    "source": SourceRecord,
    "cluster": ClusterRecord,
    "environment": EnvironmentRecord,
    "scratch": ScratchRecord,
    "git": GitRecord,
    "placement": PlacementRecord,
}


def _part(cls: type[R], raw: Mapping[str, Any]) -> R:
    """Return a record within a record; its lists become tuples again."""
    known = known_fields(cls, raw)
    return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in known.items()})


@dataclass(frozen=True)
class Point:
    """One point of the sweep: its parameters, and the script's arguments."""

    params: dict[str, str | bool]
    argv: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One experiment in `status.json`.

    `attempt` is the latest one, or the next while queued; `failures` counts those attempts that the
    script itself ended, `setbacks` the latest ones in a row that did not run for long, and
    `false_starts` those of which the runner could not even begin. Nothing is
    submitted before `not_before` (Unix, s). `stop_grace` is what a user has granted who wants its
    end, in seconds. A failure that `is_pardoned` does not hold the others of the run.

    In USD: `spent` is what the attempts that are over have cost, `wasted` what of that was of
    attempts that were interrupted, `saved` what more they had cost on demand, `rate` what the
    running one costs an hour, since `placed_at` (Unix, s); None where that is not known. What
    `is_overspent` ends since its run has cost as much as it may. What `has_fallen_back` does not
    wait for spot any longer.
    """

    state: State = State.QUEUED
    reason: Reason | None = None
    attempt: int = 0
    exit_code: int | None = None
    queued_at: float | None = None
    submitted_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    message: str | None = None
    failures: int = 0
    setbacks: int = 0
    not_before: float | None = None
    stop_grace: float | None = None
    is_pardoned: bool = False
    false_starts: int = 0
    spent: float | None = None
    wasted: float = 0.0
    rate: float | None = None
    has_fallen_back: bool = False
    placed_at: float | None = None
    saved: float = 0.0
    is_overspent: bool = False

    def to_json(self) -> list[Any]:
        """Return the values in the order of the fields, up to the last that says something."""
        values = _row_values(self)
        end = len(values)
        while end and values[end - 1] == _ROW_DEFAULTS[end - 1]:
            end -= 1
        return list(values[:end])

    @classmethod
    def from_json(cls, raw: list[Any]) -> "Row":
        padded: list[Any] = list(raw) + list(_ROW_DEFAULTS[len(raw) : 2])
        state, reason = padded[:2]
        return cls(_STATES[state], None if reason is None else _REASONS[reason], *padded[2:])


# Looked up once: a run has up to 10,000 rows, which are written every second.
_ROW_DEFAULTS = tuple(field.default for field in fields(Row))
_row_values = attrgetter(*(field.name for field in fields(Row)))
_STATES = {state.value: state for state in State}
_REASONS = {reason.value: reason for reason in Reason}


@dataclass(frozen=True)
class RunStatus:
    """`status.json`: where a run's experiments are, by their numbers.

    `handled` names the requests that are in the rows already, `identity` is that of the run.
    """

    updated_at: float
    rows: tuple[Row, ...]
    handled: frozenset[str] = frozenset()
    identity: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "updated_at": self.updated_at,
            "identity": self.identity,
            "handled": sorted(self.handled),
            "rows": [row.to_json() for row in self.rows],
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "RunStatus":
        rows = tuple(Row.from_json(row) for row in raw["rows"])
        handled = frozenset(raw.get("handled", ()))
        return cls(raw["updated_at"], rows, handled, raw.get("identity"))


@dataclass(frozen=True)
class AttemptState:
    """`state.json` of an attempt: the runner's own word. Its last one comes after its last sync.

    `doomed_at` is when its machine is going to be taken away, if that has been announced;
    `peak_memory` the most that all processes of the script have had in memory together, in bytes;
    `identity` that of its run; `metrics` what its experiment's come to, in the last word only.
    """

    state: State
    reason: Reason | None = None
    exit_code: int | None = None
    started_at: float | None = None
    ended_at: float | None = None
    host: str | None = None
    message: str | None = None
    doomed_at: float | None = None
    peak_memory: int | None = None
    instance: InstanceRecord | None = None
    identity: str | None = None
    metrics: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "AttemptState":
        known = known_fields(cls, raw)
        known["state"] = State(known["state"])
        if known.get("reason") is not None:
            known["reason"] = Reason(known["reason"])
        if known.get("instance") is not None:
            known["instance"] = _part(InstanceRecord, known["instance"])
        return cls(**known)


# `stop.json` of an attempt that another one has taken the place of; else it holds the grace.
FENCED = {"fenced": True}


def decode(cls: type[D], raw: Any, key: str) -> D:
    """Return the record that a JSON object holds.

    Raises:
        DamagedError: it holds none that this version of Gridray understands.
    """
    try:
        record: D = cls.from_json(raw)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise DamagedError(
            f"{key} is damaged, or of another version of Gridray: {error!r}"
        ) from error
    return record


def read_run(store: Store, run: str) -> RunRecord:
    """Read a run's record.

    Raises:
        NotFoundError: there is no run of this name.
    """
    raw = store.find_json(layout.run_record(run))
    if raw is None:
        raise NotFoundError(
            f"there is no run {run!r} in {store.url}", hint="`gridray history` lists the runs"
        )
    return decode(RunRecord, raw, layout.run_record(run))


def read_points(store: Store, run: str) -> list[Point]:
    """Read the points of a run's sweep, in the order of the experiments' numbers."""
    raw = store.get_json(layout.wave(run, 0))
    return [Point(params, tuple(argv)) for params, argv in raw["points"]]


def write_points(store: Store, run: str, points: list[Point]) -> None:
    """Write them, which claims the name of the run.

    Raises:
        ExistsError: the name is taken.
    """
    raw = {"points": [[point.params, point.argv] for point in points]}
    store.create_json(layout.wave(run, 0), raw)
