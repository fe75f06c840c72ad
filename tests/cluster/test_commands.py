"""The commands that need a cluster, as processes of their own: output, exit codes, signals."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import gridray
from gridray.cli import reference
from gridray.clusters.cluster import Cluster
from gridray.states import State
from gridray.store import Store
from tests.cli.test_reference import NEED_A_CLUSTER

COMMAND = (sys.executable, "-m", "gridray")
WAITS = """
import os, sys, time
while not os.path.exists(sys.argv[1]): time.sleep(0.05)
"""

Finished = subprocess.CompletedProcess[str]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "exits.py").write_text("import sys; sys.exit(int(sys.argv[1]))")
    (root / "waits.py").write_text(WAITS)
    monkeypatch.chdir(root)
    return root


def finish(*words: str) -> Finished:
    """Run `gridray` with these words to its end."""
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=180)


@pytest.fixture
def go(tmp_path: Path) -> Iterator[Path]:
    """The file that `waits.py` waits for; it is there at the end in any case."""
    path = tmp_path / "go"
    yield path
    path.touch()


def begin_waiting(name: str, go: Path) -> "subprocess.Popen[str]":
    """Start `gridray run --wait`, alone in a foreground, and return when its script runs."""
    client = subprocess.Popen(
        [*COMMAND, "run", "--name", name, "--wait", "waits.py", str(go)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Where the tests run in the background of a shell, Ctrl-C is ignored by whom they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert client.stdout is not None and client.stderr is not None
    assert client.stdout.readline() == f"{name}\n"
    assert any(f"{name}-exp0 running" in line for line in client.stderr)
    return client


def states(name: str) -> list[State]:
    return [each.state for each in gridray.Run(name).status().experiments]


def validated(call: str, result: Finished) -> Any:
    """Return the JSON that a call has printed, if it is what the reference says."""
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.validate(found, reference.schema(call), format_checker=checker)
    return found


def test_output_fits_its_schema(cluster: Cluster) -> None:
    calls: dict[str, Callable[[], Finished]] = {
        "run": lambda: finish("run", "-o", "json", "--name", "shown", "--wait", "exits.py", "[0]"),
        "rerun": lambda: finish("rerun", "-o", "json", "--name", "anew", "--wait", "shown"),
        "view": lambda: finish("view", "shown", "--no-browser", "-o", "json"),
        "clusters up": lambda: finish("clusters", "up", "local", "-o", "json"),
        "clusters": lambda: finish("clusters", "-o", "json"),
        "dashboard": lambda: finish(
            "dashboard", "--cluster", "local", "--no-browser", "-o", "json"
        ),
    }
    assert set(calls) >= NEED_A_CLUSTER
    found = {call: validated(call, run()) for call, run in calls.items()}
    assert found["run"] == {"name": "shown", "experiments": 1, "cluster": "local"}
    assert found["rerun"] == {"name": "anew", "experiments": 1, "cluster": "local"}
    assert found["view"] == {"url": f"{cluster.address}/#/jobs/shown-exp0-a0"}
    assert found["dashboard"] == {"url": f"{cluster.address}/"}
    up = found["clusters up"]
    assert up == {"name": "local", "changed": False, "gone": [], "store": None}
    (local,) = found["clusters"]["clusters"]
    assert (local["state"], local["address"], local["nodes"]) == ("running", cluster.address, 1)
    assert local["cpus"] >= 1


@pytest.mark.parametrize(
    ("arg", "code", "told"),
    [
        ("0", 0, "1 experiment: 1 succeeded"),
        ("7", 1, "error: 1 of 1 experiments of waited did not succeed"),
        ("[0, 7]", 1, "error: 1 of 2 experiments of waited did not succeed"),
    ],
)
def test_a_waiting_run_exits_as_its_experiments_did(
    arg: str, code: int, told: str, store: Store
) -> None:
    result = finish("run", "--name", "waited", "--wait", "exits.py", arg)
    assert (result.returncode, result.stdout) == (code, "waited\n")
    assert told in result.stderr and "Traceback" not in result.stderr
    gridray.Run("waited", store=store).delete()


def test_ctrl_c_ends_the_waiting_and_not_the_run(go: Path) -> None:
    client = begin_waiting("interrupted", go)
    os.killpg(client.pid, signal.SIGINT)
    out, err = client.communicate(timeout=30)
    assert (client.returncode, out) == (130, "")
    assert "interrupted goes on; `gridray stop run interrupted` ends it" in err
    assert "Traceback" not in err
    assert states("interrupted") == [State.RUNNING]
    go.touch()
    gridray.Run("interrupted").wait(timeout=60)
    assert states("interrupted") == [State.SUCCEEDED]


def test_a_killed_client_leaves_its_run_going_on(go: Path) -> None:
    client = begin_waiting("abandoned", go)
    os.killpg(client.pid, signal.SIGKILL)
    client.communicate(timeout=30)
    assert client.returncode == -signal.SIGKILL
    assert states("abandoned") == [State.RUNNING]
    go.touch()
    gridray.Run("abandoned").wait(timeout=60)
    assert states("abandoned") == [State.SUCCEEDED]
