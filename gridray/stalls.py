"""Runs that stand still: the local cluster is not running, or their cluster has no controller."""

import shlex
import time
from dataclasses import dataclass

from gridray import settings, wording
from gridray.clusters import localstate
from gridray.readers import heartbeat
from gridray.records import ClusterRecord, read_run
from gridray.store import Store


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
        name, time_ = wording.harmless(self.cluster), wording.duration(self.silent_for)
        told = f"no controller has been heard of on cluster {name} for {time_}"
        return told if self.is_known else f"{told}, and there is no cluster of that name here"

    @property
    def mend(self) -> str:
        if not self.is_known:
            return f"gridray rerun {self.run} --cluster NAME"
        return f"gridray clusters up {shlex.quote(wording.harmless(self.cluster))}"

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
