"""Gridray travels along: the package that makes any Ray cluster able to run experiments.

The bundle holds `gridray` and, below `_libraries/`, the one compiled library that controller and
runner need and that Ray's own nodes lack. Where the node is of another kind than the machine that
made the bundle, the node installs that library for itself; and likewise uv, which is too large to
travel, once something is to be installed with it.
"""

import hashlib
import importlib.util
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from gridray.errors import ClusterError
from gridray.scratch import private_directory

PACKAGE = Path(__file__).parent
LIBRARIES = "_libraries"
LIBRARY = "obstore"
INSTALLER = "uv"
OLDEST_INSTALLER = (0, 9)
VERSIONS = (LIBRARY, INSTALLER)
TIMESTAMP = (1980, 1, 1, 0, 0, 0)


def identity() -> str:
    """Return a name for this Gridray: the same code and library have the same one."""
    digest = hashlib.sha256(f"{_versions()} {sys.platform}".encode())
    for name, path in _own_files():
        digest.update(f"{name}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def package_name(bundle_id: str) -> str:
    """Return the name that Ray keeps the bundle under."""
    return f"_ray_pkg_gridray{bundle_id}.zip"


def entrypoint(python: str, module: str, *arguments: str) -> str:
    """Return a Ray job's command: this Python where the node has it, else the node's own."""
    find = f'p={shlex.quote(python)}; [ -x "$p" ] || p=$(command -v python || command -v python3)'
    return f'{find}; exec "$p" {shlex.join(["-m", module, *arguments])}'


def foreign_entrypoint(module: str, *arguments: str) -> str:
    """Return the command of a job on a cluster that others have started: its Python is not known.

    The node's first one that has Ray is it; ours, for a cluster on the same machine, is the last.
    """
    has_ray = "import importlib.util as u, sys; sys.exit(u.find_spec('ray') is None)"
    words = shlex.join(["-m", module, *arguments])
    return (
        f'for p in python python3 {shlex.quote(sys.executable)}; do "$p" -c "{has_ray}" '
        f'2>/dev/null && exec "$p" {words}; done; '
        "echo no python with ray was found on the PATH of this node; exit 1"
    )


# A program for the container, whose Ray it asks: nothing of it is imported here.
# In a container there is no working directory of the job: the package is asked for where Ray
# keeps it (ray/_private/runtime_env/packaging.py, `_download_and_unpack_package`).
FETCH = """
import io, os, sys, tempfile, zipfile
from ray._raylet import GcsClient
package = GcsClient(address=os.environ["RAY_ADDRESS"]).internal_kv_get(sys.argv[1].encode(), None)
if package is None:
    sys.exit(f"gridray: {sys.argv[1]} is not on the cluster")
place = tempfile.mkdtemp(prefix="gridray-bundle-")
zipfile.ZipFile(io.BytesIO(package)).extractall(place)
os.chdir(place)
os.execv(sys.executable, [sys.executable, "-m", *sys.argv[2:]])
"""


def container_entrypoint(package: str, module: str, *arguments: str) -> str:
    """Return the command of a job in a container, which has Ray and any Python."""
    words = shlex.join(["-c", FETCH, f"gcs://{package}", module, *arguments])
    return f'p=$(command -v python || command -v python3); exec "$p" {words}'


def build() -> bytes:
    """Return the bundle as a zip file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name, path in [*_own_files(), *_library_files()]:
            file.writestr(zipfile.ZipInfo(name, TIMESTAMP), path.read_bytes())
        file.writestr(zipfile.ZipInfo(f"{LIBRARIES}/VERSIONS", TIMESTAMP), _versions())
    return buffer.getvalue()


def provide_libraries() -> None:
    """On a node: make the library importable.

    Raises:
        ClusterError: the node has it not, cannot use the bundle's, and cannot install its own.
    """
    if importlib.util.find_spec(LIBRARY) is not None:
        return
    travelling = PACKAGE.parent / LIBRARIES
    if _works_from(travelling):
        sys.path.append(str(travelling))
        return
    sys.path.append(str(_installed(LIBRARY, _works_from)))


def provide_installer() -> str:
    """On a node: return the path of uv.

    Raises:
        ClusterError: the node has it not, and cannot install it.
    """
    if importlib.util.find_spec(INSTALLER) is not None:
        from uv import find_uv_bin

        return find_uv_bin()
    found = shutil.which(INSTALLER)
    if found is not None and _is_recent(found):
        return found
    return str(_installed(INSTALLER, _has_program) / "bin" / INSTALLER)


def _is_recent(program: str) -> bool:
    """Whether a uv that others have installed knows what we ask of it."""
    answer = subprocess.run([program, "--version"], capture_output=True, text=True)
    version = re.match(r"uv (\d+)\.(\d+)", answer.stdout)
    return version is not None and (int(version[1]), int(version[2])) >= OLDEST_INSTALLER


def _versions() -> str:
    """Return `NAME==VERSION` lines of what a node may have to install."""
    travelling = PACKAGE.parent / LIBRARIES / "VERSIONS"
    if travelling.exists():
        return travelling.read_text()
    # Here, since it brings modules that take longer than all else of a runner's start.
    import importlib.metadata

    return "".join(f"{name}=={importlib.metadata.version(name)}\n" for name in VERSIONS)


def _installed(name: str, works_from: Callable[[Path], bool]) -> Path:
    """Return the directory of a package that this node has installed for itself."""
    requirement = next(line for line in _versions().split() if line.startswith(f"{name}=="))
    target = private_directory(Path(tempfile.gettempdir())) / requirement.replace("==", "-")
    if not works_from(target):
        _install(requirement, target, works_from)
    return target


def _works_from(directory: Path) -> bool:
    if not (directory / LIBRARY).is_dir():
        return False
    probe = f"import sys; sys.path.insert(0, sys.argv[1]); import {LIBRARY}"
    command = [sys.executable, "-c", probe, str(directory)]
    return subprocess.run(command, capture_output=True).returncode == 0


def _has_program(directory: Path) -> bool:
    return os.access(directory / "bin" / INSTALLER, os.X_OK)


def _install(requirement: str, target: Path, works_from: Callable[[Path], bool]) -> None:
    """Install into a directory of its own, which appears only when it is whole."""
    with tempfile.TemporaryDirectory(dir=target.parent) as partial:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        answer = subprocess.run(
            [*command, "--target", f"{partial}/new", requirement], capture_output=True, text=True
        )
        if answer.returncode != 0:
            raise ClusterError(
                f"this node needs {requirement} and cannot install it: {answer.stderr.strip()}",
                hint=f"install {requirement} on the cluster's nodes",
            )
        try:
            os.rename(f"{partial}/new", target)
        except OSError:
            if not works_from(target):
                raise


def _own_files() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield f"gridray/{path.relative_to(PACKAGE).as_posix()}", path


def _library_files() -> Iterator[tuple[str, Path]]:
    spec = importlib.util.find_spec(LIBRARY)
    assert spec is not None and spec.origin is not None
    directory = Path(spec.origin).parent
    for path in sorted(directory.rglob("*")):
        if path.is_file() and path.suffix in (".py", ".so"):
            yield f"{LIBRARIES}/{LIBRARY}/{path.relative_to(directory).as_posix()}", path
