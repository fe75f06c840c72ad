"""How long a command takes to start, beside the commands of those who do similar things."""

import os
import time
from collections.abc import Iterator
from functools import partial

from bench.frame import Bench, Row, pairs, program, timed
from gridray.records import Row as Experiment
from gridray.states import State
from gridray.store import Store
from tests.builders import add_run

EXPERIMENTS = 1000
ROUNDS = 7
RAY = "ray --version"
GOALS = {"version": 0.10, "--help": 0.15, "status": 0.20}
OTHERS = ("sky", "dstack", "guild", "torchx")
FLOOR = "python -c pass"


def rows(bench: Bench) -> Iterator[Row]:
    commands = {"version": ["version"], "--help": ["--help"], "status": ["status", "bench"]}
    calls = {name: [program("gridray"), *words] for name, words in commands.items()}
    calls |= {RAY: [bench.ray, "--version"], FLOOR: [program("python"), "-c", "pass"]}
    for name in OTHERS:
        if (place := bench.peers.find(name)) is not None:
            calls[f"{name} --version"] = [str(place / name), "--version"]
    record_run(bench)
    medians = pairs(
        bench.choose(ROUNDS, 1), {name: partial(timed, call) for name, call in calls.items()}
    )
    titles = {name: f"start: `gridray {name}`" for name in commands}
    titles["status"] += f" of {EXPERIMENTS:,} experiments"
    for name, most in GOALS.items():
        yield Row(titles[name], medians[name], medians[RAY], f"`{RAY}`", most)
    for name in OTHERS:
        peer = medians.get(f"{name} --version")
        yield Row(titles["version"], medians["version"], peer, f"`{name} --version`", 1.0)
    yield Row(titles["version"], medians["version"], medians[FLOOR], f"`{FLOOR}`")


def record_run(bench: Bench) -> None:
    """Put a run that is over into the store."""
    bench.use_store("start-store")
    now = time.time()
    over = Experiment(State.SUCCEEDED, None, 0, 0, now, now, now, now)
    add_run(Store(os.environ["GRIDRAY_STORE"]), "bench", [over] * EXPERIMENTS)
