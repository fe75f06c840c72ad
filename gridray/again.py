"""Runs that run again: what did not succeed of one, or all of it as a new run."""

import getpass
import os
import platform
import secrets
import time
from collections.abc import Sequence
from dataclasses import replace

from gridray import __version__, actions, layout, recording, sealing, settings
from gridray.clusters import opening
from gridray.clusters.bootstrap import ensure_controller
from gridray.clusters.cluster import Cluster, existing, is_known, is_local
from gridray.clusters.local import LocalCluster
from gridray.clusters.opening import Progress
from gridray.datastores import catalog
from gridray.errors import ClusterError, NotFoundError, StateError, UsageError
from gridray.layout import ExperimentName
from gridray.pricing import check_limit, check_may_go_on
from gridray.readers import runs
from gridray.readers.runs import ExperimentView, RunView
from gridray.records import ClusterRecord, RunRecord, read_points, read_run
from gridray.requests import RETRIED, RetryRequest
from gridray.settings import Settings
from gridray.states import Reason, State
from gridray.store import Store


def to_retry(
    store: Store,
    run: str,
    indexes: Sequence[int] | None = None,
    *,
    failed_only: bool = False,
) -> list[int]:
    """Return the numbers of the experiments of a run that are to get another attempt.

    Args:
        indexes: these; None: all that did not succeed.
        failed_only: leave out what was stopped.

    Raises:
        NotFoundError: there is no such run or experiment.
        StateError: one of `indexes` is not over, or has succeeded.
    """
    states = [State.FAILED] if failed_only else RETRIED
    view = runs.run_view(store, run, time.time())
    found = {each.index: each for each in view.experiments}
    if indexes is None:
        return [index for index, each in found.items() if each.state in states]
    unheard = _unheard(store, view)
    for index in indexes:
        if index not in found:
            raise NotFoundError(
                f"the run {run!r} has no experiment {str(ExperimentName(run, index))!r}",
                hint=f"`gridray status {run}` lists them",
            )
        if index not in unheard:
            _check_over(run, found[index])
    return [index for index in indexes if index not in unheard]


def unheard(store: Store, run: str) -> list[int]:
    """Return the numbers of the experiments of a run that its controller may not know to wait.

    A client that was killed while it asked for them leaves them so; any `retry` lets them go on.

    Raises:
        NotFoundError: there is no such run.
    """
    return _unheard(store, runs.run_view(store, run, time.time()))


def _unheard(store: Store, view: RunView) -> list[int]:
    waiting = [
        each.index
        for each in view.experiments
        if each.state is State.QUEUED and each.reason is not Reason.HELD
    ]
    is_over = view.summary.state.is_terminal
    is_unheard = waiting and actions.is_unannounced(store, view.record, is_over=is_over)
    return waiting if is_unheard else []


def retry(
    store: Store, run: str, indexes: Sequence[int], progress: Progress = lambda line: None
) -> None:
    """Give experiments of a run another attempt, and let go on what is held of it.

    The next attempts find the files that the ones before have left.

    Args:
        indexes: what `to_retry` has returned; none: only what is held or `unheard` goes on.

    Raises:
        NotFoundError: there is no such run, or its source or a datastore is not there any more.
        StateError: it has cost as much as it may.
        UsageError: a secret of it is not set in this shell, and not in the store any more.
        ClusterError: the cluster of the run cannot be reached, or is gone.
    """
    record = read_run(store, run)
    if indexes and record.max_cost is not None:
        check_may_go_on(record, runs.run_view(store, run, time.time()).summary.cost)
    _check_source(store, record)
    catalog.check_there(store, record.datastores)
    needs_secrets = _needs_secrets(store, record)
    cluster = _prepare(store, record, progress)
    now = time.time()
    nonce = actions.new_nonce(now)
    if needs_secrets:
        # Before the request: who hears that must find them.
        store.put(layout.sealed(run, record.identity, nonce), recording.seal(record, cluster))
    actions.ask(store, record, RetryRequest(frozenset(indexes), now), now, nonce)


def _needs_secrets(store: Store, record: RunRecord) -> bool:
    """Whether the secrets of a run have to be sealed again: those of one that is over are gone.

    Raises:
        UsageError: they have to be, and one is not set here.
    """
    if not record.secrets:
        return False
    try:
        sealing.values(record.secrets, os.environ)
    except UsageError:
        if runs.run_view(store, record.name, time.time()).summary.state.is_terminal:
            raise
        return False
    return True


