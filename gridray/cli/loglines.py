"""The lines of logs, as they are printed."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from gridray.cli import shapes, text
from gridray.cli.output import Output
from gridray.errors import UsageError
from gridray.layout import ExperimentName
from gridray.readers import logs, runs
from gridray.readers.logs import LogLine
from gridray.store import Store

Printer = Callable[[LogLine], None]

# Colours and the like (ECMA-48, 8.3.117). They do no harm, but would outlast their line.
COLORS = re.compile(r"\x1b\[[0-9;:]*m")


@dataclass(frozen=True)
class Log:
    """The log of one experiment; of the last lines only, if `last` is no None."""

    store: Store
    experiment: ExperimentName
    last: int | None

    def write(self, write: Printer, stream: str) -> bool:
        """Print what is in the store now, and return whether there is a log at all."""
        name = logs.attempt_of(self.store, self.experiment.run, self.experiment.index, stream)
        if name is None:
            return False
        if self.last is None:
            found = logs.read(self.store, name, stream)
        else:
            found = iter(logs.tail(self.store, name, self.last, stream))
        for line in found:
            write(line)
        return True

    def follow(self, out: Output, write: Printer) -> None:
        """Print lines as they come, until the experiment is over."""
        run, index = self.experiment.run, self.experiment.index
        out.on_interrupt = f"{run} goes on; `gridray stop run {run}` ends it"
        for line in logs.follow(self.store, run, index, last=self.last):
            write(line)
            out.flush()

    def tell_missing(self, out: Output) -> None:
        """Say why there is no log."""
        run, index = self.experiment.run, self.experiment.index
        view = runs.experiment_view(self.store, run, index, time.time())
        why = f" ({text.harmless(view.explanation)})" if view.explanation else ""
        out.note(f"{view.name} is {view.state.value}{why}, and has written nothing")


def printer(out: Output, *, raw: bool) -> Printer:
    """Return what prints a line: as JSON, as it was written, or for people.

    Raises:
        UsageError: as JSON and as it was written.
    """
    if out.is_json and raw:
        raise UsageError("--raw has no JSON form", hint="leave one of --raw and --output json out")
    if out.is_json:
        return lambda line: out.json(shapes.LogLine(line.time, line.stream, line.text), indent=None)
    if raw:
        return lambda line: out.raw(line.content)
    visible = on_terminal if out.is_terminal else str
    return lambda line: out.line(f"[{line.stream}] [{line.time}] {visible(line.text)}")


def on_terminal(line: str) -> str:
    """Return a line as a terminal would end up showing it, if colours were all it could do.

    Of a line that is written over itself, as progress bars are, the last state is shown.
    """
    if line.isprintable():
        return line
    states = [state for state in COLORS.sub("", line).split("\r") if state]
    return text.harmless(states[-1]) if states else ""
