"""A store with runs as users have them, for tests, measurements and screenshots of the pages."""

import math
import struct
import time
import zlib
from collections.abc import Sequence
from dataclasses import replace

from gridray import layout, marks
from gridray.artifactindex import ArtifactIndex, ArtifactRecord
from gridray.layout import AttemptName
from gridray.logformat import Encoder
from gridray.metricrecords import (
    AttemptMetrics,
    Chunk,
    ExperimentMetrics,
    RunMetrics,
    Summary,
    summarize,
)
from gridray.metricrecords import Point as Value
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
    return Row(
        State.SUCCEEDED, None, 0, 0, began, began, began + 3, began + 3 + seconds, spent=spent
    )


def failed(began: float, code: int = 1, spent: float | None = None) -> Row:
    reason = Reason.EXIT_CODE
    return Row(State.FAILED, reason, 0, code, began, began, began + 3, began + 21, spent=spent)


def running(began: float) -> Row:
    return Row(State.RUNNING, None, 0, None, began, began, began + 3)


def log(store: Store, name: AttemptName, data: bytes, at: float, stream: str = "stdout") -> None:
    """Append to a log, as a runner does."""
    encoder = Encoder(stream)
    stored = encoder.feed(data, at) + encoder.flush(at)
    offset = sum(each.size for each in store.entries(layout.log(name, stream)))
    store.put(layout.log_chunk(name, stream, offset), stored)


def files(store: Store, name: AttemptName, contents: dict[str, bytes], at: float) -> None:
    records = []
    for path, data in contents.items():
        store.put(layout.artifact(name, path), data)
        records.append(ArtifactRecord(path, len(data), 0o644, int(at * 1e9), name.attempt))
    store.put_json(layout.artifact_index(name), ArtifactIndex(tuple(records)).to_json())


def curves(point: Point, steps: int, at: float) -> dict[str, list[Value]]:
    """Return what a training with these parameters may log: the best rate is 0.03."""
    rate, width = float(point.params["lr"]), float(point.params["hidden"])
    miss = abs(math.log10(rate / 0.03)) * 0.25 + 12 / width
    found: dict[str, list[Value]] = {"train_loss": [], "val_loss": [], "accuracy": []}
    for step in range(steps):
        noise = math.sin(step * 12.9898 + rate * 78.233) * 0.04
        loss = 0.08 + miss * 0.5 + 2.2 * math.exp(-step / (12 + 30 * miss)) * (1 + noise)
        values = (loss, loss * 1.12 + abs(noise) * 0.4, 1 - loss / 3)
        for name, value in zip(found, values, strict=True):
            found[name].append(Value(step, at + 4 * step, value))
    return found


def summaries(values: dict[str, list[Value]]) -> dict[str, Summary]:
    return {name: found for name, each in values.items() if (found := summarize(each))}


def put_metrics(store: Store, name: AttemptName, values: dict[str, list[Value]]) -> None:
    """Write an attempt's points and what they come to, as its runner does."""
    identity = f"identity-of-{name.run}"
    chunk, word = Chunk(values), AttemptMetrics(summaries(values))
    store.put_json(layout.metric_chunk(name, 0), marks.marked(chunk.to_json(), identity))
    store.put_json(layout.attempt_summary(name), marks.marked(word.to_json(), identity))


def put_run_metrics(store: Store, run: str, found: dict[int, dict[str, Summary]]) -> None:
    """Write what the metrics of the experiments that are over come to, as a controller does."""
    recorded = RunMetrics({index: ExperimentMetrics(0, each) for index, each in found.items()})
    raw = marks.marked(recorded.to_json(), f"identity-of-{run}")
    store.put_json(layout.run_metrics(run), raw)


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
    known: dict[tuple[str, ...], dict[str, Summary]] = {}
    for index, point in enumerate(points(24)):
        known[point.argv[:4]] = summaries(curves(point, 60, now)) | (
            {"system/cpu": Summary(40.0, 91.0, 2.0, 99.5, 90, 90, 1, 44)} if index else {}
        )
    over = [index for index, row in enumerate(rows) if row.state.is_terminal]
    made = points(count)
    put_run_metrics(store, name, {index: known[made[index].argv[:4]] for index in over})


def sweep(store: Store, name: str = "happy-otter-412") -> None:
    """Write a run of a day's work: two dozen experiments, in all states, with logs and files."""
    now = time.time()
    began = now - 5400
    rows = [
        succeeded(began + 40 * index, 240 + 31 * (index % 7), 0.011 + index / 3000)
        for index in range(17)
    ]
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
    found = {}
    for index, row in enumerate(rows):
        if row.started_at is not None:
            attempt = AttemptName(name, index, 0)
            _experiment(store, attempt, row)
            steps = 60 if row.state is State.SUCCEEDED else 18 if row.state is State.FAILED else 40
            values = curves(points(24)[index], steps, row.started_at)
            put_metrics(store, attempt, values)
            if row.state.is_terminal:
                found[index] = summaries(values)
    put_run_metrics(store, name, found)


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
        content = {
            "config.json": b'{\n  "hidden": 64,\n  "epochs": 60\n}\n',
            "plot.png": picture(240, 160),
            "checkpoints/last.bin": b"\0" * 20_000,
        }
        files(store, name, content, row.started_at)


