"""How long it takes to pack the working directory, beside Ray's own packaging, and git and zip."""

import logging
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bench.frame import Bench, Row, pairs, took
from gridray import source
from gridray.launch import _put_source
from gridray.store import Store

FILES, IGNORED = 2000, 32_000
ROUNDS = 5
SIZE = 4096
SILENT = logging.Logger("packaging", logging.ERROR)


def rows(bench: Bench) -> Iterator[Row]:
    tree = make_tree(bench)
    files, ignored = bench.choose(FILES, 20), bench.choose(IGNORED, 50)
    store, known = bench.empty("sources"), Store(str(bench.directory / "known"))
    _put_source(known, source.scan(tree))
    tasks = {
        "cold": lambda: took(lambda: put(tree, store)),
        "unchanged": lambda: took(lambda: _put_source(known, source.scan(tree))),
        "ray": lambda: took(lambda: pack_by_ray(tree, bench.empty("ray-packages"))),
        "ray unchanged": lambda: took(lambda: name_by_ray(tree)),
    }
    if shutil.which("git") and shutil.which("zip"):
        git(tree, "init", "--quiet")
        git(tree, "add", ".")
        tasks["git"] = lambda: took(lambda: pack_by_git(tree, bench.empty("git-zip") / "s.zip"))
    medians = pairs(bench.choose(ROUNDS, 1), tasks)
    cold = f"snapshot: {files:,} files beside {ignored:,} ignored ones"
    ray, unchanged = "Ray's `working_dir`", "snapshot: the same, unchanged"
    yield Row(cold, medians["cold"], medians["ray"], ray, 0.5)
    again = f"{ray}, which only hashes it"
    yield Row(unchanged, medians["unchanged"], medians["ray unchanged"], again, 0.1)
    yield Row(unchanged, medians["unchanged"], medians["ray"], f"{ray}, packed anew")
    yield Row(cold, medians["cold"], medians.get("git"), "`git ls-files` into `zip`")


def make_tree(bench: Bench) -> Path:
    """Write a project with packages, and an environment and data that are ignored."""
    tree, chance = bench.empty("tree"), random.Random(0)
    (tree / ".gitignore").write_text("data/\n.venv/\n*.log\n__pycache__/\n")
    for number in range(bench.choose(FILES, 20)):
        _write(tree / f"package{number % 40}" / f"module{number}.py", chance)
    for number in range(bench.choose(IGNORED, 50)):
        place = ".venv/lib" if number % 2 else "data/raw"
        _write(tree / place / f"part{number % 200}" / f"{number}.bin", chance)
    return tree


def _write(path: Path, chance: random.Random) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(f"x{chance.random()} = {chance.random()}" for _ in range(SIZE // 42)))


def put(tree: Path, directory: Path) -> None:
    """Store the tree where nothing of it is yet."""
    shutil.rmtree(directory)
    _put_source(Store(str(directory)), source.scan(tree))


def pack_by_ray(tree: Path, directory: Path) -> None:
    """Do what `ray job submit --working-dir` does before it sends anything."""
    from ray._private.runtime_env import packaging

    packaging.get_uri_for_directory(str(tree), include_gitignore=True)
    packaging.create_package(
        str(tree), directory / "package.zip", include_gitignore=True, logger=SILENT
    )


def name_by_ray(tree: Path) -> None:
    from ray._private.runtime_env import packaging

    packaging.get_uri_for_directory(str(tree), include_gitignore=True)


def git(tree: Path, *words: str) -> None:
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *words], cwd=tree, env=env, check=True)


def pack_by_git(tree: Path, target: Path) -> None:
    listing = "git ls-files --cached --others --exclude-standard"
    command = f"{listing} | zip --quiet -@ {target}"
    subprocess.run(["sh", "-c", command], cwd=tree, check=True)
