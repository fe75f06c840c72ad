"""What the metrics of a run's experiments come to, gathered from its attempts into one object."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gridray import layout, marks
from gridray.controller.activerun import ActiveRun
from gridray.errors import DamagedError, GridrayError
from gridray.layout import AttemptName
from gridray.metricrecords import RunMetrics
from gridray.records import AttemptState, Row, decode
from gridray.store import Store, parse_json, to_json

# Seconds between two looks, and between two writes; a write that takes long waits for longer.
LOOK_INTERVAL = 1.0
WRITE_INTERVAL = 5.0
WRITE_SHARE = 0.05
# Attempts without a last word are read from the store, so many at a look.
READ_AT_ONCE = 256


@dataclass
class _Run:
    """What is known of a run: the attempt up to which, and the JSON of the metrics, by experiment.

    These are kept as text, since most of what is written was written before.
    """

    attempts: dict[int, int] = field(default_factory=dict)
    texts: dict[int, str] = field(default_factory=dict)
    looked_at: float = 0.0
    written_at: float = 0.0
    took: float = 0.0
    is_written: bool = True


class Gathering:
    """Gathers for all active runs; what it remembers is in the store, or can be read again."""

    def __init__(self, store: Store, tell: Callable[[GridrayError], None]) -> None:
        """Name the store, and who is told of what cannot be understood in it."""
        self._store = store
        self._tell = tell
        self._runs: dict[str, _Run] = {}
        self._words: dict[AttemptName, dict[str, Any] | None] = {}

    def hear(self, words: Mapping[AttemptName, AttemptState]) -> None:
        """Take the last words of attempts into account."""
        for name, word in words.items():
            if word.state.is_terminal:
                self._words[name] = word.metrics

    def record(self, run: ActiveRun, now: float, *, is_over: bool) -> None:
        """Write what the attempts that are over have come to, if that is due.

        Raises:
            StoreError: the store cannot be read or written; the next call does.
        """
        name = run.record.name
        if name not in self._runs:
            self._runs[name] = self._load(run)
        known = self._runs[name]
        if now - known.looked_at >= LOOK_INTERVAL or is_over:
            self._gather(run, known, run.record.count if is_over else READ_AT_ONCE)
            known.looked_at = now
        pause = max(WRITE_INTERVAL, known.took / WRITE_SHARE)
        if not known.is_written and (is_over or now - known.written_at >= pause):
            began = time.monotonic()
            self._store.put(layout.run_metrics(name), _encoded(known, run.record.identity))
            known.is_written, known.written_at = True, now
            known.took = time.monotonic() - began

    def forget(self, name: str) -> None:
        """Let go of a run."""
        self._runs.pop(name, None)
        self._words = {each: word for each, word in self._words.items() if each.run != name}

    def _load(self, run: ActiveRun) -> _Run:
        key = layout.run_metrics(run.record.name)
        try:
            raw = marks.unmarked(self._store.find_json(key), run.record.identity)
            found = {} if raw is None else decode(RunMetrics, raw, key).experiments
        except DamagedError as error:
            self._tell(error)
            return _Run()
        attempts = {index: each.attempt for index, each in found.items()}
        return _Run(attempts, {index: _text(each.to_json()[1]) for index, each in found.items()})

    def _gather(self, run: ActiveRun, known: _Run, limit: int) -> None:
        due = [
            AttemptName(run.record.name, index, ended)
            for index, row in enumerate(run.rows)
            if (ended := _ended(row)) > known.attempts.get(index, -1)
        ]
        silent = [name for name in due if self._words.get(name) is None][:limit]
        read = self._read(silent, run.record.identity)
        for name in due:
            if self._words.get(name) is None and name not in read:
                continue
            metrics = self._words.pop(name, None) or read.get(name)
            if metrics or name.index not in known.texts:
                known.texts[name.index] = _text(metrics or {})
            known.attempts[name.index] = name.attempt
            known.is_written = False

    def _read(self, names: list[AttemptName], identity: str) -> dict[AttemptName, dict[str, Any]]:
        """Read what attempts have written that could not say so; empty: nothing."""
        keys = {layout.attempt_summary(name): name for name in names}
        found: dict[AttemptName, dict[str, Any]] = {name: {} for name in names}
        for key, data in self._store.get_many(keys).items():
            try:
                raw = marks.unmarked(parse_json(data, key), identity) or {}
            except DamagedError as error:
                self._tell(error)
                continue
            found[keys[key]] = raw.get("metrics", {})
        return found


def _ended(row: Row) -> int:
    """Return the number of the latest attempt that is over; -1: there is none."""
    return row.attempt if row.state.is_terminal else row.attempt - 1


def _text(metrics: Mapping[str, Any]) -> str:
    return to_json(metrics).decode()


def _encoded(known: _Run, identity: str) -> bytes:
    pairs = (f'"{index}":[{known.attempts[index]},{text}]' for index, text in known.texts.items())
    mark = json.dumps({marks.IDENTITY: identity})
    return f'{mark[:-1]},"experiments":{{{",".join(pairs)}}}}}'.encode()
