"""Runs that stand still: the local cluster is not running, or their cluster has no controller."""

import shlex
import time
from collections.abc import Iterable
from dataclasses import dataclass

from gridray import settings
from gridray.cli import shapes, text
from gridray.cli.output import Output
from gridray.clusters import localstate
from gridray.readers import heartbeat
from gridray.readers.runs import RunSummary
from gridray.records import ClusterRecord, read_run
from gridray.store import Store

# Seconds. A look is a request to the dashboard, or to the store.
LOOK_INTERVAL = 10.0


@dataclass(frozen=True)
class Stall:
    """Why nothing goes on on a cluster.

    `silent_for` is how long its controller has not been heard of (s); None: the cluster is the
    local one, and not running. `run` stands still on it. `is_known` unless this machine has no
    cluster of that name (any more).
    """

    cluster: str
    silent_for: float | None
    run: str
    is_known: bool = True

    @property
    def what(self) -> str:
        if self.silent_for is None:
            return "the local cluster is not running"
        name, time_ = text.harmless(self.cluster), text.duration(self.silent_for)
        told = f"no controller has been heard of on cluster {name} for {time_}"
        return told if self.is_known else f"{told}, and there is no cluster of that name here"

    @property
    def mend(self) -> str:
        if not self.is_known:
            return f"gridray rerun {self.run} --cluster NAME"
        return f"gridray clusters up {shlex.quote(text.harmless(self.cluster))}"

    def postpones(self, what: str) -> str:
        """Tell when something takes effect that was asked for."""
        if self.is_known:
            return f"{self.what}: {what} takes effect after `{self.mend}`"
        return (
            f"{self.what}: {what} takes effect only if it is heard of again; if it is gone, "
            f"`gridray delete run --force {self.run}` deletes the run"
        )


def find(
    store: Store, cluster: ClusterRecord, run: str, created_at: float, now: float
) -> Stall | None:
    """Return why a run that is not over stands still, if it does. Times are Unix times (s)."""
    if _is_down(cluster):
        return Stall(cluster.name, None, run)
    silent_for = heartbeat.silence(store, cluster.key, run, created_at, now)
    if silent_for is None:
        return None
    # Late, like the local cluster below.
    from gridray.clusters.cluster import is_known

    return Stall(cluster.name, silent_for, run, is_known(cluster.name, settings.load()))


def of_run(store: Store, run: str) -> Stall | None:
    """Return why a run that is not over stands still, if it does."""
    record = read_run(store, run)
    return find(store, record.cluster, run, record.created_at, time.time())


def _is_down(cluster: ClusterRecord) -> bool:
    """Whether a cluster is the local one, and that is not running."""
    if cluster.name != settings.LOCAL:
        return False
    chosen = settings.load()
    state = localstate.load(chosen.home)
    if state is None or state.key != cluster.key:
        return False
    if not state.is_listening():
        return True
    # Late, since it takes as long to import as all else that `gridray status` does.
    from gridray.clusters.local import LocalCluster

    return LocalCluster(chosen).running() is None


def explanation(what: str, stall: Stall) -> str:
    """Tell what makes a run, or some, go on."""
    if not stall.is_known:
        return (
            f"{stall.what}; if it is gone, `{stall.mend}` starts all of {stall.run} anew on "
            f"another one, and `gridray delete run --force {stall.run}` deletes it"
        )
    return f"{stall.what}; `{stall.mend}` makes {what} go on"


def tell(out: Output, store: Store, view: shapes.RunDetail) -> None:
    """Warn if what is shown is not over and stands still."""
    is_over = all(each.state.is_terminal for each in view.experiments)
    stall = None if is_over else of_run(store, view.name)
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
