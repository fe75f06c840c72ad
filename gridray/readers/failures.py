"""Why experiments of a run have failed, told together where they failed alike."""

import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from gridray.layout import AttemptName
from gridray.logformat import LogLine
from gridray.readers import logs
from gridray.readers.runs import ExperimentView, RunView
from gridray.states import DESCRIPTIONS, Reason, State
from gridray.store import Store

CONCURRENT_LOOKS = 16
LOOKED_AT = 5
# Colours and the like (ECMA-48, 5.4).
CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
NUMBER = re.compile(r"0x[0-9a-f]+|\d+(?:\.\d+)?", re.IGNORECASE)


@dataclass(frozen=True)
class Failures:
    """Experiments that failed alike: for the same reason, with the same last line but for numbers.

    `line` is the last one that the first of them has written, empty if it wrote none.
    """

    reason: str
    line: str
    experiments: tuple[ExperimentView, ...]


class FailureReader:
    """Groups failures; the log of each attempt that has failed is looked at once only."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lines: dict[AttemptName, str] = {}

    def groups(self, view: RunView) -> list[Failures]:
        """Return the failures of a run, the largest group first.

        Raises:
            StoreError: a log cannot be read.
        """
        failed = [each for each in view.experiments if each.state is State.FAILED]
        self._look(_attempt(view, each) for each in failed)
        found: dict[tuple[str, str], list[ExperimentView]] = {}
        for each in failed:
            line = self._lines[_attempt(view, each)]
            found.setdefault((_reason(each), NUMBER.sub("#", line)), []).append(each)
        groups = [
            Failures(reason, self._lines[_attempt(view, members[0])], tuple(members))
            for (reason, _), members in found.items()
        ]
        return sorted(groups, key=lambda group: -len(group.experiments))

    def _look(self, names: Iterable[AttemptName]) -> None:
        new = [name for name in names if name not in self._lines]
        with ThreadPoolExecutor(CONCURRENT_LOOKS) as pool:
            for name, line in zip(new, pool.map(self._last_line, new), strict=True):
                self._lines[name] = line

    def _last_line(self, name: AttemptName) -> str:
        for stream in ("stdout", "build"):
            if words := last_words(logs.tail(self._store, name, LOOKED_AT, stream)):
                return words
        return ""


def last_words(lines: Sequence[LogLine]) -> str:
    """Return the last line that says anything, as plain text; empty if none does."""
    for line in reversed(lines):
        if words := CONTROL.sub("", line.text).strip():
            return words
    return ""


def _attempt(view: RunView, each: ExperimentView) -> AttemptName:
    return AttemptName(view.record.name, each.index, each.attempt)


def _reason(each: ExperimentView) -> str:
    if each.reason is Reason.EXIT_CODE and each.exit_code:
        return f"exit code {each.exit_code}"
    words = DESCRIPTIONS[each.reason] if each.reason else "no reason is known"
    return f"{words}: {each.message}" if each.message else words
