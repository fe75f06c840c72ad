"""The Ray clusters that groups share, and how Ray's own command line reaches them."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gridray import settings
from gridray.clusters.cluster import Cluster
from gridray.clusters.local import LocalCluster
from tests.cluster.autoscaling import AutoscalingCluster, NodeType

if TYPE_CHECKING:
    from bench.frame import Bench

# One for experiments that are interrupted, the other for many at once that do next to nothing.
NODE_TYPES = {"spot": NodeType({"CPU": 2, "GPU": 1}, 2), "large": NodeType({"CPU": 64}, 1)}


@contextmanager
def local() -> Iterator[Cluster]:
    """Have this machine's own cluster, as `gridray run` starts it."""
    with kept_up(LocalCluster(settings.load())) as cluster:
        yield cluster


class PlainCluster(LocalCluster):
    """One that differs in nothing but that Ray's own command starts it."""

    def ray(self) -> list[str]:
        return [sys.executable, "-m", "ray.scripts.scripts"]


@contextmanager
def plain(home: Path) -> Iterator[Cluster]:
    """Have a cluster for those who use Ray alone."""
    with kept_up(PlainCluster(replace(settings.load(), home=home))) as cluster:
        yield cluster


@contextmanager
def kept_up(cluster: LocalCluster) -> Iterator[Cluster]:
    try:
        yield cluster.ensure()[0]
    finally:
        cluster.down()


@contextmanager
def autoscaling(home: Path, *, is_default: bool) -> Iterator[AutoscalingCluster]:
    """Have a cluster whose nodes come and go, which the settings call `auto`."""
    with AutoscalingCluster(NODE_TYPES) as cluster:
        home.mkdir(exist_ok=True)
        default = 'cluster = "auto"\n' if is_default else ""
        (home / "settings.toml").write_text(default + cluster.settings)
        yield cluster


def known_as_auto(cluster: AutoscalingCluster) -> Cluster:
    """Return it as `gridray` knows it."""
    return Cluster("auto", "auto", cluster.address, cluster.token)


def ray_variables(address: str, token: str | None) -> Mapping[str, str]:
    """Return the environment in which Ray's own command line and client reach a cluster."""
    return {
        **os.environ,
        "RAY_ADDRESS": address,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": token or "",
    }


def project(bench: "Bench", script: str) -> Path:
    """Return a new working directory with a script, `main.py`."""
    directory = bench.empty("project")
    (directory / "main.py").write_text(script)
    return directory
