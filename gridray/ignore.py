"""Ignore files: which paths below a directory stay behind, and by which line of which file.

Patterns are translated by pathspec; what it reads differently from git is settled here, before
and after it. The rules are those of https://git-scm.com/docs/gitignore, so `?` means a character;
git itself counts bytes.
"""

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from gridray.archive import shown
from gridray.errors import SourceError

ALONE = ".gridignore"
COMBINED = (".gitignore", ".dockerignore")
IGNORE_FILES = (ALONE, *COMBINED)

_UTF8_BOM = b"\xef\xbb\xbf"

_TRIMMED = re.compile(r"(?:\\.|\\\Z|[^\\ ]| +(?=[^ ]))*", re.DOTALL)
_SET_ITEM = r"\\.|\[:\w*:\]|[^\]\\]"
_TOKEN = re.compile(
    r"\\(?P<escaped>.)"
    rf"|\[(?:(?P<negated>[!^])|(?![!^]))(?P<items>(?:\]|{_SET_ITEM})(?:{_SET_ITEM})*)\]"
    r"|(?P<broken>[\[\\])"
    r"|(?P<space>\s)"
    r"|\*+|.",
    re.DOTALL,
)
_RANGE = re.compile(r"\[:(?P<name>\w*):\]|\\?(?P<low>.)(?:-\\?(?P<high>.))?", re.DOTALL)
_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r" \t-\r",
    "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
}


class _NeverMatches(Exception):
    """A pattern that git drops without a word."""


@dataclass(frozen=True)
class Rule:
    """One line of an ignore file; `file` is relative to the root of the walk."""

    file: str
    line: int
    pattern: str
    negated: bool
    directories_only: bool
    by_name: bool
    expression: str

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.expression, re.DOTALL)

    def matches(self, path: str, name: str, is_dir: bool) -> bool:
        """Whether this line means `path`, relative to the rule's directory, itself."""
        if self.directories_only and not is_dir:
            return False
        return self._compiled.fullmatch(name if self.by_name else path) is not None

    def __str__(self) -> str:
        return f"{shown(self.file)}:{self.line}: {shown(self.pattern)}"


class RuleSet:
    """The rules that one directory's ignore files set for what is below it."""

    def __init__(self, prefix: str, rules: list[Rule]) -> None:
        self._start = len(prefix)
        self._reversed = rules[::-1]
        # Most files match no rule at all, and one alternation finds that out in one step.
        self._names = _any_of([rule for rule in rules if rule.by_name])
        self._paths = _any_of([rule for rule in rules if not rule.by_name])

    def last_match(self, path: str, name: str, is_dir: bool) -> Rule | None:
        relative = path[self._start :]
        if not self._names.fullmatch(name) and not self._paths.fullmatch(relative):
            return None
        matches = (rule for rule in self._reversed if rule.matches(relative, name, is_dir))
        return next(matches, None)


def _any_of(rules: list[Rule]) -> re.Pattern[str]:
    return re.compile("|".join(rule.expression for rule in rules) or "(?!)", re.DOTALL)


