"""Runs in a store, as client and controller write them."""

import time
from collections.abc import Sequence
from typing import Any

from gridray import layout
from gridray.records import (
    ClusterRecord,
    Point,
    Resources,
    Row,
    RunRecord,
    RunStatus,
    SourceRecord,
    write_points,
)
from gridray.store import Store


def run_record(name: str, count: int, **fields: Any) -> RunRecord:
    values: dict[str, Any] = {
        "name": name,
        "identity": f"identity-of-{name}",
        "created_at": time.time(),
        "script": "main.py",
        "args": (),
        "sweep": {},
        "count": count,
        "resources": Resources(),
        "env": {},
        "max_parallel": None,
        "source": SourceRecord("0" * 64, 0, 0, 0),
        "cluster": ClusterRecord("local", "local-1"),
        "user": "somebody",
        "versions": {},
    }
    return RunRecord(**(values | fields))


def add_run(
    store: Store,
    name: str,
    rows: Sequence[Row],
    *,
    points: Sequence[Point] | None = None,
    **fields: Any,
) -> RunRecord:
    """Record a run whose experiments are in these states."""
    record = run_record(name, len(rows), **fields)
    write_points(store, name, list(points or [Point({}, ())] * len(rows)))
    store.create_json(layout.run_record(name), record.to_json())
    store.put_json(layout.status(name), RunStatus(time.time(), tuple(rows)).to_json())
    return record
