import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from gridray import layout
from gridray.node.answer import Answer, Word
from gridray.node.head import Bounded, WorkLook
from gridray.store import Store
from gridray.storeidentity import identify
from tests.dashboard import Dashboard
from tests.node.conftest import Watches, wait_until
from tests.s3 import free_ports

KEY = "a-cluster"
MARKER = layout.active_run(KEY, "a-run", "identity")
JOBS = ("GET", "/api/jobs/")


def job(submission_id: str | None, status: str, metadata: dict[str, str] | None = None) -> Any:
    kind = "DRIVER" if submission_id is None else "SUBMISSION"
    return {
        "type": kind,
        "submission_id": submission_id,
        "status": status,
        "metadata": metadata,
    }


@pytest.fixture
def own_store(tmp_path: Path) -> Store:
    store = Store(str(tmp_path / "a store"))
    identify(store)
    return store


@pytest.fixture
def ray(dashboard: Dashboard) -> Dashboard:
    dashboard.answers[JOBS] = (200, [])
    return dashboard


def address(ray: Dashboard) -> str:
    return f"http://127.0.0.1:{ray.server_port}"


def head(store: str, ray: Dashboard, idle: float = 2) -> list[str]:
    words = ["--role=head", f"--idle={idle}", f"--store={store}", f"--cluster={KEY}"]
    return [*words, f"--dashboard={address(ray)}"]


def looked(store: Store, ray: Dashboard) -> Word:
    return WorkLook(store, KEY, address(ray), 10)().word


def test_a_head_ends_once_nothing_is_active(
    own_store: Store, ray: Dashboard, watches: Watches
) -> None:
    own_store.put(MARKER, b"")
    watches.start(*head(own_store.url, ray))
    watches.wait_for("needed: 1 runs are active, as a-run")
    own_store.delete(MARKER)
    watches.wait_for("idle: ")
    own_store.put(MARKER, b"")
    wait_until(lambda: watches.said().count("needed: ") == 2)
    assert not watches.ended.exists()
    own_store.delete(MARKER)
    watches.wait_for_end()


def test_the_runs_of_other_clusters_do_not_count(store: Store, ray: Dashboard) -> None:
    identify(store)
    assert looked(store, ray) is Word.IDLE
    store.put(layout.active_run(f"{KEY}-2", "a-run", "identity"), b"")
    assert looked(store, ray) is Word.IDLE
    store.put(MARKER, b"")
    assert looked(store, ray) is Word.NEEDED


def test_a_store_that_is_not_there_is_not_one_without_runs(
    own_store: Store, ray: Dashboard
) -> None:
    directory = Path(own_store.url)
    shutil.rmtree(directory)
    assert looked(own_store, ray) is Word.UNKNOWN
    directory.mkdir()
    assert looked(own_store, ray) is Word.UNKNOWN


def test_a_store_that_does_not_answer_ends_nothing(
    ray: Dashboard, watches: Watches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_ports(1)[0]}")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    watches.start(*head("s3://bucket/prefix", ray, idle=0.1))
    watches.wait_for("unknown: ")
    assert "idle: " not in watches.said()
    watches.wait_for_end()


@pytest.mark.parametrize(
    ("jobs", "word"),
    [
        ([job("theirs", "RUNNING")], Word.NEEDED),
        ([job("theirs", "PENDING")], Word.NEEDED),
        ([job("theirs", "SUCCEEDED"), job("broken", "FAILED", {})], Word.IDLE),
        ([job(None, "RUNNING")], Word.NEEDED),
        ([job(None, "SUCCEEDED")], Word.IDLE),
        ([job("a-run-exp0-a0", "RUNNING", {"experiment": "a-run-exp0"})], Word.IDLE),
        ([job("gridray-controller-1", "RUNNING", {})], Word.IDLE),
    ],
)
def test_what_others_do_on_ray_counts(
    own_store: Store, ray: Dashboard, jobs: list[Any], word: Word
) -> None:
    ray.answers[JOBS] = (200, jobs)
    assert looked(own_store, ray) is word


def test_a_dashboard_that_says_nothing_ends_nothing(own_store: Store, ray: Dashboard) -> None:
    ray.answers[JOBS] = (500, "broken")
    assert looked(own_store, ray) is Word.UNKNOWN
    ray.answers[JOBS] = (401, "who are you")
    assert looked(own_store, ray) is Word.UNKNOWN


def test_a_look_that_hangs_is_not_waited_for() -> None:
    gate = threading.Event()
    looks = []

    def look() -> Answer:
        looks.append(1)
        gate.wait()
        return Answer(Word.IDLE, "")

    bounded = Bounded(look, 0.05)
    assert [bounded().word for _ in range(3)] == [Word.UNKNOWN] * 3
    assert len(looks) == 1
    gate.set()
    wait_until(lambda: bounded().word is Word.IDLE)


def test_a_look_that_fails_is_followed_by_another() -> None:
    answers = [Answer(Word.IDLE, "")]
    bounded = Bounded(lambda: answers[1], 10)
    with pytest.raises(IndexError):
        bounded()
    answers.append(Answer(Word.NEEDED, ""))
    assert bounded().word is Word.NEEDED
