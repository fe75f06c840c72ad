"""The answer of `gridray why`: what the store knows, and the cluster if it is asked."""

import time

from gridray import stalls
from gridray.because import because
from gridray.cli import text
from gridray.cli.answer import Answer, Attempt
from gridray.cli.loglines import on_terminal
from gridray.cli.output import Output
from gridray.cli.text import Column
from gridray.nextsteps import next_steps
from gridray.readers import why
from gridray.states import DESCRIPTIONS
from gridray.store import Store

COLUMNS = (
    Column("Attempt", right=True),
    Column("Status", state=True),
    Column("Reason", cut=True),
    Column("Run Duration", right=True),
    Column("Peak Memory", right=True),
    Column("Host", cut=True),
)


def find(out: Output, store: Store, run: str, index: int | None) -> Answer:
    """Return the answer for an experiment, or for the one of a run that most needs one.

    Raises:
        NotFoundError: there is no such run or experiment.
    """
    now = time.time()
    found = why.why(store, run, index, now)
    if index is None and found.record.count > 1:
        out.note(f"of {run}, this is about {found.experiment.name}")
    stall = None
    if not found.experiment.state.is_terminal:
        record = found.record
        stall = stalls.find(store, record.cluster, record.name, record.created_at, now)
        if stall and found.wait is None:
            out.warn(stalls.explanation(run, stall))
    reason = because(found, stall, now)
    steps = reason.steps or next_steps(found, reason.fit)
    return Answer.of(found, reason.text, reason.fit, steps)


def show(out: Output, answer: Answer) -> None:
    """Draw an answer: the one line; the attempts; the last of the log."""
    out.line(f"{answer.name} is {answer.state.value}: {text.harmless(answer.because)}")
    if answer.attempts:
        out.line()
        out.table(COLUMNS, map(_row, answer.attempts))
    if answer.log:
        what = "build" if answer.stream == "build" else "script"
        which = f", of attempt {answer.log_attempt}" if answer.attempt else ""
        out.line(f"\nthe last lines of the {what}{which}:")
        for line in answer.log:
            out.line(f"  {on_terminal(line)}")


def _row(attempt: Attempt) -> list[str]:
    words = [DESCRIPTIONS[attempt.reason]] if attempt.reason else []
    words += [f"exit code {attempt.exit_code}"] if attempt.exit_code else []
    words += [attempt.message] if attempt.message else []
    peak = "-" if attempt.peak_memory is None else text.size(attempt.peak_memory)
    spent = None
    if attempt.started_at and attempt.ended_at:
        spent = (attempt.ended_at - attempt.started_at).total_seconds()
    return [
        str(attempt.number),
        attempt.state.value,
        "; ".join(words),
        text.duration(spent),
        peak,
        attempt.host or "-",
    ]
