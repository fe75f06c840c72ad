"""Where runs and experiments are."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from gridray import costs, layout, marks, scripts
from gridray.errors import DamagedError, NotFoundError
from gridray.layout import AttemptName, ExperimentName
from gridray.outcome import asked_to_stop, ended_row, failed_alike, following
from gridray.readers import heartbeat
from gridray.records import (
    AttemptState,
    Point,
    Row,
    RunRecord,
    RunStatus,
    decode,
    read_points,
    read_run,
)
from gridray.states import DESCRIPTIONS, Reason, State
from gridray.store import Store, parse_json

RECENT_SECONDS = 24 * 3600


@dataclass(frozen=True)
class ExperimentView:
    """One experiment. Times are UTC, durations seconds; `command` is its argv.

    `not_before` is when its back-off ends, while it is queued for another attempt; `cost` what all
    its attempts have cost so far (USD), if that is known.
    """

    name: str
    index: int
    state: State
    reason: Reason | None
    message: str | None
    command: tuple[str, ...]
    params: dict[str, str | bool]
    attempt: int
    exit_code: int | None
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    not_before: datetime | None
    queued_seconds: float | None
    run_seconds: float | None
    cost: float | None
    has_fallen_back: bool

    @property
    def explanation(self) -> str:
        """Why it is in its state, in words; empty where that goes without saying."""
        return explained(self.reason, self.exit_code, self.message)


def explained(reason: Reason | None, exit_code: int | None, message: str | None) -> str:
    """Return why an experiment is in its state, in words; empty where that is plain."""
    words = [DESCRIPTIONS[reason]] if reason else []
    if exit_code and reason is Reason.EXIT_CODE:
        words = [f"exit code {exit_code}"]
    return "; ".join([*words, message] if message else words)


@dataclass(frozen=True)
class RunSummary:
    """One run at a glance. `experiments` and the numbers after it count experiments.

    `held` are those of `queued` and `pending` that do not start, since the first ones of the run
    failed alike. `commit` is what its source is of, `is_dirty` that it had changes besides. `cost`
    is in USD, as far as it is known.
    """

    name: str
    state: State
    created_at: datetime
    ended_at: datetime | None
    duration_seconds: float
    cluster: str
    cluster_key: str
    command: tuple[str, ...]
    experiments: int
    queued: int
    pending: int
    running: int
    succeeded: int
    failed: int
    cancelled: int
    held: int
    commit: str | None
    branch: str | None
    remote: str | None
    is_dirty: bool
    cost: float | None


@dataclass(frozen=True)
class RunView:
    """One run with all its experiments."""

    summary: RunSummary
    experiments: tuple[ExperimentView, ...]
    record: RunRecord


def run_view(store: Store, run: str, now: float) -> RunView:
    """Read a run.

    Raises:
        NotFoundError: there is none of this name.
    """
    record = read_run(store, run)
    points = read_points(store, run)
    rows = latest_rows(store, record, now)
    deleted = {int(name) for name in store.names(layout.deletions(run))}
    alike = _alike(record, rows)
    until = _billed_until(store, record, rows, now)
    experiments = tuple(
        _experiment(record, index, points[index], row, now, alike, until)
        for index, row in enumerate(rows)
        if index not in deleted
    )
    return RunView(_summary(record, rows, now, until), experiments, record)


def latest_rows(store: Store, record: RunRecord, now: float) -> Sequence[Row]:
    """Read where the experiments of a run are, with what runners and users have said since then."""
    status = _status(record, store.find_json(layout.status(record.name)))
    latest = _latest(store, record, status.rows, range(len(status.rows)), now)
    return _asked(store, record, status, latest)


def recorded_rows(store: Store, record: RunRecord) -> Sequence[Row]:
    """Read where the experiments of a run were when its controller last said so."""
    return _status(record, store.find_json(layout.status(record.name))).rows


def experiment_view(store: Store, run: str, index: int, now: float) -> ExperimentView:
    """Read one experiment.

    Raises:
        NotFoundError: there is no such run, or it has no such experiment (any more).
    """
    record = read_run(store, run)
    status = _status(record, store.find_json(layout.status(run)))
    if index >= len(status.rows) or store.exists(layout.deletion(run, index)):
        name = str(ExperimentName(run, index))
        raise NotFoundError(
            f"the run {run!r} has no experiment {name!r}",
            hint=f"`gridray status {run}` lists them",
        )
    # Who follows one of many asks often; the others need not be up to date for it.
    rows = _asked(store, record, status, _latest(store, record, status.rows, [index], now))
    point = read_points(store, run)[index]
    until = _billed_until(store, record, rows, now)
    return _experiment(record, index, point, rows[index], now, _alike(record, rows), until)


def fingerprint(store: Store, run: str) -> tuple[object, ...]:
    """Return what is another value after each change of a run all of whose experiments are over.

    It costs a few requests however large the run is. That there is no such run is no error.
    """
    keys = (layout.run_record(run), layout.status(run), layout.run_metrics(run))
    found = (store.find_tagged(key) for key in keys)
    tags = [None if each is None else each.etag for each in found]
    lists = (layout.requests(run), layout.deletions(run))
    return (*tags, *(tuple(store.names(prefix)) for prefix in lists))


def changes(store: Store, run: str) -> bytes:
    """Return what the source of a run has that its commit does not have, as a patch.

    Raises:
        NotFoundError: there is no such run.
    """
    read_run(store, run)
    return store.find(layout.changes(run)) or b""


def summaries(
    store: Store, now: float, damaged: Callable[[DamagedError], None] = lambda error: None
) -> list[RunSummary]:
    """Read all runs, the newest first.

    Args:
        damaged: told of each run that cannot be read, which is left out.
    """
    names = store.names(layout.RUNS)
    records = store.get_many(layout.run_record(name) for name in names)
    statuses = store.get_many(layout.status(name) for name in names)
    found = []
    for key, data in records.items():
        try:
            record = decode(RunRecord, parse_json(data, key), key)
            status_key = layout.status(record.name)
            status = statuses.get(status_key)
            raw = None if status is None else parse_json(status, status_key)
            rows = _status(record, raw).rows
            found.append(_summary(record, rows, now, _billed_until(store, record, rows, now)))
        except DamagedError as error:
            damaged(error)
    return sorted(found, key=lambda summary: summary.created_at, reverse=True)


def is_recent(summary: RunSummary, now: float) -> bool:
    """Whether a run is not over yet, or has been for less than a day."""
    return summary.ended_at is None or now - summary.ended_at.timestamp() < RECENT_SECONDS


def is_at_rest(state: State, queued: int, held: int) -> bool:
    """Whether nothing more happens to a run by itself: it is over, or all that is left is held."""
    return state.is_terminal or (state is State.QUEUED and held == queued)


def run_names(store: Store) -> list[str]:
    return store.names(layout.RUNS)


def latest_attempt(
    store: Store, run: str, index: int, key_of: Callable[[AttemptName], str]
) -> AttemptName | None:
    """Return the latest attempt of which the store holds something below `key_of(attempt)`."""
    record = read_run(store, run)
    rows = _status(record, store.find_json(layout.status(run))).rows
    if index >= len(rows):
        raise NotFoundError(
            f"the run {run!r} has {len(rows)} experiments, from {run}-exp0 on",
            hint=f"`gridray status {run}` lists them",
        )
    for attempt in range(rows[index].attempt, -1, -1):
        name = AttemptName(run, index, attempt)
        key = key_of(name)
        if store.names(key) if key.endswith("/") else store.exists(key):
            return name
    return None


def _status(record: RunRecord, raw: Any) -> RunStatus:
    status = None if raw is None else decode(RunStatus, raw, layout.status(record.name))
    if status is None or not marks.is_of(status.identity, record.identity):
        return RunStatus(record.created_at, (Row(queued_at=record.created_at),) * record.count)
    return status


def _asked(
    store: Store, record: RunRecord, status: RunStatus, rows: Sequence[Row]
) -> Sequence[Row]:
    """Return the rows with what users have asked for and the controller has not seen yet."""
    prefix = layout.requests(record.name)
    unseen = [prefix + name for name in store.names(prefix) if name not in status.handled]
    # Most runs have none, and those who ask for them wait for each import.
    if not unseen:
        return rows
    from gridray.requests import applied, decode_request

    for key, raw in store.get_many_json(unseen).items():
        request = decode_request(raw, key)
        if marks.is_of(raw.get(marks.IDENTITY), record.identity):
            rows = applied(rows, request)
    return rows


def _latest(
    store: Store, record: RunRecord, rows: Sequence[Row], indexes: Iterable[int], now: float
) -> list[Row]:
    """Put the runners' own words over what the controller had heard when it wrote last."""
    names = {
        layout.attempt_state(AttemptName(record.name, index, rows[index].attempt)): index
        for index in indexes
        if rows[index].state.is_submitted
    }
    latest = list(rows)
    for key, raw in store.get_many_json(names).items():
        attempt = decode(AttemptState, raw, key)
        if not marks.is_of(attempt.identity, record.identity):
            continue
        index = names[key]
        row = ended_row(rows[index], attempt)
        row = following(record, row, now) if row.state.is_terminal else row
        row = costs.settled(rows[index], row, attempt, attempt.ended_at or now)
        latest[index] = costs.limited(rows[index], row)
    return latest


