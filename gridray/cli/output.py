"""The one object that prints: data to stdout, everything else to stderr."""

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from gridray.errors import UsageError

if TYPE_CHECKING:
    from gridray.cli.text import Column

Format = Literal["console", "json", "csv"]
S = TypeVar("S")


class Output:
    """What the commands of one call print to, as the user wants it.

    `on_interrupt` is what a user who presses Ctrl-C has to know.
    """

    def __init__(self) -> None:
        self.format: Format = "console"
        self.debug = False
        self.on_interrupt: str | None = None
        self._live = False

    def choose(self, format: Format | None, debug: bool) -> None:
        """Take what `--output` and `--debug` say, before or after the command."""
        self.format = format or self.format
        self.debug = self.debug or debug

    @property
    def is_json(self) -> bool:
        return self.format == "json"

    @property
    def is_csv(self) -> bool:
        return self.format == "csv"

    @property
    def has_colors(self) -> bool:
        """Whether data may be coloured."""
        return self.is_terminal and _has_colors()

    @property
    def is_terminal(self) -> bool:
        """Whether somebody reads the data on a terminal."""
        return sys.stdout.isatty()

    @property
    def is_attended(self) -> bool:
        """Whether somebody can answer, and sees what goes to stderr."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    def show(self, shape: S, view: "Callable[[Output, S], None]") -> None:
        """Print data: as the JSON of its shape, or as its view draws it for people."""
        if self.is_json:
            self.json(shape)
        else:
            view(self, shape)

    def json(self, shape: object) -> None:
        import json

        self.line(json.dumps(shape, default=plain, indent=2))

    def json_lines(self, shapes: Iterable[object]) -> None:
        """Print one JSON object a line."""
        import json

        self.lines(json.dumps(shape, default=plain) for shape in shapes)

    def line(self, text: str = "") -> None:
        """Print a line of data."""
        self._clear()
        sys.stdout.write(text + "\n")

    def lines(self, texts: Iterable[str]) -> None:
        """Print lines of data."""
        self._clear()
        sys.stdout.write("".join([f"{text}\n" for text in texts]))

    def raw(self, pieces: Iterable[bytes]) -> None:
        """Print bytes as they are."""
        sys.stdout.buffer.writelines(pieces)

    def flush(self) -> None:
        sys.stdout.flush()

    def table(self, columns: "Sequence[Column]", rows: Iterable[Sequence[str]]) -> None:
        """Print rows below the titles of their columns."""
        for line in self.drawn(columns, rows):
            self.line(line)

    def drawn(self, columns: "Sequence[Column]", rows: Iterable[Sequence[str]]) -> Iterator[str]:
        """Yield the lines of a table, as wide and as colourful as stdout bears it."""
        from gridray.cli import text

        room = shutil.get_terminal_size().columns if self.is_terminal else None
        return text.table(columns, rows, room=room, color=self.has_colors)

    def note(self, text: str = "") -> None:
        """Tell the user something that is no data."""
        self._clear()
        self.flush()
        print(text, file=sys.stderr, flush=True)  # noqa: T201 (the one that prints)

    def warn(self, text: str) -> None:
        self.note(f"{_colored('33', 'warning:')} {text}")

    def error(self, message: str, hint: str | None = None) -> None:
        self.note(f"{_colored('31', 'error:')} {message}")
        if hint:
            self.note(f"{_colored('36', 'hint:')} {hint}")

    def next_commands(self, commands: Iterable[str]) -> None:
        """Tell which commands the user may want to type next."""
        self.note("\nnext:")
        for command in commands:
            self.note(f"  {command}")

    def live(self, text: str) -> None:
        """Show a line on the terminal that the next one takes the place of."""
        from gridray.cli.text import fit

        room = shutil.get_terminal_size().columns - 1
        sys.stderr.write(f"\r\x1b[K{fit(text, room)}")
        sys.stderr.flush()
        self._live = True

    @property
    def height(self) -> int:
        return shutil.get_terminal_size().lines

    def clear_screen(self) -> None:
        sys.stdout.write("\x1b[2J")

    def screen(self, lines: Sequence[str]) -> None:
        """Draw the whole terminal anew, as many lines as there is room for."""
        room = self.height - 1
        shown = list(lines)
        if len(shown) > room:
            shown[room - 1 :] = [f"… {len(shown) - room + 1:,} more"]
        sys.stdout.write("\x1b[H" + "".join(f"{line}\x1b[K\n" for line in shown) + "\x1b[J")
        self.flush()

    @contextmanager
    def progress(self, title: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a bar of `total` bytes on a terminal; what is yielded takes the bytes that came."""
        if not sys.stderr.isatty():
            yield lambda step: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(title, total=total)
            yield lambda step: bar.advance(task, step)

    def confirm(self, question: str, *, yes: bool) -> None:
        """Go on if the user says so, on the terminal or with --yes.

        Raises:
            UsageError: there is nobody to ask.
        """
        if yes:
            return
        if not self.is_attended:
            raise UsageError(f"no terminal to ask on: {question}", hint="add --yes")
        import typer

        typer.confirm(question, abort=True, err=True)

    def page(self, text: str) -> None:
        """Print a long text, through a pager on a terminal."""
        if not self.is_terminal:
            self.line(text.rstrip("\n"))
            return
        import pydoc

        pydoc.pager(text)

    def _clear(self) -> None:
        if self._live:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._live = False


def plain(value: Any) -> Any:
    """Return what JSON can say of a value: shapes are objects, times are ISO 8601 in UTC."""
    from dataclasses import is_dataclass
    from datetime import datetime, timezone

    if isinstance(value, datetime):
        stamp = value.astimezone(timezone.utc).isoformat(timespec="milliseconds")
        return stamp.replace("+00:00", "Z")
    if is_dataclass(value):
        return vars(value)
    raise TypeError(f"{value!r} has no place in JSON")


def _colored(code: str, text: str) -> str:
    if not sys.stderr.isatty() or not _has_colors():
        return text
    return f"\x1b[{code}m{text}\x1b[0m"


def _has_colors() -> bool:
    return "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
