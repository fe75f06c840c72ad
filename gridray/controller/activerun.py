"""A run that the controller looks after, as it finds it in the store."""

from dataclasses import dataclass, field

from gridray import layout, marks
from gridray.errors import DamagedError, NotFoundError
from gridray.layout import AttemptName
from gridray.records import Row, RunRecord, RunStatus, decode, read_run
from gridray.store import Store


@dataclass
class ActiveRun:
    """A run, where its experiments are, and what of that the store has."""

    record: RunRecord
    rows: list[Row]
    handled: set[str] = field(default_factory=set)
    recorded_at: float = 0.0
    is_recorded: bool = False


def load(store: Store, name: str) -> ActiveRun:
    """Read a run.

    Raises:
        NotFoundError: there is none of this name.
        DamagedError: it cannot be understood.
    """
    record = read_run(store, name)
    key = layout.status(name)
    raw = store.find_json(key)
    status = None if raw is None else decode(RunStatus, raw, key)
    if status is None or not marks.is_of(status.identity, record.identity):
        return ActiveRun(record, [Row(queued_at=record.created_at)] * record.count)
    return ActiveRun(record, list(status.rows), set(status.handled), is_recorded=True)


def remove_if_deleted(store: Store, run: ActiveRun) -> None:
    """Take away what a controller may have written of a run after it was deleted.

    Who deletes a run takes its record first: while that is there, all that was written before is
    taken by who deletes it. Only this controller writes these keys.
    """
    name = run.record.name
    try:
        if read_run(store, name).identity == run.record.identity:
            return
    except DamagedError:
        return
    except NotFoundError:
        pass
    attempts = [
        AttemptName(name, index, attempt)
        for index, row in enumerate(run.rows)
        for attempt in range(max(0, row.attempt - 1), row.attempt + 1)
    ]
    keys = [key(each) for each in attempts for key in (layout.attempt_stop, layout.attempt_ending)]
    store.delete(layout.status(name), layout.run_metrics(name), *keys)
