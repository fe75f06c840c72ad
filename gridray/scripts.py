"""The kinds of script that can be run, and how each is started."""

from collections.abc import Sequence
from pathlib import PurePosixPath

INTERPRETERS: dict[str, tuple[str, ...]] = {".sh": ("bash",), ".jl": ("julia",)}


def is_python(script: str) -> bool:
    return PurePosixPath(script).suffix == ".py"


def is_shell(script: str) -> bool:
    return PurePosixPath(script).suffix == ".sh"


def has_interpreter(script: str) -> bool:
    """Whether the script is started by a program, and need not be executable itself."""
    return is_python(script) or PurePosixPath(script).suffix in INTERPRETERS


def command(script: str, argv: Sequence[str], *, python: Sequence[str] = ("python",)) -> list[str]:
    """Return the words that start a script from the directory it is named from."""
    if script.startswith("-"):
        script = f"./{script}"
    if is_python(script):
        return [*python, script, *argv]
    interpreter = INTERPRETERS.get(PurePosixPath(script).suffix)
    if interpreter is not None:
        return [*interpreter, script, *argv]
    return [script if "/" in script else f"./{script}", *argv]
