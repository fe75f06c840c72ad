"""Spot nodes: raylets beside the head's, each with a metadata service of its own."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import gridray
from gridray import settings
from gridray.clusters.cluster import Cluster
from gridray.clusters.local import TAG, LocalCluster
from gridray.states import State
from gridray.store import Store
from tests.cluster.conftest import wait_for
from tests.metadata import MetadataService

# All in one file: of a node that is killed, two files may have been stored at two moments.
COUNTS = """
import os, signal, sys, time
def save(*_):
    print('saved', n, flush=True); sys.exit(0)
signal.signal(signal.SIGTERM, save)
done = open('steps').read() if os.path.exists('steps') else ''
n = done.count('\\n')
print('node', os.environ['SPOT_NODE'], 'from', n, flush=True)
while n < 250:
    n += 1
    done += f'{n}\\n'
    open('new', 'w').write(done); os.replace('new', 'steps')
    time.sleep(0.1)
"""


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="gridray-test-"))
    monkeypatch.setenv("GRIDRAY_HOME", str(path))
    yield path
    LocalCluster(settings.load()).down()
    shutil.rmtree(path)


@pytest.fixture
def cluster(home: Path) -> Cluster:
    return LocalCluster(settings.load()).ensure()[0]


def add_node(cluster: Cluster, name: str, **variables: str) -> None:
    """Start a raylet with one GPU, which is only counted."""
    assert cluster.token is not None
    environment = {
        **os.environ,
        TAG: cluster.key.removeprefix("local-"),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": cluster.token,
        "SPOT_NODE": name,
        **variables,
    }
    (gcs,) = [
        process
        for process in psutil.process_iter(["name"])
        if process.info["name"] == "gcs_server" and process.environ().get(TAG) == environment[TAG]
    ]
    words = {word.split("=")[0]: word.split("=")[-1] for word in gcs.cmdline()}
    address = f"{words['--node-ip-address']}:{_gcs_port(gcs)}"
    command = ["start", f"--address={address}", "--num-cpus=1", "--num-gpus=1"]
    subprocess.run(
        [sys.executable, "-m", "ray.scripts.scripts", *command],
        env=environment,
        check=True,
        capture_output=True,
    )


def _gcs_port(gcs: psutil.Process) -> int:
    words = gcs.cmdline()
    for word in words:
        if word.startswith("--gcs_server_port="):
            port = int(word.split("=")[1])
            if port:
                return port
    return max(
        connection.laddr.port
        for connection in gcs.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    )


def test_a_spot_notice_moves_the_experiment_to_another_node(
    cluster: Cluster, tmp_path: Path
) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "main.py").write_text(COUNTS)
    with MetadataService() as doomed, MetadataService() as safe:
        add_node(cluster, "doomed", AWS_EC2_METADATA_SERVICE_ENDPOINT=doomed.endpoint)
        run = gridray.submit(
            gridray.RunSpec(script="main.py", root=tmp_path / "p", gpus=1, auto_resume=True)
        )
        (experiment,) = run.experiments
        wait_for(lambda: experiment.log() == b"node doomed from 0\n", "the first attempt")
        add_node(cluster, "safe", AWS_EC2_METADATA_SERVICE_ENDPOINT=safe.endpoint)
        doomed.announce(seconds=100)
        (view,) = run.wait(timeout=120).experiments
    assert (view.state, view.attempt) == (State.SUCCEEDED, 1), view
    assert experiment.log().startswith(b"node safe from ")
    assert b"from 0" not in experiment.log()
    (steps,) = experiment.artifacts("^steps$")
    store = Store(settings.load().store)
    assert store.get(steps.key) == b"".join(b"%d\n" % n for n in range(1, 251))


def test_a_killed_node_costs_an_attempt_and_not_the_experiment(
    cluster: Cluster, tmp_path: Path
) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "main.py").write_text(COUNTS)
    add_node(cluster, "killed")
    run = gridray.submit(
        gridray.RunSpec(script="main.py", root=tmp_path / "p", gpus=1, auto_resume=True)
    )
    (experiment,) = run.experiments
    wait_for(lambda: experiment.log() == b"node killed from 0\n", "the first attempt")
    for process in psutil.process_iter(["name"]):
        if process.info["name"] == "raylet" and process.environ().get("SPOT_NODE") == "killed":
            process.send_signal(signal.SIGKILL)
    add_node(cluster, "next")
    (view,) = run.wait(timeout=180).experiments
    assert (view.state, view.attempt) == (State.SUCCEEDED, 1), view
    assert experiment.log().startswith(b"node next from ")
    (steps,) = experiment.artifacts("^steps$")
    store = Store(settings.load().store)
    assert store.get(steps.key) == b"".join(b"%d\n" % n for n in range(1, 251))
