"""Where the Ray dashboard shows an experiment."""

import os
import time
import webbrowser

from gridray import settings
from gridray.cli import settingshapes
from gridray.cli.output import Output
from gridray.clusters.aws import made, nodefiles
from gridray.clusters.cluster import Cluster, existing, is_local
from gridray.clusters.local import LocalCluster
from gridray.errors import ClusterError, StateError
from gridray.layout import AttemptName, ExperimentName
from gridray.readers import runs
from gridray.records import read_run
from gridray.settings import Settings
from gridray.states import State
from gridray.store import Store

# How often it is looked whether a tunnel still leads somewhere (s).
LOOK_INTERVAL = 1.0


def find(out: Output, store: Store, name: ExperimentName) -> settingshapes.Link:
    """Return the address of the job of an experiment's latest attempt.

    Raises:
        NotFoundError: there is no such experiment.
        StateError: it has no job yet, or the cluster has forgotten it.
        ClusterError: the cluster cannot be reached.
    """
    record = read_run(store, name.run)
    view = runs.experiment_view(store, name.run, name.index, time.time())
    known = settings.load()
    cluster = _cluster(record.cluster.name, known)
    job = str(AttemptName(name.run, name.index, view.attempt))
    if cluster.jobs().job(job) is None:
        if view.state is State.QUEUED:
            raise StateError(f"{name} is queued: Ray has no job for it yet")
        raise StateError(
            f"the cluster {cluster.name} knows no job {job} any more: it was started anew since",
            hint=f"`gridray logs {name}` and `gridray artifacts {name}` still have everything",
        )
    _tell_token(out, cluster, known)
    return settingshapes.Link(f"{cluster.address}/#/jobs/{job}")


def of_cluster(out: Output, name: str | None) -> settingshapes.Link:
    """Return the address of a cluster's dashboard, by default of the one that runs go to.

    Raises:
        NotFoundError: there is no such cluster.
        ClusterError: it cannot be reached.
    """
    known = settings.load()
    cluster = _cluster(name or known.cluster, known)
    cluster.jobs().version()
    _tell_token(out, cluster, known)
    return settingshapes.Link(f"{cluster.address}/")


def hold(out: Output, link: settingshapes.Link) -> None:
    """Keep a tunnel that leads to an address open until Ctrl-C; return if there is none."""
    from gridray.clusters.aws import tunnel

    if not tunnel.leads_to(link.url):
        return
    out.flush()
    out.note("Ctrl-C closes the tunnel to it")
    try:
        while tunnel.leads_to(link.url):
            time.sleep(LOOK_INTERVAL)
    except KeyboardInterrupt:
        return
    raise ClusterError("the tunnel to the head has broken", hint="do it again")


def show(out: Output, link: settingshapes.Link) -> None:
    out.line(link.url)


def open_browser(link: settingshapes.Link, *, wanted: bool) -> None:
    if wanted:
        webbrowser.open(link.url)


def _cluster(name: str, known: Settings) -> Cluster:
    if not is_local(name):
        return existing(name, known)
    running = LocalCluster(known).running()
    if running is None:
        raise ClusterError(
            "the local cluster is not running, and its dashboard neither",
            hint="`gridray status`, `gridray logs` and `gridray artifacts` work without it",
        )
    return running


def _tell_token(out: Output, cluster: Cluster, known: Settings) -> None:
    if cluster.token:
        out.note(f"the dashboard asks for a token: it is in {_token_place(cluster, known)}")


def _token_place(cluster: Cluster, known: Settings) -> str:
    if is_local(cluster.name):
        return f"{known.home / 'local' / 'cluster.json'}, as `token`"
    if cluster.name in made.names(known.home):
        return f"{made.directory(known.home, cluster.name) / nodefiles.TOKEN}"
    named = known.clusters.get(cluster.name)
    if named and named.token:
        return f"{known.home / 'settings.toml'}"
    if "RAY_AUTH_TOKEN" in os.environ:
        return "the environment variable RAY_AUTH_TOKEN"
    return os.environ.get("RAY_AUTH_TOKEN_PATH", "~/.ray/auth_token")
