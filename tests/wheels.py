"""Tiny packages, and a directory of them that stands for a package index."""

import zipfile
from collections.abc import Sequence
from pathlib import Path


def wheel(place: Path, name: str, version: str, requires: Sequence[str] = ()) -> Path:
    """Write a wheel of a module that knows its version."""
    place.mkdir(exist_ok=True)
    module = name.replace("-", "_")
    path = place / f"{module}-{version}-py3-none-any.whl"
    info = f"{module}-{version}.dist-info"
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
    metadata += [f"Requires-Dist: {each}" for each in requires]
    members = {
        f"{module}.py": f"__version__ = {version!r}\n",
        f"{info}/METADATA": "\n".join(metadata) + "\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    members[f"{info}/RECORD"] = "".join(f"{each},,\n" for each in [*members, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as file:
        for member, content in members.items():
            file.writestr(member, content)
    return path
