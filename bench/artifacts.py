"""How fast artifacts go up, as the runner sends them, and down, as `gridray artifacts` brings them.

Each transfer is a process of its own, so that its start counts for all alike. As a module,
`python -m bench.artifacts gridray|boto3 up|down DIRECTORY RUN`, this is two of these processes.
"""

import itertools
import os
import random
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.frame import Bench, Row, pairs, program, s3_server, timed
from gridray.layout import AttemptName
from gridray.records import Row as Experiment
from gridray.runner.artifacts import ArtifactSync
from gridray.states import State
from gridray.store import Store
from tests.builders import add_run
from tests.s3 import BUCKET

THREADS = 32
# How many files of how many bytes, and in how many rounds.
SETS = {
    "10,000 of 4 KiB": (10_000, 4096, 3),
    "50 of 20 MiB": (50, 20 * 2**20, 3),
    "4 of 512 MiB": (4, 512 * 2**20, 3),
}
SMALL_SETS = {"20 of 4 KiB": (20, 4096, 1)}
# The speeds that are asked for, as shares of the time that the peer takes.
GOALS = {"s5cmd": 1 / 0.9, "boto3": 1 / 3}
TITLES = {"s5cmd": "`s5cmd`", "boto3": f"boto3, {THREADS} threads"}


def rows(bench: Bench) -> Iterator[Row]:
    for title, (count, size, rounds) in (SMALL_SETS if bench.small else SETS).items():
        files = make_files(bench.empty("artifacts"), count, size)
        transfer = Transfer(bench, files)
        ways = transfer.ways()
        # A round is one server's: it holds no more than a few sets.
        found: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(rounds):
            with s3_server(bench.directory / "s3"):
                record_run()
                # boto3 takes minutes for many files, so it takes part once.
                taking = {n: way for n, way in ways.items() if number == 0 or "boto3" not in n}
                for name, seconds in pairs(1, taking).items():
                    found[name].append(seconds)
        medians = {name: statistics.median(values) for name, values in found.items()}
        for way in ("up", "down"):
            for peer, most in GOALS.items():
                name = f"artifacts {way}: {title}"
                ours, theirs = medians[f"gridray {way}"], medians.get(f"{peer} {way}")
                yield Row(name, ours, theirs, TITLES[peer], round(most, 2))
        shutil.rmtree(files)


def make_files(directory: Path, count: int, size: int) -> Path:
    """Write files, long enough ago that nobody waits for one that may still change."""
    chance, then = random.Random(0), time.time() - 60
    for number in range(count):
        path = directory / f"part{number % 50}" / f"{number}.bin"
        path.parent.mkdir(exist_ok=True)
        with open(path, "wb") as file:
            for start in range(0, size, 2**20):
                file.write(chance.randbytes(min(2**20, size - start)))
        os.utime(path, (then, then))
    return directory


def record_run() -> None:
    """Put a run that is over into the store."""
    os.environ["GRIDRAY_STORE"] = f"s3://{BUCKET}/gridray"
    now = time.time()
    over = Experiment(State.SUCCEEDED, None, 0, 0, now, now, now, now)
    add_run(Store(os.environ["GRIDRAY_STORE"]), "bench", [over])


# Of the directories that files are brought back to.
NUMBERS = itertools.count()


class Transfer:
    """What brings files to the S3 server of the environment, and back."""

    def __init__(self, bench: Bench, files: Path) -> None:
        self._bench = bench
        self._files = files
        self._s5cmd = bench.peers.find("s5cmd")

    def ways(self) -> dict[str, Callable[[], float]]:
        """Return what is timed, in order: each peer's way up comes before its way down."""
        ours = [sys.executable, "-m", __name__]
        ways: dict[str, Callable[[], float]] = {
            "gridray up": lambda: self._run(*ours, "gridray", "up", str(self._files)),
            "boto3 up": lambda: self._run(*ours, "boto3", "up", str(self._files)),
            "gridray down": lambda: self._bring(
                program("gridray"), "artifacts", "bench", "--download_dir"
            ),
            "boto3 down": lambda: self._bring(*ours, "boto3", "down"),
        }
        if self._s5cmd is not None:
            s5cmd, place = str(self._s5cmd / "s5cmd"), f"s3://{BUCKET}/s5cmd/"
            ways["s5cmd up"] = lambda: self._run(s5cmd, "cp", f"{self._files}/", place)
            ways["s5cmd down"] = lambda: self._bring(s5cmd, "cp", f"{place}*")
        return ways

    def _run(self, *command: str) -> float:
        # What the transfer before has left to be written is not this one's.
        os.sync()
        return timed(command, cwd=Path(__file__).parent.parent)

    def _bring(self, *command: str) -> float:
        """Run what brings files to the directory that is its last word."""
        back = self._bench.empty(f"back{next(NUMBERS)}")
        seconds = self._run(*command, f"{back}/")
        # Emptied, not removed: for minutes ext4 looks for new inodes around those that were freed
        # lately, which is most of the time of whoever writes 10,000 files next.
        for path in filter(Path.is_file, back.rglob("*")):
            os.truncate(path, 0)
        return seconds


def send(directory: Path) -> None:
    """Do what the runner does once the script has ended."""
    store = Store(os.environ["GRIDRAY_STORE"], patient=True)
    ArtifactSync(store, AttemptName("bench", 0, 0), directory, frozenset()).sync()


def copy(way: str, directory: Path) -> None:
    """Do it with boto3 as its documentation does, with as many threads as help."""
    import boto3
    from boto3.s3.transfer import TransferConfig
    from botocore.config import Config

    client = boto3.client("s3", config=Config(max_pool_connections=THREADS))
    config = TransferConfig(max_concurrency=THREADS)

    def up(path: Path) -> None:
        client.upload_file(str(path), BUCKET, f"boto3/{path.relative_to(directory)}", Config=config)

    def down(key: str) -> None:
        target = directory / key
        target.parent.mkdir(parents=True, exist_ok=True)
        client.download_file(BUCKET, key, str(target), Config=config)

    with ThreadPoolExecutor(THREADS) as pool:
        if way == "up":
            list(pool.map(up, (path for path in directory.rglob("*") if path.is_file())))
        else:
            list(pool.map(down, keys(client)))


def keys(client: Any) -> Iterator[str]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="boto3/")
    return (entry["Key"] for page in pages for entry in page["Contents"])


if __name__ == "__main__":
    who, way, place = sys.argv[1:]
    if who == "gridray":
        send(Path(place))
    else:
        copy(way, Path(place))
