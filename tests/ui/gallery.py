"""A store with runs as users have them, for tests, measurements and screenshots of the pages."""

import math
import time
from collections.abc import Sequence

from gridray import layout
from gridray.artifactindex import ArtifactIndex, ArtifactRecord
from gridray.layout import AttemptName
from gridray.logformat import Encoder
from gridray.placement import InstanceRecord
from gridray.records import AttemptState, GitRecord, Point, Resources, Row
from gridray.states import Reason, State
from gridray.store import Store
from tests.builders import add_run

RATES = ("0.3", "0.1", "0.03", "0.01", "0.003", "0.001")
WIDTHS = ("32", "64", "128", "256")
COMMIT = GitRecord("3f9c1d2ab4e5f60718293a4b5c6d7e8f90a1b2c3", "main", None, False)


def points(count: int) -> list[Point]:
    """Return so many points of a sweep over three parameters."""
    found = []
    for index in range(count):
        rate, width = RATES[index % 6], WIDTHS[index // 6 % 4]
        seed = str(index // 24)
        argv = ("--lr", rate, "--hidden", width, "--seed", seed)
        found.append(Point({"lr": rate, "hidden": width, "seed": seed}, argv))
    return found


def succeeded(began: float, seconds: float, spent: float | None = None) -> Row:
    return Row(State.SUCCEEDED, None, 0, 0, began, began, began + 3, began + 3 + seconds, spent=spent)


def failed(began: float, code: int = 1, spent: float | None = None) -> Row:
    reason = Reason.EXIT_CODE
    return Row(State.FAILED, reason, 0, code, began, began, began + 3, began + 21, spent=spent)


def running(began: float) -> Row:
    return Row(State.RUNNING, None, 0, None, began, began, began + 3)


def log(store: Store, name: AttemptName, data: bytes, at: float, stream: str = "stdout") -> None:
    encoder = Encoder(stream)
    stored = encoder.feed(data, at) + encoder.flush(at)
    store.put(layout.log_chunk(name, stream, 0), stored)


def files(store: Store, name: AttemptName, contents: dict[str, bytes], at: float) -> None:
    records = []
    for path, data in contents.items():
        store.put(layout.artifact(name, path), data)
        records.append(ArtifactRecord(path, len(data), 0o644, int(at * 1e9), name.attempt))
    store.put_json(layout.artifact_index(name), ArtifactIndex(tuple(records)).to_json())


def large(store: Store, count: int = 10_000, name: str = "wide-sweep-001") -> None:
    """Write a run of so many experiments; some failed, some run, the last ones wait."""
    now = time.time()
    rows = []
    for index in range(count):
        began = now - 7200 + index / 4
        if index % 97 == 5:
            rows.append(failed(began))
        elif index < count * 0.9:
            rows.append(succeeded(began, 20 + 40 * math.sin(index) ** 2))
        else:
            rows.append(running(now - 60) if index < count * 0.9 + 16 else Row(queued_at=began))
    add_run(
        store,
        name,
        rows,
        points=points(count),
        created_at=now - 7300,
        script="train.py",
        args=("--lr", "[0.3, 0.1]", "--seed", f"range({count // 24})"),
    )


def sweep(store: Store, name: str = "happy-otter-412") -> None:
    """Write a run of a day's work: two dozen experiments, in all states, with logs and files."""
    now = time.time()
    began = now - 5400
    rows = [succeeded(began + 40 * index, 240 + 31 * (index % 7), 0.011 + index / 3000) for index in range(17)]
    rows[5], rows[11], rows[12] = failed(began + 90), failed(began + 400), failed(began + 420, 2)
    rows += [running(now - 200 + 30 * index) for index in range(3)]
    rows += [Row(State.PENDING, queued_at=began, submitted_at=now - 20)]
    rows += [Row(State.CANCELLED, Reason.STOPPED, queued_at=began, ended_at=began + 60)]
    rows += [Row(queued_at=began) for _ in range(2)]
    add_run(
        store,
        name,
        rows,
        points=points(24),
        created_at=began,
        script="train.py",
        args=("--lr", "[0.3, 0.1, 0.03, 0.01, 0.003, 0.001]", "--hidden", "[32, 64, 128, 256]"),
        resources=Resources(cpus=2, gpus=1, memory=8_000_000_000),
        git=COMMIT,
        auto_resume=True,
    )
    for index, row in enumerate(rows):
        if row.started_at is not None:
            _experiment(store, AttemptName(name, index, 0), row)


def _experiment(store: Store, name: AttemptName, row: Row) -> None:
    assert row.started_at is not None
    state = AttemptState(
        row.state, row.reason, row.exit_code, row.started_at, row.ended_at, "10.0.3.17",
        peak_memory=2_310_000_000,
    )  # fmt: skip
    store.put_json(layout.attempt_state(name), state.to_json())
    lines = [f"epoch {epoch:3d}  loss {math.exp(-epoch / 20):.4f}" for epoch in range(60)]
    if row.state is State.FAILED:
        lines += TRACEBACKS[row.exit_code or 0]
    log(store, name, "\n".join(lines).encode() + b"\n", row.started_at)
    build = b"Resolved 14 packages in 0.31s\nInstalled 14 packages in 0.87s\n + numpy==2.1.0\n"
    log(store, name, build, row.started_at - 2, "build")
    if row.state is State.SUCCEEDED:
        content = {"metrics.json": b'{"accuracy": 0.97}\n', "checkpoints/last.bin": b"\0" * 20_000}
        files(store, name, content, row.started_at)


TRACEBACKS = {
    1: [
        "Traceback (most recent call last):",
        '  File "train.py", line 41, in <module>',
        "    loss = step(batch)",
        "ValueError: loss is nan after step 18",
    ],
    2: ["usage: train.py [--lr LR]", "train.py: error: argument --lr: invalid float value: 'x'"],
}


def all_runs(store: Store, names: Sequence[str] = ("neat-tiger-273", "calm-heron-118")) -> None:
    """Write the sweep above, and some smaller runs that are over."""
    sweep(store)
    now = time.time()
    for place, name in enumerate(names):
        began = now - 86400 * (place + 1)
        rows = [succeeded(began + 5 * index, 80 + 7 * index, 0.004) for index in range(8)]
        add_run(store, name, rows, points=points(8), created_at=began, script="train.py", git=COMMIT)
