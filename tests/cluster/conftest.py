"""One local Ray cluster for all tests here, with a store of each kind."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import gridray
from gridray import settings
from gridray.clusters.cluster import Cluster
from gridray.clusters.local import LocalCluster
from gridray.store import Store
from tests.s3 import BUCKET, S3Server


@pytest.fixture(scope="session")
def cluster_home(s3_server: S3Server) -> Iterator[Path]:
    """A `GRIDRAY_HOME` whose cluster is up, and was started with what the S3 server needs."""
    home = Path(tempfile.mkdtemp(prefix="gridray-test-"))
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("GRIDRAY_", "AWS_", "RAY_")):
                patch.delenv(name)
        for name, value in s3_server.variables.items():
            patch.setenv(name, value)
        patch.setenv("GRIDRAY_HOME", str(home))
        local = LocalCluster(settings.load())
        local.ensure()
    yield home
    local.down()
    shutil.rmtree(home)


@pytest.fixture
def cluster(cluster_home: Path, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """The cluster, as the settings of this test name it."""
    monkeypatch.setenv("GRIDRAY_HOME", str(cluster_home))
    for name, value in s3_server.variables.items():
        monkeypatch.setenv(name, value)
    found = LocalCluster(settings.load()).running()
    assert found is not None
    return found


@pytest.fixture(params=["directory", "s3"])
def any_store(
    request: pytest.FixtureRequest, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> Store:
    """The cluster's store of each kind; the same one for all tests."""
    if request.param == "s3":
        monkeypatch.setenv("GRIDRAY_STORE", f"s3://{BUCKET}/cluster")
    return Store(settings.load().store)


@pytest.fixture
def store(cluster: Cluster) -> Store:
    """The cluster's store in a directory."""
    return Store(settings.load().store)


Submit = Callable[..., gridray.Run]


@pytest.fixture
def submit(tmp_path: Path, cluster: Cluster) -> Submit:
    """Submit a script: `submit("print(1)", "--lr", "[1, 2]", max_parallel=1)`."""

    def begin(text: str, *args: str, **options: object) -> gridray.Run:
        project = Path(tempfile.mkdtemp(dir=tmp_path))
        (project / "main.py").write_text(text)
        spec = gridray.RunSpec(script="main.py", args=args, root=project, **options)  # type: ignore[arg-type]
        return gridray.submit(spec)

    return begin


def wait_for(condition: Callable[[], bool], what: str, timeout: float = 120) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout} s for {what}"
        time.sleep(0.1)