def rerun(
    store: Store,
    run: str,
    *,
    name: str | None = None,
    cluster: str | None = None,
    progress: Progress = lambda line: None,
) -> RunRecord:
    """Start a new run from the recorded source, sweep and options of another one.

    Args:
        name: the new run's name; a random one if None.
        cluster: another cluster than that of the old one.

    Raises:
        NotFoundError: there is no such run, or its source or a datastore is not in the store any
            more.
        ExistsError: a run of the new name exists.
        UsageError: a secret of it is not set in this shell, or there is a limit to its cost, which
            cannot be known on the cluster.
        ClusterError: the cluster is gone, cannot be reached, or can never give the resources.
    """
    old = read_run(store, run)
    sealing.values(old.secrets, os.environ)
    points = read_points(store, run)
    new_name = recording.free_name(store, None if name is None else layout.check_run_name(name))
    _check_source(store, old)
    catalog.check_there(store, old.datastores)
    if cluster is None:
        _check_known(old, settings.load())
    opening.check_has_groups(cluster or old.cluster.name, old.placement)
    chosen = opening.open_cluster(cluster or old.cluster.name, settings.load(), store, progress)
    placement, _ = opening.settle(chosen, old.placement, old.resources)
    check_limit(store, chosen.name, chosen.key, old.max_cost, placement)
    if old.secrets:
        sealing.check_token(chosen.token)
    if ensure_controller(chosen, store):
        progress(f"started the controller on cluster {chosen.name}")
    record = replace(_anew(old, new_name, chosen), placement=placement)
    changes = runs.changes(store, run)
    recording.write(store, record, points, recording.attachments(record, chosen, changes))
    return record


def _check_source(store: Store, record: RunRecord) -> None:
    if not store.exists(layout.source(record.source.digest)):
        raise NotFoundError(
            f"the source of the run {record.name!r} is not in {store.url} any more",
            hint="`gridray run` it anew, from its working directory",
        )


def _anew(old: RunRecord, name: str, cluster: Cluster) -> RunRecord:
    return replace(
        old,
        name=name,
        identity=secrets.token_hex(8),
        created_at=round(time.time(), 3),
        cluster=ClusterRecord(cluster.name, cluster.key),
        user=getpass.getuser(),
        versions={"gridray": __version__, "python": platform.python_version()},
        rerun_of=old.name,
    )


def _check_over(run: str, experiment: ExperimentView) -> None:
    if experiment.state is State.SUCCEEDED:
        raise StateError(
            f"the experiment {experiment.name!r} has succeeded; there is nothing to try again",
            hint=f"`gridray rerun {run}` starts all of the run anew",
        )
    if experiment.reason is Reason.HELD:
        raise StateError(
            f"the experiment {experiment.name!r} is held, and has nothing to be tried again yet",
            hint=f"`gridray retry {run} --held` lets all of the run that is held go on",
        )
    if not experiment.state.is_terminal:
        raise StateError(
            f"the experiment {experiment.name!r} is {experiment.state.value}, and cannot be "
            "tried again before it is over",
            hint=f"`gridray stop experiment {experiment.name}` first, or wait for its end",
        )


def _check_known(record: RunRecord, chosen: Settings) -> None:
    """Check that there is a cluster of the name of that of a run.

    Raises:
        ClusterError: it has been deleted, or is another machine's.
    """
    name = record.cluster.name
    if not is_known(name, chosen):
        raise ClusterError(
            f"the cluster {name} that the run {record.name!r} was on is not known here any more",
            hint=f"`gridray rerun {record.name} --cluster NAME` starts all of it anew on another "
            "one; `gridray clusters` lists them",
        )


def _prepare(store: Store, record: RunRecord, progress: Progress) -> Cluster:
    """See to it that the cluster of a run is there, and has a controller; return it."""
    chosen, name = settings.load(), record.cluster.name
    _check_known(record, chosen)
    key = LocalCluster(chosen).key() if is_local(name) else existing(name, chosen).key
    if key != record.cluster.key:
        raise ClusterError(
            f"the cluster {name} that the run {record.name!r} was on is not known here any more",
            hint=f"`gridray rerun {record.name}` starts all of it anew, as a new run",
        )
    cluster = opening.open_cluster(name, chosen, store, progress)
    if ensure_controller(cluster, store):
        progress(f"started the controller on cluster {cluster.name}")
    return cluster
