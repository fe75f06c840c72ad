"""How long it takes to show a long log."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from bench.frame import Bench, Row, pairs, program, timed
from gridray.layout import AttemptName
from gridray.records import Row as Experiment
from gridray.runner.log import LogWriter
from gridray.states import State
from gridray.store import Store
from tests.builders import add_run

LINES = 1_000_000
PIECE = 64 * 1024
ROUNDS = 5


def rows(bench: Bench) -> Iterator[Row]:
    lines = bench.choose(LINES, 1000)
    plain = bench.directory / "log.txt"
    plain.write_text("".join(f"epoch {n} loss {n / 7:.6f}\n" for n in range(lines)))
    record(bench, plain.read_bytes())
    tasks = {
        "gridray": lambda: show(bench, [program("gridray"), "logs", "bench-exp0"]),
        "tail": lambda: show(bench, [program("gridray"), "logs", "bench-exp0", "-l", "10"]),
        "cat": lambda: show(bench, ["cat", str(plain)]),
    }
    medians = pairs(bench.choose(ROUNDS, 1), tasks)
    what = f"`gridray logs` of {lines:,} lines"
    yield Row(f"logs: {what}", medians["gridray"], most=2)
    yield Row(f"logs: {what}", medians["gridray"], medians["cat"], "`cat`")
    yield Row(f"logs: the last 10 lines of {lines:,}", medians["tail"], most=0.5)


def record(bench: Bench, data: bytes) -> None:
    """Write a log as the runner does."""
    bench.use_store("logs-store")
    store, now = Store(os.environ["GRIDRAY_STORE"]), time.time()
    add_run(store, "bench", [Experiment(State.SUCCEEDED, None, 0, 0, now, now, now, now)])
    writer = LogWriter(store, AttemptName("bench", 0, 0), "stdout")
    for start in range(0, len(data), PIECE):
        writer.write(data[start : start + PIECE])
    writer.close()


def show(bench: Bench, command: list[str]) -> float:
    with open(bench.directory / "screen", "wb") as screen:
        seconds = timed(command, stdout=screen)
    assert Path(screen.name).stat().st_size
    return seconds
