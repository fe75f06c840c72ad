"""A secret on a real cluster: the script has it, and nothing that Gridray or Ray keeps does."""

import base64
import hashlib
import json
import secrets
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from gridray import layout, settings
from gridray.clusters.cluster import Cluster
from gridray.errors import UsageError
from gridray.records import read_run
from gridray.scratch import private_directory
from gridray.states import Reason, State
from gridray.store import Store
from tests.cluster.conftest import Submit, wait_for

SHOWS_DIGEST = """
import hashlib, os, sys, time
print(hashlib.sha256(os.environ['API_KEY'].encode()).hexdigest(), flush=True)
open('a file', 'w').write('x')
while not os.path.exists(sys.argv[1]): time.sleep(0.1)
"""
# What the dashboard answers, besides what is asked about the job itself.
DASHBOARD = (
    "/api/jobs/",
    "/api/cluster_status",
    "/api/component_activities",
    "/api/v0/jobs?detail=1",
    "/api/v0/actors?detail=1",
    "/api/v0/tasks?detail=1",
    "/api/v0/workers?detail=1",
    "/api/v0/runtime_envs?detail=1",
    "/api/v0/nodes?detail=1",
    "/nodes?view=details",
    "/nodes?view=summary",
    "/logical/actors",
    "/events",
)


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> str:
    """A value that is nowhere by chance, in this shell's variable KEY_OF_MINE."""
    value = f"s3cr3t/{secrets.token_urlsafe(24)}+ü"
    monkeypatch.setenv("KEY_OF_MINE", value)
    return value


def forms(value: str) -> list[bytes]:
    """Return the bytes of a value as they may be found, also within JSON and in base64."""
    data = value.encode()
    # From the second character on, base64 depends on what is before it.
    shifted = [base64.b64encode(data[skip:])[:-4] for skip in range(3)]
    return [data, json.dumps(value)[1:-1].encode(), data.hex().encode(), *shifted]


def digest(value: str) -> bytes:
    return hashlib.sha256(value.encode()).hexdigest().encode()


