"""A cluster and an S3 server that nobody else needs, for tests that break them."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gridray.store import Store
from tests.cluster.autoscaling import AutoscalingCluster, NodeType
from tests.s3 import BUCKET, S3Server

NODE_TYPES = {"spot": NodeType({"CPU": 2, "GPU": 2}, 4, {"ray.io/market-type": "spot"})}


@dataclass(frozen=True)
class Place:
    """Where it happens; `home` is the `GRIDRAY_HOME` that knows the cluster as `auto`."""

    cluster: AutoscalingCluster
    s3: S3Server
    home: Path
    store: Store


@pytest.fixture(scope="session")
def shared_place() -> Iterator[Place]:
    home = Path(tempfile.mkdtemp(prefix="gridray-test-"))
    s3 = S3Server(home / "s3")
    s3.start()
    s3.create_bucket()
    try:
        with AutoscalingCluster(NODE_TYPES, s3.variables) as cluster:
            (home / "settings.toml").write_text(cluster.settings)
            yield Place(cluster, s3, home, Store(f"s3://{BUCKET}/chaos", patient=True))
    finally:
        s3.stop()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def place(shared_place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """The place, as the settings of this test name it."""
    for name, value in shared_place.s3.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GRIDRAY_HOME", str(shared_place.home))
    monkeypatch.setenv("GRIDRAY_STORE", shared_place.store.url)
    return shared_place