def picture(width: int, height: int) -> bytes:
    """Return a PNG (PNG specification, 5): a field of two Gaussians."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    rows = bytearray()
    for y in range(height):
        rows.append(0)
        for x in range(width):
            u, v = x / width, y / height
            one = math.exp(-((u - 0.3) ** 2 + (v - 0.4) ** 2) * 18)
            two = math.exp(-((u - 0.7) ** 2 + (v - 0.65) ** 2) * 30)
            rows += bytes((int(40 + 60 * two), int(60 + 150 * one), int(120 + 120 * max(one, two))))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(rows)))
    return b"\x89PNG\r\n\x1a\n" + data + chunk(b"IEND", b"")


TRACEBACKS = {
    1: [
        "Traceback (most recent call last):",
        '  File "train.py", line 41, in <module>',
        "    loss = step(batch)",
        "ValueError: loss is nan after step 18",
    ],
    2: ["usage: train.py [--lr LR]", "train.py: error: argument --lr: invalid float value: 'x'"],
}


# Names and lines that have broken pages.
HOSTILE_FILES = {
    "../../escape.txt": b"not above",
    "quote\"s 'and' <b>tags</b>.txt": b"<script>document.title = 'hacked'</script>",
    "page.html": b"<script>document.title = 'hacked'</script>",
    "picture.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "50% & more #1.bin": bytes(range(256)) * 5_000,
    "empty.txt": b"",
    "new\nline.txt": b"two lines",
}
HOSTILE_LOG = (
    b"<img src=x onerror=\"document.title='hacked'\">\n"
    b"\x1b[31mred\x1b[0m and \x1b]0;title\x07\x1b[2Jplain\n"
    b"10%\r50%\r100%\n"
    b"bytes \xff\xfe and \x00 zero\n"
)


def hostile(store: Store, name: str = "hostile-run") -> None:
    """Write a run whose names, log, files and metrics are as bad as they can be."""
    now = time.time()
    value = "<img src=x onerror=\"document.title='hacked'\">"
    made = [Point({":lr": value, "a.b": "{{ 7 * 7 }}"}, ("--lr", value)), Point({":lr": "1"}, ())]
    add_run(store, name, [succeeded(now - 60, 5), failed(now - 60)], points=made)
    attempt = AttemptName(name, 0, 0)
    log(store, attempt, HOSTILE_LOG, now)
    log(store, AttemptName(name, 1, 0), HOSTILE_LOG, now)
    files(store, attempt, HOSTILE_FILES, now)
    nothing = [Value(step, now, each) for step, each in enumerate((math.nan, math.inf, 1.0))]
    values = {":alert(1)": nothing, "<b>loss</b>": nothing[::-1], "only_nan": nothing[:1]}
    put_metrics(store, attempt, values)
    put_run_metrics(store, name, {0: summaries(values)})


def resumed(store: Store, name: str = "resumed-run") -> AttemptName:
    """Write a run whose experiment is in its second attempt, and return that."""
    now = time.time()
    add_run(store, name, [replace(running(now - 60), attempt=1)])
    for number in range(2):
        attempt = AttemptName(name, 0, number)
        log(store, attempt, b"alpha 1\nbeta 2\n", now - 60 + number)
        state = State.FAILED if number == 0 else State.RUNNING
        word = AttemptState(state, Reason.INTERRUPTED if number == 0 else None, started_at=now - 60)
        store.put_json(layout.attempt_state(attempt), word.to_json())
    return attempt


def all_runs(store: Store, names: Sequence[str] = ("neat-tiger-273", "calm-heron-118")) -> None:
    """Write the sweep above, and some smaller runs that are over."""
    sweep(store)
    now = time.time()
    for place, name in enumerate(names):
        began = now - 86400 * (place + 1)
        rows = [succeeded(began + 5 * index, 80 + 7 * index, 0.004) for index in range(8)]
        add_run(
            store, name, rows, points=points(8), created_at=began, script="train.py", git=COMMIT
        )


def long_curves(store: Store, name: str = "long-curves", steps: int = 4_000) -> None:
    """Write a run of thirty experiments, each with four metrics of so many points."""
    now = time.time()
    made = [Point({"seed": str(index)}, ()) for index in range(30)]
    add_run(store, name, [succeeded(now - 900, 300)] * 30, points=made, created_at=now - 900)
    values = {
        metric: [Value(step, now + step, math.sin(step / 300 + place)) for step in range(steps)]
        for place, metric in enumerate(("accuracy", "loss", "rate", "val_loss"))
    }
    for index in range(30):
        put_metrics(store, AttemptName(name, index, 0), values)
    put_run_metrics(store, name, {index: summaries(values) for index in range(30)})
