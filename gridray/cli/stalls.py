"""Runs that stand still because the local cluster, which they are on, is not running."""

from gridray import settings
from gridray.cli import shapes
from gridray.cli.output import Output
from gridray.records import ClusterRecord, read_run
from gridray.store import Store

# Seconds. A look is a request to the dashboard.
LOOK_INTERVAL = 10.0


def is_down(cluster: ClusterRecord) -> bool:
    """Whether a cluster is the local one, and that is not running."""
    if cluster.name != settings.LOCAL:
        return False
    # Late, since it takes as long to import as all else that `gridray status` does.
    from gridray.clusters.local import LocalCluster

    local = LocalCluster(settings.load())
    return local.key() == cluster.key and local.running() is None


def explanation(run: str) -> str:
    return f"the local cluster is not running; `gridray clusters up local` makes {run} go on"


def tell(out: Output, store: Store, view: shapes.RunDetail) -> None:
    """Warn if what is shown is not over and stands still."""
    is_over = all(each.state.is_terminal for each in view.experiments)
    if not is_over and is_down(read_run(store, view.name).cluster):
        out.warn(explanation(view.name))


class Outage:
    """Whether the cluster of a run is down, as the latest look has found it."""

    def __init__(self, store: Store, run: str) -> None:
        self._cluster = read_run(store, run).cluster
        self._is_on = False
        self._next_look = float("-inf")

    def look(self, now: float) -> bool:
        """Return whether it is down; what was found lately holds."""
        if now >= self._next_look:
            self._next_look = now + LOOK_INTERVAL
            self._is_on = is_down(self._cluster)
        return self._is_on
