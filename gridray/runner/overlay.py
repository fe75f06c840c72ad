"""A uv environment over the node's own packages: these are seen, and what conflicts lies above.

uv takes no notice of packages outside of the environment that it works on. So it is shown a copy of
what describes the node's packages, which it may replace; what it left is taken away afterwards, and
a `.pth` file, which comes last on the path, leads to the packages themselves.
"""

import json
import os
import re
import shutil
import site
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

# What uv and pip look at of an installed package.
DESCRIPTION = ("METADATA", "WHEEL", "entry_points.txt", "direct_url.json", "top_level.txt")
# How our copies are told from what was installed (PEP 376, INSTALLER).
OURS = "gridray, for a package of the node\n"
NODE_PACKAGES = "zz_gridray_node.pth"
# How uv begins to say that a lock file is not what its project asks for: with what it needs at
# hand, or without.
OUTDATED = (b"error: The lockfile at ", b"error: No solution found when resolving dependencies")

# The node's own pip works on the environment as well; where it has none, uv's is much like it.
PIP = """#!/bin/sh
here=$(dirname "$0")
"$here/python" -c "import pip" 2>/dev/null && exec "$here/python" -m pip "$@"
exec "$here/uv" pip "$@"
"""


def node_directories() -> list[Path]:
    """Return the directories in which this Python finds its packages."""
    places = [
        *site.getsitepackages(),
        *([site.getusersitepackages()] if site.ENABLE_USER_SITE else []),
    ]
    return [Path(place) for place in dict.fromkeys(places) if os.path.isdir(place)]


def node_packages() -> list[str]:
    """Return the names of what is installed here, each with its version, as on the disk."""
    return sorted(
        path.name for path in _descriptions(node_directories(), (".dist-info", ".egg-info"))
    )


def create(uv: str, home: Path) -> list[str]:
    """Return the command that makes an empty environment for this Python."""
    return [uv, "venv", "--quiet", "--no-project", "--python", sys.executable, str(home)]


def reveal_node(home: Path, uv: str) -> None:
    """Let an empty environment see the node's packages, and give it a pip."""
    packages = _packages(home)
    # Of two versions of a package, the one in the directory that comes first is imported.
    known: set[str] = set()
    for described in _descriptions(node_directories(), (".dist-info",)):
        name = re.sub(r"[-_.]+", "-", described.name.rsplit("-", 2)[0]).lower()
        if name not in known:
            known.add(name)
            _copy_description(described, packages / described.name)
    lines = [f"import site; site.addsitedir({str(place)!r})\n" for place in node_directories()]
    (packages / NODE_PACKAGES).write_text("".join(lines))
    os.symlink(uv, home / "bin" / "uv")
    for name in ("pip", "pip3"):
        (home / "bin" / name).write_text(PIP)
        (home / "bin" / name).chmod(0o755)


def conceal_node(home: Path) -> bool:
    """Take away the copies that uv was shown; return whether anything was installed."""
    is_changed = False
    for described in list(_descriptions([_packages(home)], (".dist-info",))):
        installer = described / "INSTALLER"
        if installer.exists() and installer.read_text() == OURS:
            shutil.rmtree(described)
        else:
            is_changed = True
    return is_changed


def install(uv: str, home: Path, file: str) -> list[str]:
    """Return the command that installs what a file asks for and the node does not have."""
    return [*_pip_install(uv, home), "--compile-bytecode", "--requirements", file]


def export(uv: str, home: Path, to: Path) -> list[str]:
    """Return the command that makes a requirements file of the lock file beside it."""
    words = ["export", "--quiet", "--frozen", "--no-emit-project", "--no-dev"]
    return [
        uv,
        *words,
        "--python",
        _python(home),
        "--format",
        "pylock.toml",
        "--output-file",
        str(to),
    ]


def check(uv: str, home: Path, lock: str) -> list[str]:
    """Return the command that tells, without a package index, whether a lock file is up to date.

    Args:
        lock: what is in it; the indexes that it names are taken to be right.
    """
    indexes = dict.fromkeys(re.findall(r'\bregistry = "([^"]+)"', lock))
    words = ["lock", "--check", "--offline", "--no-cache", "--python", _python(home)]
    return [uv, *words, *(f"--index={each}" for each in indexes)]


def finds_outdated(answer: bytes) -> bool:
    """Whether that is what `check` has printed; there is much else that it may fail of."""
    return any(line.startswith(OUTDATED) for line in answer.splitlines())


def compare(uv: str, home: Path, file: str) -> list[str]:
    """Return the command that tells, without a package index, what `install` would change."""
    words = ["--quiet", "--offline", "--dry-run", "--output-format", "json", "--requirements", file]
    return [*_pip_install(uv, home), *words]


def finds_no_change(answer: bytes) -> bool:
    """Whether that is what `compare` has printed."""
    try:
        return bool(json.loads(answer)["changes"] == [])
    except (ValueError, KeyError, TypeError):
        return False


def _pip_install(uv: str, home: Path) -> Sequence[str]:
    return (uv, "pip", "install", "--python", _python(home), "--preview-features", "pylock")


def _python(home: Path) -> str:
    return str(home / "bin" / "python")


def _packages(home: Path) -> Path:
    return next((home / "lib").glob("python*/site-packages"))


def _descriptions(places: Sequence[Path], endings: tuple[str, ...]) -> Iterator[Path]:
    for place in places:
        yield from (entry for entry in place.iterdir() if entry.name.endswith(endings))


def _copy_description(described: Path, copy: Path) -> None:
    copy.mkdir()
    for name in DESCRIPTION:
        if (described / name).is_file():
            shutil.copyfile(described / name, copy / name)
    (copy / "INSTALLER").write_text(OURS)
    # Whoever removes the package then removes the copy, and nothing else.
    files = [*os.listdir(copy), "RECORD"]
    (copy / "RECORD").write_text("".join(f"{copy.name}/{name},,\n" for name in files))
