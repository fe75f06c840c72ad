"""What is installed in the environment that a user works in, as a dependency file says it."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gridray import bundle, dependencies
from gridray.dependencies import Kind
from gridray.errors import BuildError, NotFoundError, UsageError
from gridray.runner import conda

REQUIREMENTS = "requirements.txt"
CONDA_FILES = ("environment.yml", "environment.yaml")
# A requirement that is a place on this machine, which no other has.
LOCAL = re.compile(r"-e\s.*|.*@\s*file:.*")


@dataclass(frozen=True)
class Listing:
    """What a dependency file would hold. `left_out` is what only this machine could install."""

    path: Path
    python: str
    text: str
    packages: int
    left_out: tuple[str, ...]

    @property
    def is_new(self) -> bool:
        return not self.path.exists()

    @property
    def changes(self) -> bool:
        """Whether the file says something else."""
        return self.is_new or self.path.read_text("utf-8", "replace") != self.text


def listing(root: Path, asked: str | None, env: Mapping[str, str]) -> Listing:
    """Return what the active environment has, for the dependency file of a directory.

    Args:
        asked: the file's name, relative to the directory; None: the one that a run would take,
            or a new one.

    Raises:
        UsageError: the file is of a kind that is not written, or cannot be read.
        NotFoundError: there is no Python, or no program of conda's kind.
        BuildError: the packages cannot be listed.
    """
    path = root / (asked or _usual(root, env))
    kind = dependencies.kind(path.name)
    if kind in (Kind.LOCK, Kind.PROJECT):
        raise UsageError(
            f"{path.name} is written by other programs",
            hint="`uv add PACKAGE` does so; or name a requirements.txt with --dependency_file, "
            "here and for `gridray run`",
        )
    if path.is_dir():
        raise UsageError(f"{path} is a directory", hint="name a file with --dependency_file")
    if not path.parent.is_dir():
        raise UsageError(f"there is no directory {path.parent}", hint="make it first")
    return _conda(path, env) if kind is Kind.CONDA else _pip(path, env)


def write(found: Listing) -> None:
    """Put the text into its file, all of it or nothing.

    Raises:
        OSError: the disk does not take it.
    """
    target = Path(os.path.realpath(found.path))
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o644
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".gridray-") as directory:
        partial = Path(directory) / target.name
        partial.write_text(found.text, "utf-8")
        partial.chmod(mode)
        os.replace(partial, target)


def _usual(root: Path, env: Mapping[str, str]) -> str:
    going = [name for name in dependencies.CANDIDATES if (root / name).is_file()]
    if taken := dependencies.usual(root, going):
        return taken
    there = [name for name in CONDA_FILES if (root / name).exists()]
    if there:
        return there[0]
    return CONDA_FILES[0] if _is_conda(env) else REQUIREMENTS


def _is_conda(env: Mapping[str, str]) -> bool:
    return bool(env.get("CONDA_PREFIX")) and not env.get("VIRTUAL_ENV")


def _pip(path: Path, env: Mapping[str, str]) -> Listing:
    python = _python(env)
    command = [bundle.provide_installer(), "pip", "freeze", "--quiet", "--python", python]
    lines = _output(command).splitlines()
    left_out = tuple(line for line in lines if LOCAL.fullmatch(line))
    kept = [line for line in lines if line not in left_out]
    text = "".join(f"{line}\n" for line in kept)
    return Listing(path, python, text, len(kept), left_out)


def _python(env: Mapping[str, str]) -> str:
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if env.get(variable):
            python = Path(env[variable]) / "bin" / "python"
            if not python.exists():
                raise NotFoundError(
                    f"{variable} is {env[variable]}, which has no Python",
                    hint="activate the environment that you work in",
                )
            return str(python)
    for name in ("python", "python3"):
        if found := shutil.which(name, path=env.get("PATH")):
            return found
    raise NotFoundError(
        "no environment is active, and no python is on the PATH",
        hint="activate the environment that you work in",
    )


def _conda(path: Path, env: Mapping[str, str]) -> Listing:
    prefix = env.get("CONDA_PREFIX")
    if not prefix:
        raise NotFoundError(
            f"{path.name} is for an environment of conda's kind, and none is active",
            hint="activate it, or name a requirements.txt with --dependency_file",
        )
    program = conda.find(env)
    if program is None:
        raise NotFoundError(
            f"{path.name} needs one of {', '.join(conda.PROGRAMS)}, and none is on the PATH",
            hint="install one, or name a requirements.txt with --dependency_file",
        )
    lines = _output([program, "env", "export", "--prefix", prefix]).splitlines()
    # Where it is on this machine is of no use to another.
    kept = [line for line in lines if not line.startswith("prefix:")]
    packages = sum(line.lstrip().startswith("- ") for line in kept)
    return Listing(path, prefix, "".join(f"{line}\n" for line in kept), packages, ())


def _output(command: list[str]) -> str:
    answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if answer.returncode != 0:
        raise BuildError(
            f"`{' '.join([Path(command[0]).name, *command[1:3]])}` failed: {answer.stderr.strip()}"
        )
    return answer.stdout
