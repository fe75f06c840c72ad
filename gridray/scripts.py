"""The kinds of script that can be run, and how each is started."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import PurePosixPath

INTERPRETERS: dict[str, tuple[str, ...]] = {".sh": ("bash",), ".jl": ("julia",)}


@lru_cache
def _suffix(script: str) -> str:
    return PurePosixPath(script).suffix


def is_python(script: str) -> bool:
    return _suffix(script) == ".py"


def is_shell(script: str) -> bool:
    return _suffix(script) == ".sh"


def has_interpreter(script: str) -> bool:
    """Whether the script is started by a program, and need not be executable itself."""
    return is_python(script) or _suffix(script) in INTERPRETERS


def command(script: str, argv: Sequence[str], *, python: Sequence[str] = ("python",)) -> list[str]:
    """Return the words that start a script from the directory it is named from."""
    if script.startswith("-"):
        script = f"./{script}"
    if is_python(script):
        return [*python, script, *argv]
    interpreter = INTERPRETERS.get(_suffix(script))
    if interpreter is not None:
        return [*interpreter, script, *argv]
    return [script if "/" in script else f"./{script}", *argv]
