"""The lines of logs, as they are printed."""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gridray.cli import shapes, stalls, text, watching
from gridray.cli.output import Output
from gridray.errors import NotFoundError, UsageError
from gridray.layout import AttemptName, ExperimentName
from gridray.logformat import LogLine
from gridray.readers import logs, runs
from gridray.states import DESCRIPTIONS, Reason
from gridray.store import Store

Printer = Callable[[Sequence[LogLine]], None]

# Colours and the like (ECMA-48, 8.3.117). They do no harm, but would outlast their line.
COLORS = re.compile(r"\x1b\[[0-9;:]*m")


@dataclass(frozen=True)
class Log:
    """The log of one experiment: of one attempt or the latest; the `last` lines only, or all."""

    store: Store
    experiment: ExperimentName
    last: int | None
    attempt: int | None = None

    def check(self) -> None:
        """Check that there is such an attempt.

        Raises:
            NotFoundError: there is none, or no such experiment.
        """
        if self.attempt is None:
            return
        run, index = self.experiment.run, self.experiment.index
        known = logs.attempts(self.store, run, index)
        if self.attempt not in known:
            raise NotFoundError(
                f"{self.experiment} has no attempt {self.attempt}", hint=_listed(known)
            )

    def write(self, write: Printer, stream: str) -> bool:
        """Print what is in the store now, and return whether there is a log at all."""
        run, index = self.experiment.run, self.experiment.index
        if self.attempt is None:
            name = logs.attempt_of(self.store, run, index, stream)
        else:
            name = AttemptName(run, index, self.attempt)
        if name is None or not logs.has_log(self.store, name, stream):
            return False
        if self.last is None:
            for lines in logs.read(self.store, name, stream):
                write(lines)
        else:
            write(logs.tail(self.store, name, self.last, stream))
        return True

    def follow(self, out: Output, write: Printer, *, with_build: bool = False) -> None:
        """Print lines as they come, attempt by attempt, until the experiment is over.

        Args:
            with_build: begin with the log of the build, until the script starts.

        Raises:
            UsageError: only one attempt was asked for.
        """
        if self.attempt is not None:
            raise UsageError(
                "--follow goes from attempt to attempt", hint="leave one of --attempt and -f out"
            )
        run = self.experiment.run
        out.on_interrupt = f"{run} goes on; `gridray stop run {run}` ends it"
        if with_build:
            self._follow("build", out, write, self._has_begun)
        self._follow("stdout", out, write, lambda: False)

    def _follow(
        self, stream: str, out: Output, write: Printer, is_enough: Callable[[], bool]
    ) -> None:
        run, index = self.experiment.run, self.experiment.index
        outage = watching.outlast(out, lambda: stalls.Outage(self.store, run))
        follower = logs.Follower(self.store, run, index, stream, self.last)
        was_held = False
        while True:
            is_last = watching.outlast(out, is_enough)
            look = watching.outlast(out, follower.look)
            for part in look.parts:
                self._write_part(part, out, write)
            out.flush()
            if look.is_over or is_last:
                return
            if look.is_held and not was_held:
                self._tell_held(out)
            was_held = look.is_held
            if stall := watching.outlast(out, lambda: outage.news(time.monotonic())):
                out.warn(stalls.explanation(run, stall))
            time.sleep(logs.POLL_INTERVAL)

    def _has_begun(self) -> bool:
        run, index = self.experiment.run, self.experiment.index
        return runs.experiment_view(self.store, run, index, time.time()).started_at is not None

    def _tell_held(self, out: Output) -> None:
        run = self.experiment.run
        out.warn(
            f"{self.experiment} is {DESCRIPTIONS[Reason.HELD]}; `gridray retry {run}` tries these "
            f"again, `gridray retry --held {run}` lets the others go on, `gridray stop run {run}` "
            "ends it"
        )

    def tell_missing(self, out: Output) -> None:
        """Say why there is no log."""
        run, index = self.experiment.run, self.experiment.index
        if self.attempt is not None:
            out.note(f"attempt {self.attempt} of {self.experiment} has written nothing")
            return
        view = runs.experiment_view(self.store, run, index, time.time())
        why = f" ({text.harmless(view.explanation)})" if view.explanation else ""
        out.note(f"{view.name} is {view.state.value}{why}, and has written nothing")

    def _write_part(self, part: logs.Part, out: Output, write: Printer) -> None:
        if part.begins:
            why = f" ({DESCRIPTIONS[part.reason]})" if part.reason else ""
            out.note(f"{self.experiment}: attempt {part.attempt} begins{why}")
        write(part.lines)


def _listed(attempts: range) -> str:
    if not attempts:
        return "it has not begun any"
    return "its only one is 0" if len(attempts) == 1 else f"it has 0 to {attempts[-1]}"


def printer(out: Output, *, raw: bool) -> Printer:
    """Return what prints lines: as JSON, as they were written, or for people.

    Raises:
        UsageError: as JSON and as it was written.
    """
    if out.is_json and raw:
        raise UsageError("--raw has no JSON form", hint="leave one of --raw and --output json out")
    if out.is_json:
        return lambda lines: out.json_lines(
            shapes.LogLine(line.time, line.stream, line.text) for line in lines
        )
    if raw:
        return lambda lines: out.raw(line.content for line in lines)
    visible = on_terminal if out.is_terminal else str
    return lambda lines: out.lines(
        [f"[{line.stream}] [{line.time}] {visible(line.text)}" for line in lines]
    )


def on_terminal(line: str) -> str:
    """Return a line as a terminal would end up showing it, if colours were all it could do.

    Of a line that is written over itself, as progress bars are, the last state is shown.
    """
    if line.isprintable():
        return line
    states = [state for state in COLORS.sub("", line).split("\r") if state]
    return text.harmless(states[-1]) if states else ""
