"""A wheel of this very Gridray, and of what it stands on the versions that are installed here.

It is made from the installed package and its metadata, whether that is a checkout or not; the same
code makes the same bytes.
"""

import base64
import hashlib
import importlib.metadata
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gridray.errors import ClusterError

NAME = "gridray"
PACKAGE = Path(__file__).parents[2]
TIMESTAMP = (1980, 1, 1, 0, 0, 0)
MODE = 0o644
WHEEL = "Wheel-Version: 1.0\nGenerator: gridray\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
# The documentation is for people, and nodes have none.
LEFT_OUT = {"__pycache__", "_docs"}
REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Wheel:
    """A wheel: the name of its file, and its content."""

    name: str
    content: bytes


def build() -> Wheel:
    """Return a wheel of the Gridray that runs.

    Raises:
        ClusterError: it is not installed, so that nothing says what it requires.
    """
    distribution = _distribution()
    info = f"{NAME}-{distribution.version}.dist-info"
    files = [(f"{NAME}/{name}", path.read_bytes()) for name, path in _package()]
    for name in ("METADATA", "entry_points.txt"):
        text = distribution.read_text(name)
        if text:
            files.append((f"{info}/{name}", text.encode()))
    files.append((f"{info}/WHEEL", WHEEL.encode()))
    record = "".join(_recorded(name, content) for name, content in files) + f"{info}/RECORD,,\n"
    files.append((f"{info}/RECORD", record.encode()))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files:
            entry = zipfile.ZipInfo(name, TIMESTAMP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = MODE << 16
            file.writestr(entry, content)
    return Wheel(f"{NAME}-{distribution.version}-py3-none-any.whl", buffer.getvalue())


def constraints() -> str:
    """Return `NAME==VERSION` lines: the versions here of all that Gridray itself requires.

    Head, workers and client have to have one version of Ray. What no index has, by its local
    version, is left out.

    Raises:
        ClusterError: Gridray is not installed.
    """
    found = {}
    for requirement in _distribution().requires or ():
        match = REQUIREMENT.match(requirement)
        if match is None or "extra ==" in requirement:
            continue
        try:
            found[match[0].lower()] = importlib.metadata.version(match[0])
        except importlib.metadata.PackageNotFoundError:
            continue
    return "".join(
        f"{name}=={version}\n" for name, version in sorted(found.items()) if "+" not in version
    )


def _distribution() -> importlib.metadata.Distribution:
    try:
        return importlib.metadata.distribution(NAME)
    except importlib.metadata.PackageNotFoundError as error:
        raise ClusterError(
            "Gridray runs without being installed, so nothing says what a node has to have",
            hint="install it: `pip install gridray`, or `pip install -e .` in its checkout",
        ) from error


def _package() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*")):
        relative = path.relative_to(PACKAGE)
        if path.is_file() and not LEFT_OUT.intersection(relative.parts):
            yield relative.as_posix(), path


def _recorded(name: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}\n"
