"""Values as words, and rows as columns, for people."""

import math
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise, repeat

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
    cells = list(map(_harmless, zip(*rows, strict=True))) or [() for _ in columns]
    filled = [max(_widths(texts), default=0) for texts in cells]
    titles = [column.title for column in columns]
    widths = list(map(max, filled, map(width, titles)))
    if room is not None:
        widths = _narrowed(columns, widths, filled, room)
    headings = map(_drawn, columns, widths, ([title] for title in titles), repeat(False))
    heading = GAP.join(chain.from_iterable(headings)).rstrip()
    yield f"\x1b[1m{heading}\x1b[0m" if color else heading
    for row in zip(*map(_drawn, columns, widths, cells, repeat(color)), strict=True):
        yield GAP.join(row).rstrip()


def _harmless(texts: Sequence[str]) -> Sequence[str]:
    return texts if "".join(texts).isprintable() else list(map(harmless, texts))


def _widths(texts: Sequence[str]) -> list[int]:
    return list(map(len if "".join(texts).isascii() else width, texts))


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


def _drawn(column: Column, room: int, texts: Sequence[str], color: bool) -> list[str]:
    """Return the texts of a column, all as wide as it is."""
    widths = _widths(texts)
    if max(widths, default=0) > room:
        texts = [fit(text, room) for text in texts]
        widths = _widths(texts)
    pad = str.rjust if column.right else str.ljust
    # These count characters, of which a terminal gives some two columns and some none.
    drawn = [pad(t, room + len(t) - w) for t, w in zip(texts, widths, strict=True)]
    return list(map(_colored, drawn)) if color and column.state else drawn


def _colored(drawn: str) -> str:
    text = drawn.strip()
    if text not in State._value2member_map_:
        return drawn
    return drawn.replace(text, f"\x1b[{COLORS[State(text)]}m{text}\x1b[0m")