def _alike(record: RunRecord, rows: Sequence[Row]) -> str | None:
    """Tell how the first experiments failed, if the others are held for it."""
    indexes = failed_alike(record, rows)
    if not indexes:
        return None
    names = [str(ExperimentName(record.name, index)) for index in indexes]
    first = rows[indexes[0]]
    way = DESCRIPTIONS[first.reason] if first.reason else "an unknown reason"
    if first.exit_code and first.reason is Reason.EXIT_CODE:
        way = f"exit code {first.exit_code}"
    return f"{', '.join(names[:-1])} and {names[-1]}: {way}" if names[1:] else f"{names[0]}: {way}"


def _experiment(
    record: RunRecord,
    index: int,
    point: Point,
    row: Row,
    now: float,
    alike: str | None,
    billed_until: float,
) -> ExperimentView:
    return ExperimentView(
        name=str(ExperimentName(record.name, index)),
        index=index,
        state=row.state,
        reason=row.reason,
        message=alike if row.reason is Reason.HELD else row.message or asked_to_stop(row),
        command=tuple(scripts.command(record.script, point.argv)),
        params=point.params,
        attempt=row.attempt,
        exit_code=row.exit_code,
        queued_at=_utc(row.queued_at),
        started_at=_utc(row.started_at),
        ended_at=_utc(row.ended_at),
        not_before=_utc(row.not_before),
        queued_seconds=_between(row.queued_at, row.started_at or row.ended_at, now),
        run_seconds=_between(row.started_at, row.ended_at, now),
        cost=_money(costs.so_far(row, billed_until)),
        has_fallen_back=row.has_fallen_back,
    )


