"""A cluster that Gridray has made, as everybody else sees one: with what this machine knows."""

from collections.abc import Callable
from pathlib import Path

from gridray.clusters.aws import clusterfile, made, nodefiles
from gridray.clusters.aws.made import Made
from gridray.clusters.aws.tunnel import Login, TunnelledCluster
from gridray.errors import ClusterError
from gridray.store import Store

KNOWN_HOSTS = "known_hosts"


def cluster(home: Path, name: str) -> TunnelledCluster:
    """Return a cluster that Gridray has made; nothing is opened yet.

    Raises:
        NotFoundError: it has made none of this name.
    """
    what = Made.load(home, name)
    token = made.directory(home, name) / nodefiles.TOKEN
    secret = token.read_text().strip() if token.exists() else None
    return TunnelledCluster(name, secret, _login(home, what))


def login(home: Path, name: str) -> Login:
    """Return how to get into a cluster's head.

    Raises:
        NotFoundError: Gridray has made none of this name.
        ClusterError: it has no head.
    """
    return _login(home, Made.load(home, name))()


def _login(home: Path, what: Made) -> Callable[[], Login]:
    directory = made.directory(home, what.name)

    def found() -> Login:
        if what.head_address is None:
            raise ClusterError(
                f"the cluster {what.name} is not up",
                hint=f"`gridray clusters up {what.name}` starts it",
            )
        key = directory / clusterfile.KEY_FILE
        return Login(what.name, what.head_address, what.user_ssh, key, directory / KNOWN_HOSTS)

    return found


def check_store(home: Path, name: str, store: Store) -> None:
    """Check that a cluster reads the store that this machine writes.

    Raises:
        ClusterError: it was made with another one.
    """
    if name not in made.names(home):
        return
    its = Made.load(home, name).store
    if Store(its).url != store.url:
        raise ClusterError(
            f"the cluster {name} keeps its runs in {its}, and the store here is {store.url}",
            hint=f"`gridray clusters use {name}` takes the cluster's store here, too; "
            f"for one command: GRIDRAY_STORE={its}",
        )
