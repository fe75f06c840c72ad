"""Why an experiment is where it is, as far as the store knows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from enum import Enum

from gridray import layout, marks
from gridray.errors import NotFoundError
from gridray.layout import AttemptName, ExperimentName
from gridray.logformat import LogLine
from gridray.readers import heartbeat, logs, runs
from gridray.readers.runs import ExperimentView, RunView
from gridray.records import AttemptState, RunRecord, decode
from gridray.states import Reason, State
from gridray.store import Store

LOG_LINES = 20
NO_LAST_WORD = "it ended without a last word: its runner was killed, or its node lost"


WAITING = (State.QUEUED, State.PENDING)
# Which experiment of a run needs an explanation most.
NEED = (
    State.FAILED,
    State.PENDING,
    State.QUEUED,
    State.BUILDING,
    State.CANCELLED,
    State.RUNNING,
    State.SUCCEEDED,
)


class Wait(str, Enum):
    """What keeps an experiment that has not started."""

    HOLD = "hold"
    BACK_OFF = "back_off"
    MAX_PARALLEL = "max_parallel"
    PLACE = "place"


@dataclass(frozen=True)
class AttemptView:
    """One try at an experiment. Times are UTC, memory is in bytes.

    `doomed_at` is when its machine is taken away, if that was announced.
    """

    number: int
    state: State
    reason: Reason | None
    message: str | None
    exit_code: int | None
    started_at: datetime | None
    ended_at: datetime | None
    host: str | None
    peak_memory: int | None
    doomed_at: datetime | None


@dataclass(frozen=True)
class Why:
    """All that the store knows of why an experiment is where it is.

    `wait` is what keeps one that has not started. `ahead` are the experiments of its run that get a
    place before it, `active` those that are submitted, `other_runs` share its cluster. `log` are
    the last lines of `stream`, of the attempt `log_attempt`. `doomed` are the nodes of its cluster
    that are about to be taken away, by their ids in Ray.
    """

    experiment: ExperimentView
    record: RunRecord
    attempts: tuple[AttemptView, ...]
    wait: Wait | None
    ahead: int
    active: int
    other_runs: int
    stream: str
    log: tuple[LogLine, ...]
    log_attempt: int | None
    doomed: frozenset[str]


def why(store: Store, run: str, index: int | None, now: float) -> Why:
    """Read what is known of an experiment.

    Args:
        index: its number; None: the one of the run that most needs an explanation.

    Raises:
        NotFoundError: there is no such run or experiment.
    """
    view = runs.run_view(store, run, now)
    found = _unsettled(view) if index is None else _numbered(view, index)
    stream = "stdout" if found.started_at else "build"
    logged = logs.attempt_of(store, run, found.index, stream)
    return Why(
        experiment=found,
        record=view.record,
        attempts=_attempts(store, view.record, found),
        wait=_wait(view, found, now),
        ahead=sum(_is_before(each, found, now) for each in view.experiments),
        active=_active(view.experiments),
        other_runs=_other_runs(store, view.record),
        stream=stream,
        log=() if logged is None else tuple(logs.tail(store, logged, LOG_LINES, stream)),
        log_attempt=None if logged is None else logged.attempt,
        doomed=heartbeat.doomed(store, view.record.cluster.key, now),
    )


def _unsettled(view: RunView) -> ExperimentView:
    """Return the first of the experiments that most need an explanation."""
    if not view.experiments:
        raise NotFoundError(f"all experiments of the run {view.record.name!r} have been deleted")
    return min(view.experiments, key=lambda each: (NEED.index(each.state), each.index))


def _numbered(view: RunView, index: int) -> ExperimentView:
    for experiment in view.experiments:
        if experiment.index == index:
            return experiment
    name = view.record.name
    raise NotFoundError(
        f"the run {name!r} has no experiment {str(ExperimentName(name, index))!r}",
        hint=f"`gridray status {name}` lists them",
    )


def _wait(view: RunView, experiment: ExperimentView, now: float) -> Wait | None:
    if experiment.state not in WAITING:
        return None
    if experiment.reason is Reason.HELD:
        return Wait.HOLD
    if _backs_off(experiment, now):
        return Wait.BACK_OFF
    limit = view.record.max_parallel
    is_full = limit is not None and _active(view.experiments) >= limit
    return Wait.MAX_PARALLEL if experiment.state is State.QUEUED and is_full else Wait.PLACE


def _active(experiments: Sequence[ExperimentView]) -> int:
    return sum(each.state.is_submitted for each in experiments)


def _is_before(other: ExperimentView, experiment: ExperimentView, now: float) -> bool:
    """Whether another experiment of a run gets a place before one that waits for one."""
    if other.reason is Reason.HELD:
        return False
    if experiment.state is State.QUEUED and other.state is State.PENDING:
        return True
    if other.index >= experiment.index:
        return False
    if experiment.state is State.PENDING:
        return other.state is State.PENDING
    return experiment.state is State.QUEUED and _is_in_line(other, now)


def _is_in_line(experiment: ExperimentView, now: float) -> bool:
    """Whether an experiment is submitted as soon as it can be."""
    is_held = experiment.reason is Reason.HELD
    return experiment.state is State.QUEUED and not is_held and not _backs_off(experiment, now)


def _backs_off(experiment: ExperimentView, now: float) -> bool:
    until = experiment.not_before
    return until is not None and until.timestamp() > now


def _other_runs(store: Store, record: RunRecord) -> int:
    markers = store.names(layout.active(record.cluster.key))
    return len({layout.parse_marker(marker)[0] for marker in markers} - {record.name})


def _attempts(
    store: Store, record: RunRecord, experiment: ExperimentView
) -> tuple[AttemptView, ...]:
    """Read the attempts of which something is known, the first one first."""
    numbers = range(experiment.attempt + 1)
    names = [AttemptName(record.name, experiment.index, number) for number in numbers]
    keys = [key(name) for name in names for key in (layout.attempt_state, layout.attempt_ending)]
    words = {key: decode(AttemptState, raw, key) for key, raw in store.get_many_json(keys).items()}
    found = {
        key: word for key, word in words.items() if marks.is_of(word.identity, record.identity)
    }
    views = []
    for name in names:
        said, told = found.get(layout.attempt_state(name)), found.get(layout.attempt_ending(name))
        if said is not None or told is not None:
            views.append(_attempt(name.attempt, said, told, experiment))
    return tuple(views)


def _attempt(
    number: int,
    said: AttemptState | None,
    told: AttemptState | None,
    experiment: ExperimentView,
) -> AttemptView:
    """Return an attempt.

    Args:
        said: its runner's last word, or the latest.
        told: what the controller knew where the runner could not say how it ended.
    """
    is_latest = number == experiment.attempt
    state = said or told or AttemptState(experiment.state)
    ending = _ending(number, state, told, experiment)
    return AttemptView(
        number=number,
        state=ending.state,
        reason=ending.reason,
        message=ending.message,
        exit_code=state.exit_code,
        started_at=_utc(state.started_at),
        ended_at=_utc(ending.ended_at) or (experiment.ended_at if is_latest else None),
        host=state.host,
        peak_memory=state.peak_memory,
        doomed_at=_utc(state.doomed_at),
    )


def _ending(
    number: int, state: AttemptState, told: AttemptState | None, experiment: ExperimentView
) -> AttemptState:
    """Return how an attempt has ended, or where it is."""
    is_latest = number == experiment.attempt
    is_overspent = is_latest and experiment.reason is Reason.MAX_COST
    if state.state.is_terminal:
        # Its runner hears that it is to stop, but not why.
        return replace(state, reason=Reason.MAX_COST) if is_overspent else state
    if is_latest:
        return AttemptState(experiment.state, experiment.reason, message=experiment.message)
    if told is not None:
        return told
    is_told = number + 1 == experiment.attempt and experiment.state in WAITING
    reason = experiment.reason if is_told else None
    return AttemptState(State.FAILED, reason, message=None if reason else NO_LAST_WORD)


def _utc(time: float | None) -> datetime | None:
    return None if time is None else datetime.fromtimestamp(round(time, 3), timezone.utc)
