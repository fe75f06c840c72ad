"""The metrics of experiments: what they come to, and their curves."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gridray import layout, marks
from gridray.errors import NotFoundError
from gridray.layout import AttemptName, ExperimentName
from gridray.metricrecords import (
    AttemptMetrics,
    Chunk,
    ExperimentMetrics,
    Point,
    RunMetrics,
    Step,
    Summary,
)
from gridray.readers import runs
from gridray.records import Row, RunRecord, decode, read_run
from gridray.states import State
from gridray.store import Store

__all__ = [
    "Curve",
    "Measured",
    "MetricsReader",
    "Summary",
    "curves",
    "curves_until",
    "notes",
    "summaries",
]


@dataclass(frozen=True)
class Curve:
    """The values of a metric by step, each step once; `times` are Unix times in seconds."""

    name: str
    steps: tuple[Step, ...]
    times: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Measured:
    """The curves of an experiment by name, and what could not be read of its metrics."""

    curves: Mapping[str, Curve]
    notes: tuple[str, ...]


class MetricsReader:
    """Reads the metrics of one experiment again and again, each time only what is new.

    Chunks and attempts that were read and have not changed are remembered. What is read of an
    attempt after the next one has begun is taken for all of it.
    """

    def __init__(self, store: Store, run: str, index: int) -> None:
        """Name an experiment; nothing is read yet."""
        self._store = store
        self._run = run
        self._index = index
        self._identity: str | None = None
        self._attempts: list[_Attempt] = []
        self._measured = Measured({}, ())
        self._is_stale = False

    def read(self) -> Measured:
        """Return what there is now: the same object as the last time if nothing is new.

        Raises:
            NotFoundError: there is no such experiment (any more).
            DamagedError: a chunk cannot be understood.
            StoreError: the store cannot be read; the next call reads on.
        """
        record = read_run(self._store, self._run)
        latest = _row(self._store, record, self._index).attempt
        if record.identity != self._identity:
            self._identity, self._attempts, self._measured = record.identity, [], Measured({}, ())
        for number in range(len(self._attempts), latest + 1):
            self._attempts.append(_Attempt(AttemptName(self._run, self._index, number)))
        for each in self._attempts:
            if not each.is_known and each.read(self._store, record, latest):
                self._is_stale = True
        if self._is_stale:
            found = _merged(each.points() for each in self._attempts)
            told = dict.fromkeys(note for each in self._attempts for note in each.notes)
            self._measured = Measured(_curves(found), tuple(told))
            self._is_stale = False
        return self._measured


class _Attempt:
    """What has been read of an attempt; `is_known`: it is all that there will be."""

    def __init__(self, name: AttemptName) -> None:
        self._name = name
        self._tags: dict[str, str] = {}
        self._chunks: dict[str, Mapping[str, Sequence[Point]]] = {}
        self.notes: tuple[str, ...] = ()
        self.is_known = False

    def read(self, store: Store, record: RunRecord, latest: int) -> bool:
        """Read what is new; return whether anything is."""
        tags = {each.key: each.etag for each in store.tagged(layout.metrics(self._name))}
        changed = [key for key, tag in tags.items() if self._tags.get(key) != tag]
        chunks = _chunks(store, record.identity, changed)
        own = _own(store, record, [layout.attempt_summary(self._name)])
        notes = tuple(note for each in own.values() for note in each.notes)
        is_new = bool(changed) or tags.keys() != self._tags.keys() or notes != self.notes
        known = self._chunks | chunks
        self._chunks = {key: known[key] for key in tags if key in known}
        self._tags, self.notes = tags, notes
        self.is_known = self._name.attempt < latest
        return is_new

    def points(self) -> dict[str, list[Point]]:
        return _together(self._chunks.values())


def summaries(store: Store, run: str) -> dict[int, dict[str, Summary]]:
    """Return what the metrics of a run's experiments come to, by number and name.

    Experiments of which nothing is known are left out. One object is read for all that are over,
    and one for each of the others.

    Raises:
        NotFoundError: there is no such run.
    """
    record = read_run(store, run)
    rows = runs.recorded_rows(store, record)
    deleted = {int(name) for name in store.names(layout.deletions(run))}
    known = _recorded(store, record, rows)
    found = {index: each for index, each in known.items() if index not in deleted}
    newer = {
        layout.attempt_summary(AttemptName(run, index, attempt)): index
        for index, row in enumerate(rows)
        if index not in deleted
        for attempt in _unrecorded(row, known.get(index))
    }
    if not known and all(row.state.is_terminal for row in rows):
        # A run of an older version: its controller has not written any.
        newer = {}
    for key, each in _own(store, record, newer).items():
        found[newer[key]] = ExperimentMetrics(0, each.metrics)
    return {index: dict(each.metrics) for index, each in sorted(found.items()) if each.metrics}


def curves(
    store: Store, run: str, index: int, names: Collection[str] | None = None
) -> dict[str, Curve]:
    """Return the curves of an experiment, by name; what an attempt redid replaces what was there.

    Args:
        names: of the metrics that are wanted; None: all.

    Raises:
        NotFoundError: there is no such experiment.
    """
    record = read_run(store, run)
    return curves_until(store, record, index, _row(store, record, index).attempt, names)


def curves_until(
    store: Store,
    record: RunRecord,
    index: int,
    latest: int,
    names: Collection[str] | None = None,
) -> dict[str, Curve]:
    """Return the curves of an experiment whose latest attempt is known, as `curves` does."""
    attempts = [AttemptName(record.name, index, number) for number in range(latest + 1)]
    return _curves(points_of(store, record.identity, attempts, names))


def points_of(
    store: Store,
    identity: str,
    attempts: Iterable[AttemptName],
    names: Collection[str] | None = None,
) -> dict[str, dict[Step, Point]]:
    """Return the points of an experiment after these attempts, by name and step.

    Args:
        identity: that of its run.
    """
    return _merged(_points(store, identity, attempt, names) for attempt in attempts)


def notes(store: Store, run: str, index: int) -> tuple[str, ...]:
    """Return what could not be read of an experiment's metrics, and why.

    Raises:
        NotFoundError: there is no such experiment.
    """
    record = read_run(store, run)
    latest = _row(store, record, index).attempt
    keys = [layout.attempt_summary(AttemptName(run, index, each)) for each in range(latest + 1)]
    own = _own(store, record, keys)
    return tuple(dict.fromkeys(note for each in own.values() for note in each.notes))


def _row(store: Store, record: RunRecord, index: int) -> Row:
    rows = runs.recorded_rows(store, record)
    if index >= len(rows) or store.exists(layout.deletion(record.name, index)):
        name = str(ExperimentName(record.name, index))
        raise NotFoundError(
            f"the run {record.name!r} has no experiment {name!r}",
            hint=f"`gridray status {record.name}` lists them",
        )
    return rows[index]


def _recorded(
    store: Store, record: RunRecord, rows: Sequence[Row]
) -> Mapping[int, ExperimentMetrics]:
    """Return what the controller has written, of experiments that there are."""
    key = layout.run_metrics(record.name)
    raw = marks.unmarked(store.find_json(key), record.identity)
    found = {} if raw is None else decode(RunMetrics, raw, key).experiments
    return {index: each for index, each in found.items() if index < len(rows)}


def _unrecorded(row: Row, known: ExperimentMetrics | None) -> range:
    """Return the attempts that may have said more than the controller has written."""
    begun = row.attempt if row.state is State.QUEUED else row.attempt + 1
    return range(0 if known is None else known.attempt + 1, begun)


def _own(store: Store, record: RunRecord, keys: Iterable[str]) -> dict[str, AttemptMetrics]:
    """Read what runners have said themselves, by key, in the order of the keys."""
    wanted = list(keys)
    found = store.get_many_json(wanted)
    own = {}
    for key in wanted:
        raw = marks.unmarked(found.get(key), record.identity)
        if raw is not None:
            own[key] = decode(AttemptMetrics, raw, key)
    return own


def _points(
    store: Store, identity: str, attempt: AttemptName, names: Collection[str] | None
) -> dict[str, list[Point]]:
    """Read the points of one attempt, in the order in which they came."""
    keys = [entry.key for entry in store.entries(layout.metrics(attempt))]
    return _together(_chunks(store, identity, keys, names).values())


def _chunks(
    store: Store, identity: str, keys: Sequence[str], names: Collection[str] | None = None
) -> dict[str, dict[str, Sequence[Point]]]:
    """Read points by key, in the order of the keys, and by name; none are another run's."""
    read = store.get_many_json(keys)
    found = {}
    for key in keys:
        raw: Any = marks.unmarked(read.get(key), identity)
        points = {} if raw is None else decode(Chunk, raw, key).points
        found[key] = {
            name: each for name, each in points.items() if each and (names is None or name in names)
        }
    return found


def _together(chunks: Iterable[Mapping[str, Sequence[Point]]]) -> dict[str, list[Point]]:
    found: dict[str, list[Point]] = {}
    for chunk in chunks:
        for name, points in chunk.items():
            found.setdefault(name, []).extend(points)
    return found


def _merged(attempts: Iterable[Mapping[str, Sequence[Point]]]) -> dict[str, dict[Step, Point]]:
    """Return the points of attempts, each of which replaces what it did again."""
    found: dict[str, dict[Step, Point]] = {}
    for attempt in attempts:
        for name, points in attempt.items():
            first = min(point.step for point in points)
            kept = {step: each for step, each in found.get(name, {}).items() if step < first}
            found[name] = kept | {point.step: point for point in points}
    return found


def _curves(points: Mapping[str, Mapping[Step, Point]]) -> dict[str, Curve]:
    return {name: _curve(name, each) for name, each in sorted(points.items())}


def _curve(name: str, points: Mapping[Step, Point]) -> Curve:
    ordered = [points[step] for step in sorted(points)]
    return Curve(
        name,
        tuple(point.step for point in ordered),
        tuple(point.time for point in ordered),
        tuple(point.value for point in ordered),
    )
