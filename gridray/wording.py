"""Values as words, for people: on a terminal and on a page."""

import re
import shlex
from collections.abc import Iterable
from datetime import datetime

COMMIT_LENGTH = 10
# Words that a shell reads as they are.
PLAIN = re.compile(r"[\w@%+=:,./-]*", re.ASCII)
# What a shell reads between $' and ' otherwise than as it is.
ESCAPES = {"\\": r"\\", "'": r"\'", "\n": r"\n", "\r": r"\r", "\t": r"\t"}


def size(count: int) -> str:
    """Return bytes in words, by powers of 1,000."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 999.95:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    total = round(seconds)
    for unit, length, part, part_length in (
        ("d", 86400, "h", 3600),
        ("h", 3600, "min", 60),
        ("min", 60, "s", 1),
    ):
        if total >= length:
            return f"{total // length} {unit} {total % length // part_length} {part}"
    return f"{total} s"


def money(amount: float | None) -> str:
    """Return US dollars, small amounts with more digits; `-` for what is not known."""
    if amount is None:
        return "-"
    if 0 < amount < 0.00005:
        return "<$0.0001"
    if -0.00005 < amount <= 0:
        return "$0.00"
    digits = 4 if abs(amount) < 0.99995 else 2
    return f"{'-' if amount < 0 else ''}${abs(amount):,.{digits}f}"


def number(value: float) -> str:
    """Return a number in six digits."""
    return f"{value:.6g}"


def moment(time: datetime) -> str:
    """Return a time as this machine's clocks show it."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M")


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def resources(cpus: float, gpus: float, memory: int | None) -> str:
    words = [f"{cpus:g} CPU{'' if cpus == 1 else 's'}"]
    words += [f"{gpus:g} GPU{'' if gpus <= 1 else 's'}"] if gpus else []
    words += [f"{size(memory)} of memory"] if memory else []
    return ", ".join(words)


def short_commit(commit: str | None, is_dirty: bool) -> str:
    """Return a commit in few letters; `*` says that the source has changes besides."""
    return "-" if commit is None else commit[:COMMIT_LENGTH] + "*" * is_dirty


def commit(commit: str, branch: str | None, is_dirty: bool) -> str:
    words = [short_commit(commit, is_dirty)]
    words += [f"on {harmless(branch)}"] if branch else []
    words += ["with changes"] if is_dirty else []
    return " ".join(words)


def command_line(words: Iterable[str]) -> str:
    """Return the words as one printable line that means them when it is pasted into a shell."""
    told = list(words)
    if all(told) and PLAIN.fullmatch("".join(told)):
        return " ".join(told)
    return " ".join(shlex.quote(word) if word.isprintable() else _c_quoted(word) for word in told)


def _c_quoted(word: str) -> str:
    """Quote as `$'a\\nb'` (POSIX.1-2024, 2.2.4); octal, since `\\x` has no end in some shells."""
    return f"$'{''.join(map(_c_escaped, word))}'"


def _c_escaped(character: str) -> str:
    if character in ESCAPES:
        return ESCAPES[character]
    if character.isprintable():
        return character
    return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "surrogateescape"))


def harmless(text: str) -> str:
    """Return a text on one line, with what would control a terminal, or is no Unicode, escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\t" else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode()
