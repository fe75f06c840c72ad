"""`run --git [REF]`: an option that may come without its value, before a script."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gridray.cli.plain import PlainCommand

NAME = "--git"
DEFAULT = "HEAD"
SCRIPTS = (".py", ".sh", ".jl")


class RunCommand(PlainCommand):
    """Finds out whether what stands behind `--git` is its value before the words are parsed."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        taking = {
            name.replace("_", "-")
            for each in self.params
            if each.param_type_name == "option" and not getattr(each, "is_flag", False)
            for name in each.opts
        }
        return super().parse_args(ctx, list(_settled(args, taking)))


def _settled(words: list[str], taking: set[str]) -> Iterator[str]:
    """Yield the words, with `--git=REF` for each `--git` before the script.

    Args:
        taking: the names of the options that take a value.
    """
    place = 0
    while place < len(words) and words[place].startswith("-") and words[place] not in ("-", "--"):
        word, following = words[place], words[place + 1 :]
        has_value = _takes_next(word, taking)
        if word == NAME:
            has_value = _is_ref(following)
            yield f"{NAME}={following[0] if has_value else DEFAULT}"
        else:
            yield from words[place : place + 1 + has_value]
        place += 1 + has_value
    yield from words[place:]


def _takes_next(word: str, taking: set[str]) -> bool:
    """Whether the value of an option is the next word."""
    if word.startswith("--"):
        return word.replace("_", "-") in taking
    letters = [f"-{letter}" for letter in word[1:]]
    first = next((place for place, letter in enumerate(letters) if letter in taking), None)
    return first == len(letters) - 1


def _is_ref(following: list[str]) -> bool:
    """Whether the first of the words behind `--git` is a ref, and not the script.

    It is one if it names a commit. Otherwise it may be one that is mistyped, if it looks like no
    script either. The script cannot be missing, so the only word is the script.
    """
    words = following[:2]
    if len(words) < 2 or words[0].startswith("-"):
        return False
    from gridray import git, repository
    from gridray.errors import SourceError

    word, here = words[0], Path.cwd()
    if repository.is_address(word):
        return False
    try:
        if git.find_commit(here, word) is not None:
            return True
    except SourceError:
        return not _looks_like_script(word)
    is_committed = git.ask(here, "cat-file", "-e", f"{DEFAULT}:./{word}") is not None
    return not is_committed and not _looks_like_script(word)


def _looks_like_script(word: str) -> bool:
    return word.endswith(SCRIPTS) or Path(word).is_file()
