"""The rows and columns of the table of a run's experiments."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gridray.metricrecords import SYSTEM, Summary
from gridray.readers.comparison import in_order, varying
from gridray.readers.runs import ExperimentView, RunView
from gridray.ui.table import Column, as_json
from gridray.wording import harmless

Summaries = Mapping[int, Mapping[str, Summary]]

# More metrics than these are not all shown at first, and have no extremes beside their last value.
FIRST = 5
MANY = 20
STATE_COLUMNS = (
    Column("experiment", "number", "Experiment", "experiment", 130, pinned=True, narrow=92),
    Column("state", "state", "State", "state", 118, narrow=102),
)
TIME_COLUMNS = (
    Column("duration", "seconds", "Duration", "duration", 112, wide=True),
    Column("cost", "cost", "Cost", "money", 100, wide=True),
    Column("reason", "reason", "Reason", "text", 180, flex=1, wide=True),
    Column("attempt", "attempt", "Attempt", "number", 98, hide=True),
    Column("queued", "queued", "Queued", "duration", 110, hide=True),
    Column("started", "started", "Started", "moment", 150, hide=True),
)


@dataclass(frozen=True)
class Names:
    """What the experiments of a run have: parameters, those that vary first; and metrics.

    Metrics begin with the one that experiments are compared by.
    """

    parameters: tuple[str, ...]
    constant: frozenset[str]
    numeric: frozenset[str]
    metrics: tuple[str, ...]
    system: tuple[str, ...]


def names(view: RunView, summaries: Summaries) -> Names:
    values: dict[str, set[str | bool]] = {}
    for each in view.experiments:
        for name, value in each.params.items():
            values.setdefault(name, set()).add(value)
    is_single = len(view.experiments) == 1
    constant = frozenset(() if is_single else values.keys() - set(varying(view.experiments)))
    found = in_order({name for each in summaries.values() for name in each})
    return Names(
        parameters=tuple(sorted(values, key=lambda name: name in constant)),
        constant=constant,
        numeric=frozenset(
            name
            for name, known in values.items()
            if all(number(each) is not None for each in known)
        ),
        metrics=tuple(name for name in found if not name.startswith(SYSTEM)),
        system=tuple(name for name in found if name.startswith(SYSTEM)),
    )


def number(value: str | bool) -> float | None:
    """Return what a parameter's text is as a finite number, if it is one."""
    try:
        found = math.nan if isinstance(value, bool) else float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def columns(found: Names) -> tuple[Column, ...]:
    """Return the columns; where names of users are keys in rows, they are numbered."""
    made = list(STATE_COLUMNS)
    for place, name in enumerate(found.parameters):
        kind = "parameter_number" if name in found.numeric else "parameter"
        is_hidden, is_first = name in found.constant, place == 0
        title = harmless(name)
        key, field = f"p:{title}", f"p{place}"
        made.append(
            Column(key, field, title, kind, 118, wide=not is_first, late=is_first, hide=is_hidden)
        )
    for place, name in enumerate(found.metrics):
        hide = place >= FIRST
        made.append(
            Column(
                f"m:{name}", f"m{place}", name, "number", 128, hide=hide, wide=place > 0, narrow=120
            )
        )
        if len(found.metrics) <= MANY:
            made += [
                Column(f"min:{name}", f"l{place}", f"{name} (min)", "number", 140, hide=True),
                Column(f"max:{name}", f"g{place}", f"{name} (max)", "number", 140, hide=True),
            ]
    made += TIME_COLUMNS
    for place, name in enumerate(found.system):
        title = f"{name.removeprefix(SYSTEM)} (max)"
        made.append(Column(f"max:{name}", f"s{place}", title, "number", 150, hide=True))
    return tuple(made)


def rows(view: RunView, summaries: Summaries, found: Names) -> list[dict[str, Any]]:
    return [_row(each, summaries.get(each.index, {}), found) for each in view.experiments]


def _row(each: ExperimentView, metrics: Mapping[str, Summary], found: Names) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": each.index,
        "index": each.index,
        "name": each.name,
        "number": f"exp{each.index}",
        "state": each.state.value,
        "seconds": _whole(each.run_seconds, is_over=each.ended_at is not None),
        "cost": each.cost,
        "reason": each.explanation,
        "attempt": each.attempt,
        "queued": _whole(each.queued_seconds, is_over=each.started_at is not None),
        "started": each.started_at.timestamp() if each.started_at else None,
    }
    for place, name in enumerate(found.parameters):
        if name in each.params:
            row[f"p{place}"] = harmless(str(each.params[name]))
    for place, name in enumerate(found.metrics):
        if (summary := metrics.get(name)) is not None:
            row[f"m{place}"] = as_json(summary.last)
            if len(found.metrics) <= MANY:
                row[f"l{place}"] = as_json(summary.least)
                row[f"g{place}"] = as_json(summary.greatest)
    for place, name in enumerate(found.system):
        if (summary := metrics.get(name)) is not None:
            row[f"s{place}"] = as_json(summary.greatest)
    return row


def _whole(seconds: float | None, *, is_over: bool) -> float | None:
    """Return a time; one that goes on in whole seconds, so that not every look changes it."""
    return seconds if seconds is None or is_over else float(round(seconds))


def pick(text: str, known: Sequence[int]) -> list[int]:
    """Return the numbers of experiments that a text as `0-3, 7` names, of those that there are.

    Raises:
        ValueError: it is no such text.
    """
    found: list[int] = []
    for part in text.replace(" ", "").split(","):
        if part:
            first, _, last = part.partition("-")
            low, high = int(first), int(last or first)
            found += [index for index in known if low <= index <= high]
    return list(dict.fromkeys(found))