class IgnoreFiles:
    """The ignore files of one tree: `.gridignore` alone, or all the others combined."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._alone = os.path.isfile(os.path.join(root, ALONE))

    def enter(
        self, prefix: str, present: Collection[str], above: tuple[RuleSet, ...]
    ) -> tuple[RuleSet, ...]:
        """The rules in force in a directory, its own first.

        `prefix` is the directory's path with a `/` at its end, empty for the root; `present` are
        names that may be in it; `above` are the rules in force in its parent. Raises SourceError.
        """
        names = COMBINED if not self._alone else () if prefix else (ALONE,)
        rules = [rule for name in names if name in present for rule in self._read(prefix + name)]
        return (RuleSet(prefix, rules), *above) if rules else above

    def _read(self, path: str) -> list[Rule]:
        full = os.path.join(self._root, path)
        # Like git, which reads no `.gitignore` that is a link: it could lie outside the tree.
        if not os.path.isfile(full) or (path != ALONE and os.path.islink(full)):
            return []
        try:
            with open(full, "rb") as stream:
                return list(parse(path, stream.read()))
        except OSError as error:
            raise SourceError(f"{shown(path)} cannot be read: {error.strerror}") from error


def deciding_rule(rules: tuple[RuleSet, ...], path: str, name: str, is_dir: bool) -> Rule | None:
    """The rule that decides on `path`: the last that matches, of the deepest directory first."""
    for rule_set in rules:
        if rule := rule_set.last_match(path, name, is_dir):
            return rule
    return None


def parse(file: str, content: bytes) -> Iterator[Rule]:
    """The rules in an ignore file, in its order; comments and impossible patterns give none."""
    text = content.removeprefix(_UTF8_BOM).decode("utf-8", "surrogateescape")
    for number, line in enumerate(text.split("\n"), 1):
        if rule := _rule(file, number, line.removesuffix("\r")):
            yield rule


def _rule(file: str, number: int, line: str) -> Rule | None:
    trimmed = _TRIMMED.match(line.partition("\0")[0])
    written = trimmed[0] if trimmed else ""
    if line.startswith("#"):
        return None
    negated = written.startswith("!")
    pattern = written[negated:]
    directories_only = pattern.endswith("/")
    pattern = pattern.removesuffix("/")
    by_name = "/" not in pattern
    try:
        expression = _expression(pattern.removeprefix("/"))
    except _NeverMatches:
        return None
    return Rule(file, number, written, negated, directories_only, by_name, expression)


def _expression(pattern: str) -> str:
    """The regular expression for one pattern, to be matched with a whole name or path.

    pathspec does the stars and the slashes. It gets the pattern anchored and without what it reads
    differently from git (sets, escapes, white space): a NUL, which no name can hold, stands for
    each of these.
    """
    held: list[str] = []
    glob = "".join(_hold(token, held) for token in _TOKEN.finditer(pattern))
    head, slash, last = glob.rpartition("/")
    if "" in glob.split("/"):
        raise _NeverMatches
    # pathspec has shortcuts for a star at the end, whose expressions do not match whole paths.
    if last == "**":
        glob = f"{head}{slash}**/?*" if slash else "**/?*"
    elif last == "*":
        glob = f"{head}{slash}?*"
    expression, _ = GitIgnoreSpecPattern.pattern_to_regex("/" + glob)
    if expression is None:
        raise _NeverMatches
    pieces = iter(held)
    expression = re.sub("\0", lambda _: next(pieces), expression)
    return re.sub(r"\(\?P<\w+>", "(?:", expression)  # an alternation cannot repeat a named group


def _hold(token: re.Match[str], held: list[str]) -> str:
    if token["broken"]:
        raise _NeverMatches
    if token["escaped"] == "/":
        return "/"
    if token["items"]:
        held.append(_set(token["items"], token["negated"] is not None))
    elif literal := token["escaped"] or token["space"]:
        held.append(re.escape(literal))
    else:
        return "**" if token[0].startswith("**") else token[0]
    return "\0"


def _set(items: str, negated: bool) -> str:
    members = "".join(_member(item) for item in _RANGE.finditer(items))
    if negated:
        return f"[^/{members}]"
    return f"(?!/)[{members}]" if members else "(?!)"


def _member(item: re.Match[str]) -> str:
    if item["name"] is not None:
        if item["name"] not in _CLASSES:
            raise _NeverMatches
        return _CLASSES[item["name"]]
    low, high = item["low"], item["high"]
    if high is None:
        return re.escape(low)
    return f"{re.escape(low)}-{re.escape(high)}" if low <= high else ""


def is_ignored(files: IgnoreFiles, path: str) -> bool:
    """Whether a rule keeps a file back, by its path from the root; it need not exist any more.

    Raises:
        SourceError: an ignore file cannot be read.
    """
    rules: tuple[RuleSet, ...] = ()
    names, prefix = path.split("/"), ""
    for place, name in enumerate(names):
        rules = files.enter(prefix, IGNORE_FILES, rules)
        rule = deciding_rule(rules, prefix + name, name, place < len(names) - 1)
        if rule is not None and not rule.negated:
            return True
        prefix += f"{name}/"
    return False
