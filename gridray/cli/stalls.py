"""What commands tell of runs that stand still."""

import time
from collections.abc import Iterable

from gridray.cli import shapes, text
from gridray.cli.output import Output
from gridray.readers.runs import RunSummary
from gridray.records import ClusterRecord, read_run
from gridray.stalls import Stall, explanation, find, of_run
from gridray.store import Store

# Seconds. A look is a request to the dashboard, or to the store.
LOOK_INTERVAL = 10.0

__all__ = ["LOOK_INTERVAL", "Outage", "Stall", "explanation", "find", "of_run", "tell", "tell_all"]


def tell(out: Output, store: Store, view: shapes.RunDetail) -> None:
    """Warn if what is shown, which is not over, stands still."""
    stall = of_run(store, view.name)
    if stall is not None:
        out.warn(explanation(view.name, stall))


def tell_all(out: Output, store: Store, found: Iterable[RunSummary], now: float) -> None:
    """Warn of each cluster on which what is not over stands still."""
    open_runs: dict[str, list[RunSummary]] = {}
    for run in found:
        if not run.state.is_terminal:
            open_runs.setdefault(run.cluster_key, []).append(run)
    for key, runs in open_runs.items():
        first = min(runs, key=lambda run: run.created_at)
        cluster = ClusterRecord(first.cluster, key)
        stall = find(store, cluster, first.name, first.created_at.timestamp(), now)
        if stall is not None:
            what = first.name if len(runs) == 1 else text.count(len(runs), "run")
            out.warn(explanation(what, stall))


class Outage:
    """Whether a run stands still, as the latest look has found it."""

    def __init__(self, store: Store, run: str) -> None:
        self._store = store
        self._record = read_run(store, run)
        self._stall: Stall | None = None
        self._next_look = float("-inf")

    def look(self, now: float) -> Stall | None:
        """Return why it stands still, if it does; what was found lately holds.

        Args:
            now: of a clock that only goes forward (s).
        """
        if now >= self._next_look:
            self._next_look = now + LOOK_INTERVAL
            record = self._record
            self._stall = find(
                self._store, record.cluster, record.name, record.created_at, time.time()
            )
        return self._stall

    def news(self, now: float) -> Stall | None:
        """Return why it stands still, once for each time that it begins to."""
        before, stall = self._stall, self.look(now)
        return stall if before is None else None
