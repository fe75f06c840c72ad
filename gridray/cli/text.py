"""Values as words, and rows as columns, for people."""

import math
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from gridray.states import State
from gridray.wording import (
    command_line,
    commit,
    count,
    duration,
    harmless,
    moment,
    money,
    number,
    resources,
    short_commit,
    size,
)

__all__ = [
    "Column",
    "command_line",
    "commit",
    "count",
    "duration",
    "fit",
    "harmless",
    "moment",
    "money",
    "number",
    "resources",
    "short_commit",
    "size",
    "sparkline",
    "table",
    "width",
]

COLORS = {
    State.RUNNING: "36",
    State.PENDING: "2",
    State.BUILDING: "36",
    State.QUEUED: "2",
    State.SUCCEEDED: "32",
    State.FAILED: "31",
    State.CANCELLED: "33",
}
GAP = "  "
SPARKS = "▁▂▃▄▅▆▇█"
# Where a terminal is too narrow for a table, texts that can be cut keep this much at first, then
# titles this much, then texts that.
READABLE = 24
TITLE = 4
NARROWEST = 12


@dataclass(frozen=True)
class Column:
    """A column of a table. If the terminal is narrow, texts that may be are `cut`, and titles."""

    title: str
    right: bool = False
    cut: bool = False
    state: bool = False


def sparkline(values: Sequence[float], room: int) -> str:
    """Return a curve in so many characters at most; a blank where there is no finite value."""
    if not values:
        return ""
    count = min(room, len(values))
    edges = [place * len(values) // count for place in range(count + 1)]
    # By the largest of them, so that no sum and no difference is infinite.
    unit = max((abs(value) for value in values if math.isfinite(value)), default=0) or 1
    parts = [[v / unit for v in values[a:b] if math.isfinite(v)] for a, b in pairwise(edges)]
    means = [sum(part) / len(part) if part else None for part in parts]
    found = [mean for mean in means if mean is not None]
    low, span = min(found, default=0), max(found, default=0) - min(found, default=0)
    scale = (len(SPARKS) - 1) / span if span else 0
    return "".join(" " if mean is None else SPARKS[round((mean - low) * scale)] for mean in means)


def width(text: str) -> int:
    """Return the columns that a terminal gives to a text."""
    if text.isascii():
        return len(text)
    return sum(map(_cells, text))


def _cells(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def fit(text: str, room: int) -> str:
    """Return a text cut to so many columns, with an ellipsis where something is missing."""
    if width(text) <= room:
        return text
    taken = []
    left = max(room, 1) - 1
    for character in text:
        left -= _cells(character)
        if left < 0:
            break
        taken.append(character)
    return "".join(taken) + "…"


def table(
    columns: Sequence[Column],
    rows: Iterable[Sequence[str]],
    *,
    room: int | None = None,
    color: bool = False,
) -> Iterator[str]:
    """Yield a heading and a line for each row.

    Args:
        room: the columns of the terminal; None: nothing is cut.
        color: whether states and the heading are coloured.
    """
    # Column by column: there may be 10,000 rows, and few columns hold a text that takes care.
    found = zip(*rows, strict=True)
    cells = [list(map(harmless, texts)) for texts in found] or [[] for _ in columns]
    filled = [max(map(width, texts), default=0) for texts in cells]
    titles = [column.title for column in columns]
    widths = list(map(max, filled, map(width, titles)))
    if room is not None:
        widths = _narrowed(columns, widths, filled, room)
    heading = GAP.join(map(_padded, columns, widths, map(fit, titles, widths))).rstrip()
    yield f"\x1b[1m{heading}\x1b[0m" if color else heading
    drawn = [
        _drawn(column, room, texts, color)
        for column, room, texts in zip(columns, widths, cells, strict=True)
    ]
    for row in zip(*drawn, strict=True):
        yield GAP.join(row).rstrip()


def _narrowed(
    columns: Sequence[Column], widths: list[int], filled: list[int], room: int
) -> list[int]:
    """Make a table as narrow as the terminal: long texts first, then titles, then all texts.

    Args:
        filled: how wide each column is without its title.
    """
    over = sum(widths) + len(GAP) * (len(widths) - 1) - room
    places = range(len(columns))
    long = [READABLE if columns[place].cut else widths[place] for place in places]
    titles = [long[place] if columns[place].cut else max(filled[place], TITLE) for place in places]
    short = [NARROWEST if columns[place].cut else titles[place] for place in places]
    narrowed = list(widths)
    for floors in (long, titles, short):
        while over > 0:
            widest = max(places, key=lambda place: narrowed[place] - floors[place])
            if narrowed[widest] <= floors[widest]:
                break
            narrowed[widest] -= 1
            over -= 1
    return narrowed


def _drawn(column: Column, room: int, texts: Sequence[str], color: bool) -> Iterator[str]:
    """Yield the texts of a column, all as wide as it is."""
    for text in texts:
        shown = _padded(column, room, fit(text, room))
        if color and column.state and text in State._value2member_map_:
            shown = shown.replace(text, f"\x1b[{COLORS[State(text)]}m{text}\x1b[0m")
        yield shown


def _padded(column: Column, room: int, text: str) -> str:
    if text.isascii():
        return text.rjust(room) if column.right else text.ljust(room)
    padding = " " * (room - width(text))
    return padding + text if column.right else text + padding
