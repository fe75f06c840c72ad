"""How runs and experiments look to people."""

from collections.abc import Sequence

from gridray.cli import shapes, text
from gridray.cli.output import Output
from gridray.cli.text import Column
from gridray.readers.runs import explained
from gridray.states import Reason, State

RUN_COLUMNS = (
    Column("Run"),
    Column("Status", state=True),
    Column("Duration", right=True),
    Column("Experiments", right=True),
    Column("Running", right=True),
    Column("Queued", right=True),
    Column("Completed", right=True),
    Column("Failed", right=True),
    Column("Stopped", right=True),
)
EXPERIMENT_COLUMNS = (
    Column("Experiment"),
    Column("Status", state=True),
    Column("Reason", cut=True),
    Column("Queued Duration", right=True),
    Column("Run Duration", right=True),
    Column("Attempt", right=True),
    Column("Command", cut=True),
)
# Shown only where any cost is known.
COST = Column("Cost", right=True)
# The order in which the states of a run's experiments are told.
COUNTED = ("succeeded", "failed", "cancelled", "running", "pending", "queued")
FAILURES_TOLD = 5


# Which experiments a screen shows that is too small for all.
INTEREST = (
    State.RUNNING,
    State.BUILDING,
    State.PENDING,
    State.FAILED,
    State.QUEUED,
    State.CANCELLED,
    State.SUCCEEDED,
)


def recent_runs(out: Output, found: shapes.Runs) -> None:
    if found.runs:
        out.table(*run_table(found.runs))


def tell_older(out: Output, shown: int, older: int) -> None:
    if not shown:
        out.note("no run in the last day")
    if older:
        out.note(f"{text.count(older, 'older run')}: `gridray history`")
    elif not shown:
        out.note('start one with `gridray run script.py --lr "[0.1, 0.01]"`')


def fitting(found: Sequence[shapes.Experiment], room: int) -> Sequence[shapes.Experiment]:
    """Return experiments in their order; if there is no room for all, the interesting first."""
    if len(found) <= room:
        return found
    return sorted(found, key=lambda each: INTEREST.index(each.state))


def history(out: Output, found: shapes.Runs) -> None:
    columns, rows = run_table(found.runs)
    created = (text.moment(run.created_at) for run in found.runs)
    out.table(
        [*columns, Column("Created")],
        [[*row, moment] for row, moment in zip(rows, created, strict=True)],
    )


def run_table(found: Sequence[shapes.Run]) -> tuple[list[Column], list[list[str]]]:
    """Return the columns and rows of a table of runs; with costs and commits if any run has one."""
    columns, rows = [*RUN_COLUMNS], [_run_row(run) for run in found]
    if any(run.cost is not None for run in found):
        columns.append(COST)
        rows = [[*row, text.money(run.cost)] for row, run in zip(rows, found, strict=True)]
    if any(run.commit for run in found):
        columns.append(Column("Commit"))
        commits = (text.short_commit(run.commit, run.dirty) for run in found)
        rows = [[*row, commit] for row, commit in zip(rows, commits, strict=True)]
    return columns, rows


def _run_row(run: shapes.Run) -> list[str]:
    counts = (
        run.experiment_count,
        run.running,
        run.queued + run.pending,
        run.succeeded,
        run.failed,
        run.cancelled,
    )
    return [run.name, run.state.value, text.duration(run.duration_seconds), *map(str, counts)]


def run(out: Output, found: shapes.RunDetail) -> None:
    """Draw a run: its experiments; what is known of the failed ones; a summary."""
    out.table(*experiment_table(found.experiments))
    failures(out, found)
    if found.held:
        out.note()
        out.note(held(found))
    out.note()
    out.note(summary(found))


def failures(out: Output, found: shapes.RunDetail) -> None:
    """Tell in full why experiments failed, where a narrow table cuts it off."""
    failed = [each for each in found.experiments if each.state is State.FAILED]
    if failed:
        out.note()
    for each in failed[:FAILURES_TOLD]:
        out.note(f"{each.name} failed: {text.harmless(explanation(each)) or 'no reason is known'}")
    if len(failed) > FAILURES_TOLD:
        out.note(f"… and {len(failed) - FAILURES_TOLD:,} more")


def held(found: shapes.RunDetail) -> str:
    """Tell why experiments are held, and what can be done about it."""
    why = next(each.message for each in found.experiments if each.reason is Reason.HELD)
    return (
        f"{text.count(found.held, 'experiment')} held, since the first ones failed in the same "
        f"way ({text.harmless(why or '')})\n"
        f"`gridray retry {found.name}` tries again and goes on, `gridray retry --held "
        f"{found.name}` only goes on, `gridray stop run {found.name}` ends it"
    )


def experiment_table(
    found: Sequence[shapes.Experiment],
) -> tuple[list[Column], list[list[str]]]:
    """Return the columns and rows of a table of experiments; with costs if any are known."""
    columns, rows = [*EXPERIMENT_COLUMNS], list(map(_experiment_row, found))
    if any(each.cost is not None for each in found):
        columns.insert(-1, COST)
        rows = [
            [*row[:-1], text.money(each.cost), row[-1]]
            for row, each in zip(rows, found, strict=True)
        ]
    return columns, rows


def _experiment_row(each: shapes.Experiment) -> list[str]:
    return [
        each.name,
        each.state.value,
        explanation(each),
        text.duration(each.queued_seconds),
        text.duration(each.run_seconds),
        str(each.attempt),
        text.command_line(each.command),
    ]


def explanation(each: shapes.Experiment) -> str:
    return explained(each.reason, each.exit_code, each.message)


def summary(found: shapes.Run) -> str:
    counts = [(getattr(found, state), state) for state in COUNTED]
    told = ", ".join(f"{number:,} {state}" for number, state in counts if number)
    total = text.count(found.experiment_count, "experiment")
    if found.held:
        told += f" ({found.held:,} held)"
    spent = text.duration(found.duration_seconds)
    parts = [f"{total}: {told}", spent, f"cluster {text.harmless(found.cluster)}"]
    if found.cost is not None:
        parts.append(text.money(found.cost))
    if found.commit:
        parts.append(f"commit {text.short_commit(found.commit, found.dirty)}")
    return " · ".join(parts)


def change(each: shapes.Experiment) -> str:
    """Tell where an experiment is, for a line of its own."""
    told = explanation(each)
    because = f" ({text.harmless(told)})" if told else ""
    spent = f" after {text.duration(each.run_seconds)}" if each.state.is_terminal else ""
    return f"{each.name} {each.state.value}{because}{spent}"