def ask(cluster: Cluster, path: str) -> bytes:
    headers = {"Authorization": f"Bearer {cluster.token}"}
    request = urllib.request.Request(cluster.address + path, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        return bytes(error.read())


def answers(cluster: Cluster, job: str) -> Iterator[tuple[str, bytes]]:
    """Yield what the dashboard tells about the cluster, the job and its node, logs included."""
    about = json.loads(ask(cluster, f"/api/jobs/{job}"))
    node = about["driver_node_id"]
    logs = json.loads(ask(cluster, f"/api/v0/logs?node_id={node}"))["data"]["result"]
    named = [name for group in logs.values() for name in group]
    paths = [*DASHBOARD, f"/api/jobs/{job}", f"/api/jobs/{job}/logs", f"/nodes/{node}"]
    paths += [f"/api/v0/logs/file?node_id={node}&filename={name}&lines=-1" for name in named]
    for path in paths:
        yield path, ask(cluster, path)


def files(directory: Path) -> Iterator[tuple[str, bytes]]:
    for path in directory.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield str(path), path.read_bytes()


def command_lines() -> Iterator[tuple[str, bytes]]:
    for process in psutil.process_iter():
        try:
            yield f"the command line of {process.pid}", "\0".join(process.cmdline()).encode()
        except psutil.Error:
            continue


def told(run: str) -> Iterator[tuple[str, bytes]]:
    """Yield what our commands print about a run."""
    for words in (
        "status {}",
        "history",
        "why {}",
        "logs {}",
        "-o json status {}",
        "-o json why {}",
    ):
        command = [sys.executable, "-m", "gridray", *words.format(run).split()]
        answer = subprocess.run(command, capture_output=True)
        assert answer.returncode == 0, answer.stderr
        yield words, answer.stdout + answer.stderr


def everywhere(cluster: Cluster, run: str) -> Iterator[tuple[str, bytes]]:
    """Yield all that can be read of a run, each with its name: store, Ray's own, and processes."""
    identity = cluster.key.removeprefix("local-")
    yield from files(settings.home())
    yield from files(private_directory(Path("/tmp")) / f"ray-{identity}")
    yield from answers(cluster, f"{run}-exp0-a0")
    yield from told(run)
    yield from command_lines()


def places(cluster: Cluster, run: str, needles: list[bytes]) -> list[str]:
    """Return where one of the needles is."""
    everything = everywhere(cluster, run)
    return [name for name, data in everything if any(needle in data for needle in needles)]


def holders(value: str) -> set[int]:
    """Return the processes that have a value in their environment."""
    found = set()
    for process in psutil.process_iter():
        try:
            if value in process.environ().values():
                found.add(process.pid)
        except psutil.Error:
            continue
    return found


def sealed(store: Store, run: str) -> list[str]:
    return store.names(layout.sealed_secrets(run, read_run(store, run).identity))


def test_a_secret_is_nowhere_but_in_the_script(
    submit: Submit, cluster: Cluster, store: Store, secret: str, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    run = submit(SHOWS_DIGEST, str(go), name="keeps", secrets={"API_KEY": "KEY_OF_MINE"})
    (experiment,) = run.experiments
    wait_for(lambda: experiment.log() == digest(secret) + b"\n", "the script to show the digest")
    assert sealed(store, "keeps") == ["0.bin"]
    assert places(cluster, "keeps", forms(secret)) == []
    # The same look finds what is there: in the store, in Ray's log, at the dashboard, in ours.
    shown = "\n".join(places(cluster, "keeps", [digest(secret)]))
    assert all(where in shown for where in ("/store/", "job-driver-", "/logs\n", "logs {}"))
    (script,) = holders(secret)
    assert "main.py" in psutil.Process(script).cmdline()[-2]
    go.touch()
    assert run.wait(timeout=60).experiments[0].state is State.SUCCEEDED
    wait_for(lambda: sealed(store, "keeps") == [], "the secrets to be deleted")
    assert places(cluster, "keeps", forms(secret)) == []
    assert holders(secret) == set()


FAILS_AT_FIRST = """
import hashlib, os, sys
print(hashlib.sha256(os.environ['API_KEY'].encode()).hexdigest())
sys.exit(os.environ['GRIDRAY_ATTEMPT'] == '0')
"""


def test_who_retries_or_reruns_gives_the_secrets_again(
    submit: Submit, any_store: Store, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = submit(FAILS_AT_FIRST, secrets={"API_KEY": "KEY_OF_MINE"})
    run.wait(timeout=60)
    wait_for(lambda: sealed(any_store, run.name) == [], "the secrets to be deleted")
    before = any_store.entries("runs/")
    monkeypatch.delenv("KEY_OF_MINE")
    for again in (run.retry, run.rerun):
        with pytest.raises(UsageError, match="KEY_OF_MINE is not set"):
            again()
    assert any_store.entries("runs/") == before
    monkeypatch.setenv("KEY_OF_MINE", "another value")
    run.retry()
    view = run.wait(timeout=60)
    assert view.experiments[0].state is State.SUCCEEDED
    assert run.experiments[0].log().splitlines()[-1] == digest("another value")
    wait_for(lambda: sealed(any_store, run.name) == [], "the secrets to be deleted")
    new = run.rerun()
    assert sealed(any_store, new.name) == ["0.bin"]
    new.wait(timeout=60)
    assert new.experiments[0].log() == digest("another value") + b"\n"
    new.delete()
    assert any_store.entries(layout.run_prefix(new.name)) == []


def test_secrets_that_are_gone_say_so(
    submit: Submit, store: Store, secret: str, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    blocked = submit(
        SHOWS_DIGEST, str(go), "--x", "[1, 2]", secrets={"API_KEY": "KEY_OF_MINE"}, max_parallel=1
    )
    wait_for(lambda: blocked.experiments[0].log() != b"", "the first")
    identity = read_run(store, blocked.name).identity
    store.delete(layout.sealed(blocked.name, identity))
    go.touch()
    first, second = blocked.wait(timeout=60).experiments
    assert first.state is State.SUCCEEDED
    assert (second.state, second.reason) == (State.FAILED, Reason.SECRETS_FAILED)
    assert second.message is not None and "gridray retry" in second.message
    blocked.retry()
    assert blocked.wait(timeout=60).experiments[1].state is State.SUCCEEDED
