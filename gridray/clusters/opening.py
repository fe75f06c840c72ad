"""A cluster made ready for a run: it answers, and could run its experiments."""

import math
import os
from collections.abc import Callable
from dataclasses import replace

import psutil

from gridray.clusters import groups
from gridray.clusters.capacity import shortage
from gridray.clusters.cluster import Cluster, existing, is_local
from gridray.clusters.local import LocalCluster
from gridray.errors import ClusterError
from gridray.placement import PlacementRecord
from gridray.records import Resources
from gridray.settings import Settings
from gridray.store import Store

Progress = Callable[[str], None]


def open_cluster(name: str, chosen: Settings, store: Store, progress: Progress) -> Cluster:
    """Return a cluster that answers; this machine's own is started if need be.

    Raises:
        ClusterError: it does not answer, or cannot be started, or has another store.
        NotFoundError: there is none of this name.
    """
    if not is_local(name):
        from gridray.clusters.aws.reach import check_store

        cluster = existing(name, chosen)
        check_store(chosen.home, cluster.name, store)
        cluster.jobs().version()
        return cluster
    local = LocalCluster(chosen)
    if local.running() is None:
        progress("starting a Ray cluster on this machine; it stays for the next run")
    cluster, _ = local.ensure()
    local.check_variables(store.url)
    return cluster


def check_has_groups(name: str, placement: PlacementRecord | None) -> None:
    """Check that a cluster that is yet to be started will have worker groups, if that matters.

    Raises:
        ClusterError: it is this machine's own, which has none.
    """
    if placement is not None and is_local(name):
        raise groups.without_groups(name, placement)


def lacking_here(name: str, placement: PlacementRecord | None, wanted: Resources) -> str | None:
    """Return why this machine's own cluster can never run an experiment; None: it is not known.

    Nothing is started or asked: the cluster never has more CPUs and memory than the machine. What
    GPUs there are, only Ray finds out.
    """
    if not is_local(name) or placement is not None:
        return None
    memory = psutil.virtual_memory().total
    machine = {"CPU": os.cpu_count() or math.inf, "memory": memory, "GPU": math.inf}
    lack = shortage([machine], wanted)
    if lack is None:
        return None
    return (
        f"{lack.option} asks for {lack.asked}, but this machine, which is the cluster {name}, has "
        f"{lack.most}: it can never run"
    )


def settle(
    cluster: Cluster, placement: PlacementRecord | None, asked: Resources
) -> tuple[PlacementRecord | None, Resources]:
    """Return which nodes of a cluster a run is for, and what each of its experiments gets.

    Args:
        asked: 0 CPUs are one, or what goes with the rest of the instance type.

    Raises:
        ClusterError: no node of it can run one, and the cluster gets no others.
    """
    if placement is not None:
        return groups.settle(cluster, placement, asked)
    wanted = replace(asked, cpus=asked.cpus or 1)
    check_resources(cluster, wanted)
    return None, wanted


def check_resources(cluster: Cluster, wanted: Resources) -> None:
    """Check that some node could run one experiment that may be on any.

    Raises:
        ClusterError: none can, and the cluster gets no others.
    """
    jobs = cluster.jobs()
    lack = shortage([node.resources for node in jobs.nodes()], wanted)
    if lack is None or jobs.is_autoscaling():
        return
    if lack.option is None:
        raise ClusterError(
            f"no node of the cluster {cluster.name} has {lack.asked} together",
            hint="ask for less, or use another --cluster",
        )
    raise ClusterError(
        f"{lack.option} asks for {lack.asked}, but no node of the cluster {cluster.name} has "
        f"more than {lack.most}",
        hint=f"ask for less with {lack.option}, or use another --cluster",
    )
