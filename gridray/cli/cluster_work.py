"""Clusters as the commands show and change them."""

import time
from concurrent.futures import ThreadPoolExecutor

from gridray import layout, settings
from gridray.cli import shapes
from gridray.cli.names import open_store
from gridray.cli.output import Output
from gridray.cli.text import Column, harmless
from gridray.clusters.bootstrap import ensure_controller
from gridray.clusters.cluster import Cluster, existing, is_local
from gridray.clusters.local import LocalCluster
from gridray.errors import ClusterError, StateError, UsageError
from gridray.readers import runs
from gridray.settings import LOCAL
from gridray.store import Store

COLUMNS = (
    Column("Cluster"),
    Column("State"),
    Column("Address"),
    Column("Nodes", right=True),
    Column("CPUs", right=True),
    Column("GPUs", right=True),
)


def overview() -> shapes.Clusters:
    """Ask all clusters at once for what they have."""
    known = settings.load()
    local = LocalCluster(known).running()
    found = [local] if local else []
    found += [existing(name, known) for name in known.clusters]
    with ThreadPoolExecutor(max(1, len(found))) as pool:
        answers = list(pool.map(_ask, found))
    stopped = [] if local else [shapes.Cluster(LOCAL, "stopped", None, None, None, None)]
    return shapes.Clusters((*stopped, *answers))


def _ask(cluster: Cluster) -> shapes.Cluster:
    try:
        nodes = cluster.jobs().nodes()
    except ClusterError:
        return shapes.Cluster(cluster.name, "unreachable", cluster.address, None, None, None)
    return shapes.Cluster(
        name=cluster.name,
        state="running",
        address=cluster.address,
        nodes=len(nodes),
        cpus=sum(node.resources.get("CPU", 0) for node in nodes),
        gpus=sum(node.resources.get("GPU", 0) for node in nodes),
    )


def show_overview(out: Output, found: shapes.Clusters) -> None:
    def number(value: float | None) -> str:
        return "-" if value is None else f"{value:g}"

    out.table(
        COLUMNS,
        (
            (
                each.name,
                each.state,
                each.address or "-",
                number(each.nodes),
                number(each.cpus),
                number(each.gpus),
            )
            for each in found.clusters
        ),
    )


def up(out: Output, name: str) -> shapes.ClusterChange:
    """Start the local cluster and its controller, or the controller on another cluster.

    Raises:
        NotFoundError: there is no such cluster.
        ClusterError: it cannot be started or reached, or not with this store.
    """
    store = open_store()
    if not is_local(name):
        cluster = existing(name, settings.load())
        return shapes.ClusterChange(cluster.name, ensure_controller(cluster, store))
    local = LocalCluster(settings.load())
    if local.running() is None:
        out.note("starting a Ray cluster on this machine")
    cluster, started = local.ensure()
    local.check_variables(store.url)
    controller = ensure_controller(cluster, store)
    out.note(f"its dashboard is at {cluster.address}")
    return shapes.ClusterChange(LOCAL, started or controller)


def show_up(out: Output, change: shapes.ClusterChange) -> None:
    out.line(f"{harmless(change.name)}: {'started' if change.changed else 'was running already'}")


def down(out: Output, *, yes: bool) -> shapes.ClusterChange:
    """Stop the local cluster.

    Raises:
        StateError: experiments run there, and the user has not said --yes.
    """
    local = LocalCluster(settings.load())
    busy = _busy(open_store(), local) if local.running() else []
    if busy and not yes:
        raise StateError(
            f"experiments are running on the cluster {LOCAL}: {', '.join(busy)}",
            hint="wait, or `gridray stop run NAME`, or add --yes to cut them off",
        )
    return shapes.ClusterChange(LOCAL, local.down())


def show_down(out: Output, change: shapes.ClusterChange) -> None:
    out.line(f"{change.name}: {'stopped' if change.changed else 'was not running'}")


def check_ours(name: str) -> None:
    """Check that a cluster is one that Gridray has started.

    Raises:
        NotFoundError: there is no such cluster.
        UsageError: it is only known from the settings.
    """
    if is_local(name):
        return
    known = settings.load()
    existing(name, known)
    raise UsageError(
        f"the cluster {harmless(name)!r} was not started by Gridray, and cannot be deleted",
        hint=f"take it out of {known.home / 'settings.toml'} to forget it",
    )


def _busy(store: Store, local: LocalCluster) -> list[str]:
    """Return the runs that have experiments on the cluster just now."""
    key = local.key()
    markers = store.names(layout.active(key)) if key else []
    active = {layout.parse_marker(marker)[0] for marker in markers}
    # Not `summaries`, which only know what the controller has written: a run may be just over.
    readable = {summary.name for summary in runs.summaries(store, time.time())}
    names = sorted(active & readable)
    summaries = (runs.run_view(store, name, time.time()).summary for name in names)
    return [found.name for found in summaries if found.pending or found.running]
