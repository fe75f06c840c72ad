"""The local cluster's own life: down in mid-run, up again, and nothing of it left behind."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import gridray
from gridray import settings
from gridray.clusters import bootstrap, local, localstate
from gridray.clusters.bootstrap import ensure_controller
from gridray.clusters.local import LocalCluster
from gridray.errors import ClusterError
from gridray.states import Reason, State
from gridray.store import Store
from tests.cluster.conftest import Submit, wait_for


@pytest.fixture
def own_cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalCluster]:
    home = Path(tempfile.mkdtemp(prefix="gridray-test-"))
    monkeypatch.setenv("GRIDRAY_HOME", str(home))
    cluster = LocalCluster(settings.load())
    yield cluster
    cluster.down()
    shutil.rmtree(home)


SAVES = """
import signal, sys, time
def save(*_):
    open('saved', 'w').write('progress'); print('saved', flush=True); sys.exit(0)
signal.signal(signal.SIGTERM, save)
print('ready', flush=True)
if sys.argv[2] == '2': time.sleep(600)
"""


def test_a_cluster_that_goes_down_in_mid_run_goes_on_when_it_is_up_again(
    own_cluster: LocalCluster, tmp_path: Path
) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "main.py").write_text(SAVES)
    spec = gridray.RunSpec(
        script="main.py", args=("--x", "[1, 2, 3]"), root=tmp_path / "p", max_parallel=1
    )
    run = gridray.submit(spec)
    wait_for(lambda: run.experiments[1].log() == b"ready\n", "the second to be ready")
    identity = own_cluster.key()
    assert identity is not None
    processes = local._processes(identity.removeprefix("local-"))
    ours = str(localstate.directory(settings.home()) / "setup_worker.py")
    assert any(ours in " ".join(process.cmdline()) for process in processes)
    assert own_cluster.down() is True
    assert own_cluster.running() is None and own_cluster.down() is False
    assert local._processes(identity.removeprefix("local-")) == []

    first, second, third = run.status().experiments
    assert first.state is State.SUCCEEDED
    assert (second.state, second.reason) == (State.FAILED, Reason.INTERRUPTED)
    assert not third.state.is_terminal
    assert run.experiments[1].log() == b"ready\nsaved\n"
    assert [each.path for each in run.experiments[1].artifacts()] == ["saved"]

    cluster, started = own_cluster.ensure()
    assert started and cluster.key == identity
    ensure_controller(cluster, Store(settings.load().store))
    view = run.wait(timeout=120)
    assert [each.state for each in view.experiments] == [
        State.SUCCEEDED,
        State.FAILED,
        State.SUCCEEDED,
    ]
    assert view.experiments[0] == first
    state_file = settings.home() / "local" / "cluster.json"
    assert state_file.stat().st_mode & 0o777 == 0o600


def test_a_killed_start_leaves_nothing_that_cannot_be_found(own_cluster: LocalCluster) -> None:
    client = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from gridray import settings; from gridray.clusters.local import LocalCluster\n"
            "LocalCluster(settings.load()).ensure()",
        ]
    )
    wait_for(lambda: own_cluster.key() is not None, "the start")
    identity = str(own_cluster.key()).removeprefix("local-")
    wait_for(lambda: len(local._processes(identity)) > 1, "its processes")
    client.kill()
    client.wait()
    own_cluster.down()
    assert local._processes(identity) == []
    base = Path("/tmp") / f"gridray-{os.getuid()}"
    assert base.stat().st_mode & 0o777 == 0o700


def test_a_store_that_the_cluster_does_not_see_is_refused(
    submit: Submit, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "identify", lambda store: "another")
    monkeypatch.setattr(bootstrap, "_has_other_machines", lambda jobs: True)
    before = store.entries("runs/")
    with pytest.raises(ClusterError, match="does not see the store") as caught:
        submit("pass")
    assert caught.value.hint is not None and "s3://" in caught.value.hint
    assert store.entries("runs/") == before
