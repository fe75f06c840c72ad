"""Clusters as the commands show and change them."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from gridray import layout, settings
from gridray.cli import cluster_shapes
from gridray.cli.names import open_store
from gridray.cli.output import Output
from gridray.cli.text import Column, harmless
from gridray.clusters.aws import made
from gridray.clusters.bootstrap import ensure_controller
from gridray.clusters.cluster import Cluster, existing, is_local
from gridray.clusters.local import LocalCluster
from gridray.errors import ClusterError, StateError, UsageError
from gridray.readers import runs
from gridray.readers.runs import RunSummary
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
UNREACHABLE = "unreachable"
CLOUD_COLUMNS = (Column("$/h now", right=True), Column("Groups", cut=True))


def overview() -> cluster_shapes.Clusters:
    """Ask all clusters at once for what they have; AWS only if there is one in it."""
    known = settings.load()
    local = LocalCluster(known).running()
    found = [local] if local else []
    found += [existing(name, known) for name in known.clusters]
    in_cloud = made.names(known.home)
    with ThreadPoolExecutor(max(1, len(found) + len(in_cloud))) as pool:
        answers = pool.map(_ask, found)
        clouds = pool.map(_ask_cloud, in_cloud)
        rows = [*answers, *clouds]
    stopped = [] if local else [cluster_shapes.Cluster(LOCAL, "stopped", None, None, None, None)]
    return cluster_shapes.Clusters((*stopped, *rows))


def _ask(cluster: Cluster) -> cluster_shapes.Cluster:
    try:
        nodes = cluster.jobs().nodes()
    except ClusterError as error:
        return cluster_shapes.Cluster(
            cluster.name, UNREACHABLE, cluster.address, None, None, None, why=error.message
        )
    return cluster_shapes.Cluster(
        name=cluster.name,
        state="running",
        address=cluster.address,
        nodes=len(nodes),
        cpus=sum(node.resources.get("CPU", 0) for node in nodes),
        gpus=sum(node.resources.get("GPU", 0) for node in nodes),
    )


def _ask_cloud(name: str) -> cluster_shapes.Cluster:
    from gridray.cli import aws_status

    return aws_status.row(name)


def show_overview(out: Output, found: cluster_shapes.Clusters) -> None:
    def number(value: float | None) -> str:
        return "-" if value is None else f"{value:g}"

    has_cloud = any(each.region for each in found.clusters)
    rows = []
    for each in found.clusters:
        address = each.address or each.region or "-"
        row = [each.name, each.state, address, *map(number, (each.nodes, each.cpus, each.gpus))]
        price = "-" if each.price is None else f"{each.price:.3f}"
        rows.append([*row, price, ", ".join(each.groups) or "-"] if has_cloud else row)
    out.table((*COLUMNS, *CLOUD_COLUMNS) if has_cloud else COLUMNS, rows)
    for each in found.clusters:
        if each.why:
            out.warn(f"{harmless(each.name)} is {each.state}: {harmless(each.why)}")


def up(out: Output, name: str, *, yes: bool) -> cluster_shapes.ClusterChange:
    """Start the local cluster and its controller, one in AWS, or the controller on another one.

    Raises:
        NotFoundError: there is no such cluster.
        ClusterError: it cannot be started or reached, or not with this store.
        StateError: experiments run there that this would interrupt, and there is no --yes.
    """
    if is_made(name):
        from gridray.cli import aws_changes

        return aws_changes.up(out, name, yes=yes)
    store = open_store()
    if not is_local(name):
        cluster = existing(name, settings.load())
        return cluster_shapes.ClusterChange(cluster.name, ensure_controller(cluster, store))
    local = LocalCluster(settings.load())
    if local.running() is None:
        out.note("starting a Ray cluster on this machine")
    cluster, started = local.ensure()
    local.check_variables(store.url)
    controller = ensure_controller(cluster, store)
    out.note(f"its dashboard is at {cluster.address}")
    return cluster_shapes.ClusterChange(LOCAL, started or controller)


def show_up(out: Output, change: cluster_shapes.ClusterChange) -> None:
    out.line(f"{harmless(change.name)}: {'started' if change.changed else 'was running already'}")


def down(out: Output, name: str, *, purge_store: bool, yes: bool) -> None:
    """Stop the local cluster, or one in AWS, and tell what has become of it.

    Raises:
        NotFoundError: there is no such cluster.
        UsageError: it is not Gridray's to end, or has no bucket of its own.
        StateError: experiments run there, and the user has not said --yes.
    """
    check_ours(name)
    if not is_local(name):
        from gridray.cli import aws_changes

        ended = aws_changes.down(out, name, purge_store=purge_store, yes=yes)
        out.show(ended, aws_changes.show_ended)
        return
    if purge_store:
        raise UsageError(
            f"--purge-store is for clusters in AWS, and {LOCAL} is none", hint="leave it out"
        )
    out.show(down_local(yes=yes), show_down)


def delete(out: Output, name: str, *, purge_store: bool, yes: bool) -> None:
    """Delete a cluster in AWS with all that was made for it; the local one is only stopped.

    Raises:
        StateError: experiments run there, and the user has not said --yes.
        CloudError: something of it is left.
    """
    if is_local(name):
        down(out, name, purge_store=purge_store, yes=yes)
        return
    from gridray.cli import aws_changes

    ended = aws_changes.delete(out, name, purge_store=purge_store, yes=yes)
    out.show(ended, aws_changes.show_ended)


def down_local(*, yes: bool) -> cluster_shapes.ClusterChange:
    """Stop the local cluster.

    Raises:
        StateError: experiments run there, and the user has not said --yes.
    """
    local = LocalCluster(settings.load())
    key = local.key()
    if local.running() and key:
        check_idle(open_store(), LOCAL, key, yes=yes)
    return cluster_shapes.ClusterChange(LOCAL, local.down())


def check_idle(store: Store, name: str, key: str, *, yes: bool) -> None:
    """Check that a cluster has no run that is not over, unless the user has said --yes.

    Raises:
        StateError: it has.
    """
    found = [] if yes else active(store, key)
    if found:
        raise StateError(
            f"the cluster {name} has runs that are not over: {_names(found)}",
            hint="wait, or `gridray stop run NAME`, or add --yes to cut them off",
        )


def check_uninterrupted(store: Store, name: str, key: str, *, yes: bool) -> None:
    """Check that no experiments run on a cluster just now, unless the user has said --yes.

    Raises:
        StateError: some do.
    """
    found = [] if yes else [run for run in active(store, key) if run.pending or run.running]
    if found:
        raise StateError(
            f"experiments are running on the cluster {name}: {_names(found)}",
            hint="wait, or `gridray stop run NAME`, or add --yes to cut them off",
        )


def _names(found: Sequence[RunSummary]) -> str:
    return ", ".join(run.name for run in found)


def show_down(out: Output, change: cluster_shapes.ClusterChange) -> None:
    out.line(f"{change.name}: {'stopped' if change.changed else 'was not running'}")


def is_made(name: str) -> bool:
    """Whether a cluster is one that Gridray has made in a cloud."""
    return name in made.names(settings.home())


def check_ours(name: str) -> None:
    """Check that a cluster is one that Gridray has started or made.

    Raises:
        NotFoundError: there is no such cluster.
        UsageError: it is only known from the settings.
    """
    if is_local(name) or is_made(name):
        return
    known = settings.load()
    existing(name, known)
    raise UsageError(
        f"the cluster {harmless(name)!r} was not made by Gridray, and is not its to end",
        hint=f"take it out of {known.home / 'settings.toml'} to forget it",
    )


def active(store: Store, key: str) -> list[RunSummary]:
    """Return the runs of a cluster that are not over, by its key in the store."""
    marked = {layout.parse_marker(marker)[0] for marker in store.names(layout.active(key))}
    # Not `summaries`, which only know what the controller has written: a run may be just over.
    readable = {summary.name for summary in runs.summaries(store, time.time())}
    names = sorted(marked & readable)
    found = (runs.run_view(store, name, time.time()).summary for name in names)
    return [each for each in found if each.queued or each.pending or each.running]
