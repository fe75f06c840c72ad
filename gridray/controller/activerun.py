"""A run that the controller looks after, as it finds it in the store."""

from dataclasses import dataclass, field

from gridray import layout
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
    if raw is None:
        return ActiveRun(record, [Row(queued_at=record.created_at)] * record.count)
    status = decode(RunStatus, raw, key)
    return ActiveRun(record, list(status.rows), set(status.handled), is_recorded=True)