def _billed_until(store: Store, record: RunRecord, rows: Sequence[Row], now: float) -> float:
    """Return until when what runs costs something; where nothing does, nobody is asked."""
    if all(row.rate is None for row in rows):
        return now
    return heartbeat.billed_until(store, record.cluster.key, now)


def _money(amount: float | None) -> float | None:
    return None if amount is None else round(amount, 9)


def _summary(record: RunRecord, rows: Sequence[Row], now: float, billed_until: float) -> RunSummary:
    count = Counter(row.state for row in rows)
    state = run_state(count)
    ended_at = None
    if state.is_terminal:
        ended_at = max((row.ended_at or record.created_at for row in rows), default=None)
    return RunSummary(
        name=record.name,
        state=state,
        created_at=_at(record.created_at),
        ended_at=_utc(ended_at),
        duration_seconds=round((ended_at or now) - record.created_at, 3),
        cluster=record.cluster.name,
        cluster_key=record.cluster.key,
        command=tuple(scripts.command(record.script, record.args)),
        experiments=len(rows),
        queued=count[State.QUEUED],
        pending=count[State.PENDING] + count[State.BUILDING],
        running=count[State.RUNNING],
        succeeded=count[State.SUCCEEDED],
        failed=count[State.FAILED],
        cancelled=count[State.CANCELLED],
        held=sum(row.reason is Reason.HELD for row in rows),
        commit=record.git.commit if record.git else None,
        branch=record.git.branch if record.git else None,
        remote=record.git.remote if record.git else None,
        is_dirty=record.git is not None and record.git.is_dirty,
        cost=_money(costs.total(rows, billed_until)),
    )


def run_state(count: "Counter[State]") -> State:
    """Return the state of a run whose experiments are in these states."""
    if count[State.RUNNING]:
        return State.RUNNING
    if count[State.PENDING] or count[State.BUILDING]:
        return State.PENDING
    if count[State.QUEUED]:
        return State.QUEUED
    if count[State.FAILED]:
        return State.FAILED
    return State.CANCELLED if count[State.CANCELLED] else State.SUCCEEDED


def _between(start: float | None, end: float | None, now: float) -> float | None:
    return None if start is None else round(max(0.0, (end or now) - start), 3)


def _utc(time: float | None) -> datetime | None:
    return None if time is None else _at(time)


def _at(time: float) -> datetime:
    return datetime.fromtimestamp(round(time, 3), timezone.utc)
