"""How fast datastores go up and down, beside `s5cmd`.

As a module, `python -m bench.datastores bring NAME DIRECTORY`, this is what a node does before a
script, as a process of its own with nothing left of the time before.
"""

import os
import random
import shutil
import statistics
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from bench.frame import Bench, Row, pairs, program, s3_server, timed
from gridray.datastores import catalog
from gridray.datastores.cache import Cache
from gridray.datastores.fetch import reader
from gridray.store import Store
from tests.s3 import BUCKET

ROUNDS, FILES, MEGABYTES = 3, 5000, 300
GOAL = round(1 / 0.9, 2)


def rows(bench: Bench) -> Iterator[Row]:
    count, megabytes = bench.choose(FILES, 20), bench.choose(MEGABYTES, 1)
    files = bench.empty("set")
    make_files(files, count, megabytes * 1_000_000)
    s5cmd = bench.peers.find("s5cmd")
    found: dict[str, list[float]] = {}
    for number in range(bench.choose(ROUNDS, 1)):
        # A server for each round, since one holds no more than a few.
        with s3_server(bench.directory / "s3"):
            for name, seconds in measure(bench, files, s5cmd, f"round-{number}").items():
                found.setdefault(name, []).append(seconds)
    medians = {name: statistics.median(values) for name, values in found.items()}
    for way in ("up", "down"):
        title = f"datastore {way}: {count:,} files, {megabytes} MB"
        yield Row(title, medians[f"gridray {way}"], medians.get(f"s5cmd {way}"), "`s5cmd`", GOAL)


def make_files(directory: Path, count: int, size: int) -> None:
    """Write files of very different sizes, all of them together of about this size."""
    chance = random.Random(0)
    weights = [chance.lognormvariate(0, 1) for _ in range(count)]
    for number, weight in enumerate(weights):
        path = directory / f"part-{number % 50}" / f"{number}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(int(size * weight / sum(weights))))


def measure(bench: Bench, files: Path, s5cmd: Path | None, name: str) -> dict[str, float]:
    """Do one round."""
    os.environ["GRIDRAY_STORE"] = f"s3://{BUCKET}/gridray"
    back, theirs = str(bench.directory / "back"), f"s3://{BUCKET}/s5cmd/"
    create = [program("gridray"), "datastore", "create", str(files), "--name", name]
    bring = [sys.executable, "-m", __name__, "bring", name, back]
    commands = {"gridray up": create, "gridray down": bring}
    if s5cmd is not None:
        program_path = str(s5cmd / "s5cmd")
        commands["s5cmd up"] = [program_path, "cp", f"{files}/", theirs]
        commands["s5cmd down"] = [program_path, "cp", f"{theirs}*", f"{back}/"]

    def run(command: list[str]) -> float:
        (bench.directory / "back").mkdir()
        os.sync()
        seconds = timed(command, cwd=Path(__file__).parent.parent)
        remove_all(bench.directory / "back")
        return seconds

    return pairs(1, {title: partial(run, command) for title, command in commands.items()})


def remove_all(directory: Path) -> None:
    for found, _, _ in os.walk(directory):
        os.chmod(found, 0o700)
    shutil.rmtree(directory)


def bring(name: str, directory: Path) -> None:
    """Bring the newest version into an empty cache."""
    store = Store(os.environ["GRIDRAY_STORE"], patient=True)
    version = catalog.find_version(store, name)
    manifest = catalog.read_manifest(store, version)
    with ExitStack() as stack:
        Cache(directory).hold(version, manifest, reader(store, version), stack, heed=lambda: None)


if __name__ == "__main__":
    bring(sys.argv[2], Path(sys.argv[3]))
