"""How long it takes to make the experiments of a sweep."""

import itertools
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bench.frame import Bench, Row, pairs, took
from gridray import sweep
from gridray.sweep import Strategy, Sweep

ROUNDS = 5
DIGITS = 6
DRAWN = 1000
BILLIONS = "[" + ",".join(map(str, range(1000))) + "]"
# Hydra's basic sweeper as its `--multirun` calls it; it prints the seconds that it took.
HYDRA = """
import sys, time
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
overrides = OverridesParser.create().parse_overrides(sys.argv[1:])
began = time.perf_counter()
for batch in BasicSweeper.split_arguments(overrides, None):
    for point in batch:
        pass
print(time.perf_counter() - began)
"""


def rows(bench: Bench) -> Iterator[Row]:
    digits = bench.choose(DIGITS, 2)
    count = 10**digits
    tasks = {
        "gridray": lambda: took(lambda: expand(digits)),
        "named": lambda: took(lambda: expand_with_params(digits)),
        "loop": lambda: took(lambda: sum(1 for _ in loop(digits))),
        "product": lambda: took(lambda: sum(1 for _ in product(digits))),
    }
    if (place := bench.peers.find("hydra")) is not None:
        tasks["hydra"] = lambda: hydra(place, digits)
    medians = pairs(bench.choose(ROUNDS, 1), tasks)
    ours = medians["gridray"]
    what = f"expand: the command lines of {count:,} experiments"
    yield Row(what, ours, medians["product"], "`itertools.product`", 3)
    yield Row(what, ours, medians.get("hydra"), "Hydra's basic sweeper", 1)
    named, by_hand = medians["named"], "a loop that makes the same"
    yield Row(f"{what}, each with its parameters by name", named, medians["loop"], by_hand)
    drawn = pairs(bench.choose(ROUNDS, 1), {"draw": lambda: took(draw)})
    yield Row(f"expand: {DRAWN:,} drawn of 10^12", drawn["draw"], most=0.5)


def expand(digits: int) -> None:
    """Make the argv of each experiment of a sweep."""
    assert sum(1 for _ in parse(digits)) == 10**digits


def expand_with_params(digits: int) -> None:
    found = parse(digits)
    assert sum(1 for argv in found if found.params(argv)) == 10**digits


def parse(digits: int) -> Sweep:
    args = [f"--arg{number}=range(0, 10)" for number in range(digits)]
    return sweep.parse(args, max_experiments=10**digits)


def product(digits: int) -> Iterator[tuple[str, ...]]:
    """Make each point as a tuple of its values."""
    return itertools.product(*[list(map(str, range(10)))] * digits)


def loop(digits: int) -> Iterator[tuple[dict[str, str], tuple[str, ...]]]:
    """Make what a sweep makes of each point, as anybody would."""
    names = [f"arg{number}" for number in range(digits)]
    for values in product(digits):
        params = dict(zip(names, values, strict=True))
        yield params, tuple(f"--{name}={value}" for name, value in params.items())


def hydra(place: Path, digits: int) -> float:
    words = [f"arg{number}=range(0,10)" for number in range(digits)]
    answer = subprocess.run(
        [str(place / "python"), "-c", HYDRA, *words], check=True, capture_output=True, text=True
    )
    return float(answer.stdout)


def draw() -> None:
    args = [f"--arg{number}={BILLIONS}" for number in range(4)]
    found = sweep.parse(args, strategy=Strategy.RANDOM_SEARCH, num_trials=DRAWN)
    assert sum(1 for _ in found) == DRAWN
