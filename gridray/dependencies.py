"""What a run depends on: which file says so, and which others belong to it.

The client chooses the file, the runner installs it. Nothing here imports more than Python's own.
"""

import re
import shlex
import sys
from collections.abc import Collection, Iterator
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import Any

from gridray.errors import UsageError

LOCK = "uv.lock"
PROJECT = "pyproject.toml"
# The first of these that goes along with a run, and names something, is its dependency file.
CANDIDATES = (LOCK, PROJECT, "requirements.txt", "environment.yml")

_COMMENT = re.compile(r"(^|\s)#.*$")
_BUILD_SYSTEM = re.compile(r"^\s*\[build-system\]", re.MULTILINE)
# What of a project's files names another place on the disk, or is not known before it is built.
_PROJECT_NEEDS_SOURCE = re.compile(
    r"""^\s*(dynamic\s*=\s*\[[^\]]*dependencies
    |\[tool\.(poetry|pdm|setuptools\.dynamic|uv\.sources\.)
    |.*\{[^}\n]*\b(path|workspace|directory)\s*=
    |url\s*=\s*"\.
    |.*\b(editable|virtual)\s*=\s*"(?!\.")
    |.*@\s*file:)""",
    re.MULTILINE | re.VERBOSE,
)


class Kind(str, Enum):
    """What a dependency file is, by its name."""

    LOCK = "lock"
    PROJECT = "project"
    CONDA = "conda"
    REQUIREMENTS = "requirements"


def kind(file: str) -> Kind:
    name = PurePosixPath(file).name
    if name == LOCK:
        return Kind.LOCK
    if name == PROJECT:
        return Kind.PROJECT
    return Kind.CONDA if name.endswith((".yml", ".yaml")) else Kind.REQUIREMENTS


def choose(root: Path, going: Collection[str], asked: str | None) -> str | None:
    """Return the dependency file of a run, relative to the root, with `/`; None if it has none.

    Args:
        going: the paths of the files that go along.
        asked: what the user has named, if anything; else the first that is found is taken.

    Raises:
        UsageError: the file, or one that it refers to, does not exist or does not go along.
    """
    file = usual(root, going) if asked is None else _named(root, asked)
    if file is None:
        return None
    for path, referrer in _with_referrers(root, file):
        if path not in going:
            raise _missing(root, path, referrer)
    return file


def belonging(root: Path, file: str) -> list[str]:
    """Return the file and all that it refers to with `-r` and `-c`, or stands beside a lock.

    Raises:
        UsageError: one of them cannot be read.
    """
    return [path for path, _ in _with_referrers(root, file)]


def needs_source(root: Path, file: str) -> bool:
    """Whether what a file says depends on other files of the source, as `-e .` does."""
    if kind(file) is Kind.CONDA:
        return "file:" in _read(root, file)
    if kind(file) is not Kind.REQUIREMENTS:
        return any(
            _PROJECT_NEEDS_SOURCE.search(_read(root, each)) for each in belonging(root, file)
        )
    return any(
        _is_local(words) for each in belonging(root, file) for words in _lines(_read(root, each))
    )


def import_paths(root: Path, file: str) -> list[Path]:
    """Return the directories from which the source's own packages are imported.

    They are those of a project that is built, and of what a requirements file installs with `-e`:
    an environment is shared, and each experiment has a source of its own.
    """
    home = root / PurePosixPath(file).parent
    if kind(file) is Kind.CONDA:
        return []
    if kind(file) is Kind.REQUIREMENTS:
        lines = (line for each in belonging(root, file) for line in _lines(_read(root, each)))
        places = [home / target for line in lines for target in _editable(line)]
        return [_packages(place) for place in places if place.is_dir()]
    try:
        text = (home / PROJECT).read_text("utf-8", "replace")
    except OSError:
        return []
    return [_packages(home)] if _BUILD_SYSTEM.search(text) else []


def usual(root: Path, going: Collection[str]) -> str | None:
    """Return the dependency file of a run for which the user has named none; None if it has none.

    Args:
        going: the paths of the files that go along, relative to the root, with `/`.

    Raises:
        UsageError: a pyproject.toml cannot be read.
    """
    for name in CANDIDATES:
        if name not in going or (name == LOCK and PROJECT not in going):
            continue
        if name != PROJECT or _names_something(_read(root, PROJECT)):
            return name
    return None


