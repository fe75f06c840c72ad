"""A cluster, as everything else needs it: where it is, and what it is called in the store."""

import hashlib
import re
from dataclasses import dataclass

from gridray.errors import NotFoundError
from gridray.rayjobs import RayJobs
from gridray.raytoken import ambient_token
from gridray.settings import LOCAL, Settings


@dataclass(frozen=True)
class Cluster:
    """A cluster that can be reached at the address of its dashboard."""

    name: str
    key: str
    address: str
    token: str | None

    def jobs(self) -> RayJobs:
        return RayJobs(self.address, self.token)


def is_local(name: str) -> bool:
    return name == LOCAL


def is_known(name: str, settings: Settings) -> bool:
    """Whether a cluster of this name, or with this address, can be asked from here."""
    return is_local(name) or "://" in name or name in (*settings.clusters, *_made(settings))


def existing(name: str, settings: Settings) -> Cluster:
    """Return a cluster by its name in the settings or of those made in AWS, or by its address.

    Raises:
        NotFoundError: neither fits.
        UsageError: the address is none of a dashboard.
    """
    for known, cluster in settings.clusters.items():
        if name in (known, cluster.address):
            return Cluster(known, known, cluster.address, cluster.token or ambient_token())
    made = _made(settings)
    if name in made:
        from gridray.clusters.aws import reach

        return reach.cluster(settings.home, name)
    if "://" not in name:
        names = ", ".join([LOCAL, *settings.clusters, *made])
        raise NotFoundError(
            f"there is no cluster {name!r}; the clusters are: {names}",
            hint="name one of these, or give the address of a dashboard, as http://host:8265",
        )
    RayJobs(name)
    host = re.sub(r"[^a-z0-9]+", "-", name.split("://", 1)[1].lower()).strip("-")
    key = f"{host}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
    return Cluster(name, key, name, ambient_token())


def _made(settings: Settings) -> list[str]:
    from gridray.clusters.aws import made

    return made.names(settings.home)
