"""Packages for hosts, which reach no index: uv's cache, filled on this machine once."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from uv import find_uv_bin

from gridray.runner import indexes
from tests.awsbox.machine import BoxError, run

# A cached answer is one of the index that was asked: hosts have to name the same.
INDEXES = (
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_NO_INDEX",
)
# What is cached is for one Python.
PYTHON = os.path.realpath(sys.executable)


def directory() -> Path:
    """Return where uv keeps its cache for whoever calls; hosts see it, and write to copies."""
    place = Path(run(find_uv_bin(), "cache", "dir").strip())
    place.mkdir(parents=True, exist_ok=True)
    return place


def variables(cache: Path) -> dict[str, str]:
    """Return what makes uv install from the cache on a host, in links and without a network."""
    ours = indexes.for_uv(os.environ)
    return {name: ours[name] for name in INDEXES if name in ours} | {
        "UV_CACHE_DIR": str(cache),
        "UV_OFFLINE": "1",
        "UV_LINK_MODE": "symlink",
        "UV_PYTHON": PYTHON,
        "UV_PYTHON_DOWNLOADS": "never",
    }


def fill(cache: Path, *requirements: str) -> None:
    """Put into the cache what hosts need to install these: packages, or paths of wheels.

    A host sees what was there when it started.

    Raises:
        BoxError: uv could not get them, with what it said.
    """
    env = indexes.for_uv(os.environ) | {"UV_CACHE_DIR": str(cache), "UV_LINK_MODE": "symlink"}
    with tempfile.TemporaryDirectory() as place:
        for command in (
            [find_uv_bin(), "venv", "-q", "--clear", "--python", PYTHON, place],
            [find_uv_bin(), "pip", "install", "--python", f"{place}/bin/python", *requirements],
        ):
            done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=600)
            if done.returncode:
                raise BoxError(f"{' '.join(command)}: {done.stderr.strip()}")