def _packages(project: Path) -> Path:
    """Return where a project has its packages, by the two usual layouts."""
    return project / "src" if (project / "src").is_dir() else project


def _named(root: Path, asked: str) -> str:
    path = root / asked
    if not path.is_file():
        what = "is a directory" if path.is_dir() else "does not exist"
        raise UsageError(
            f"--dependency_file {asked!r} {what}", hint=f"name a file below {root.absolute()}"
        )
    home = root.resolve()
    real = path.parent.resolve() / path.name
    if not real.is_relative_to(home):
        raise UsageError(
            f"--dependency_file {asked!r} is outside of the working directory {root}",
            hint="only what is below it goes along",
        )
    return real.relative_to(home).as_posix()


def _missing(root: Path, path: str, referrer: str | None) -> UsageError:
    where = f", which {referrer} refers to," if referrer else ""
    if not (root / path).is_file():
        return UsageError(
            f"the dependency file {path!r}{where} does not exist",
            hint="correct it, or run with --no-dependencies",
        )
    return UsageError(
        f"the dependency file {path!r}{where} would not go along",
        hint=f"take it out of the ignore file that `gridray files --why {shlex.quote(path)}` names",
    )


def _names_something(text: str) -> bool:
    """Whether a pyproject.toml names dependencies; one that is broken does, so that it is told."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        table: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return True
    project = table.get("project", {})
    if "poetry" in table.get("tool", {}) and "dependencies" not in project:
        return bool(table["tool"]["poetry"].get("dependencies"))
    return bool(project.get("dependencies")) or "dependencies" in project.get("dynamic", ())


def _with_referrers(root: Path, file: str) -> Iterator[tuple[str, str | None]]:
    """Yield each file that belongs together once, with the one that refers to it."""
    if kind(file) is Kind.LOCK:
        yield file, None
        yield (PurePosixPath(file).parent / PROJECT).as_posix(), file
        return
    seen: set[str] = set()
    waiting: list[tuple[str, str | None]] = [(file, None)]
    while waiting:
        path, referrer = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        yield path, referrer
        if kind(file) is Kind.REQUIREMENTS and (root / path).is_file():
            nested = [each for words in _lines(_read(root, path)) for each in _nested(words)]
            waiting += [(_relative(path, each), path) for each in nested]


def _read(root: Path, path: str) -> str:
    try:
        return (root / path).read_text("utf-8", "replace").removeprefix("\ufeff")
    except OSError as error:
        raise UsageError(f"the dependency file {path!r} cannot be read: {error}") from error


def _lines(text: str) -> Iterator[list[str]]:
    """Yield the words of each line of a requirements file (pip's manual, its file format)."""
    for line in text.replace("\\\r\n", " ").replace("\\\n", " ").splitlines():
        words = _COMMENT.sub("", line).split()
        if words:
            yield words


def _nested(words: list[str]) -> Iterator[str]:
    """Yield the file that a line includes; what is on the web, or in a variable, is not ours."""
    match = re.fullmatch(
        r"(-[rc]|--requirements?|--constraints?)(\s+|=)?(?P<file>\S.*)", " ".join(words)
    )
    if match and "://" not in match["file"] and "${" not in match["file"]:
        yield match["file"].strip("'\"")


def _editable(words: list[str]) -> Iterator[str]:
    """Yield the directory that a line installs with `-e`, without its extras."""
    match = re.fullmatch(r"(-e|--editable)(\s+|=)?(?P<place>[^\s\[]+).*", " ".join(words))
    if match and ":" not in match["place"]:
        yield match["place"]


def _relative(referrer: str, path: str) -> str:
    """Return a path that is relative to a file's directory relative to the root."""
    parts: list[str] = []
    for part in (PurePosixPath(referrer).parent / path).parts:
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        else:
            parts.append(part)
    return PurePosixPath(*parts).as_posix()


def _is_local(words: list[str]) -> bool:
    if words[0].startswith(("-e", "--editable")):
        return True
    if words[0].startswith("-"):
        return words[0].startswith(("-f", "--find-links")) and "://" not in words[-1]
    return words[0].startswith((".", "/", "file:")) or any(
        ("/" in word and "://" not in word) or word.startswith("file:") for word in words
    )
