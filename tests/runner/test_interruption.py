"""A spot notice, from a metadata service on loopback, to the script's last saved byte."""

import os
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from gridray import exitcodes
from gridray.runner import interruption
from gridray.runner.metadata import metadata_endpoint
from gridray.runner.periodic import Periodically
from gridray.states import Reason, State
from gridray.store import Store
from tests.metadata import MetadataService
from tests.runner.conftest import Start, run_again
from tests.runner.gate import Gate


@pytest.fixture
def metadata(monkeypatch: pytest.MonkeyPatch) -> Iterator[MetadataService]:
    with MetadataService() as service:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", service.endpoint)
        yield service


SAVES = """
import signal, sys, time
def save(*_):
    open('saved', 'w').write('progress'); print('saved', flush=True); sys.exit(0)
signal.signal(signal.SIGTERM, save)
print('ready', flush=True)
time.sleep(300)
"""


def test_a_notice_lets_the_script_save(start: Start, metadata: MetadataService) -> None:
    attempt = start(SAVES)
    attempt.wait_for_log(b"ready")
    metadata.announce(seconds=60)
    state = attempt.wait()
    assert (state.state, state.reason, state.exit_code) == (State.FAILED, Reason.INTERRUPTED, 0)
    assert state.doomed_at is not None and state.ended_at is not None
    assert state.ended_at < state.doomed_at
    moment = time.strftime("%H:%M:%S", time.gmtime(state.doomed_at))
    assert state.message == f"its machine was announced to go at {moment} UTC (spot notice)"
    assert attempt.content("saved") == b"progress"
    assert attempt.log() == b"ready\nsaved\n"


def test_a_script_that_does_not_listen_ends_in_time_for_the_last_sync(
    start: Start, metadata: MetadataService
) -> None:
    attempt = start(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "open('kept', 'w').close(); print('ready', flush=True); time.sleep(300)"
    )
    attempt.wait_for_log(b"ready")
    metadata.announce(seconds=8)
    state = attempt.wait()
    assert (state.reason, state.exit_code) == (Reason.INTERRUPTED, 137)
    assert state.doomed_at is not None and state.ended_at is not None
    assert state.ended_at < state.doomed_at
    assert "kept" in attempt.artifacts()


IGNORES = """
import signal, time
signal.signal(signal.SIGTERM, lambda *_: print('told', flush=True))
open('kept', 'w').close()
print('ready', flush=True)
while True: time.sleep(1)
"""


def test_a_notice_shortens_a_grace_that_has_begun(start: Start, metadata: MetadataService) -> None:
    attempt = start(IGNORES, max_time=1, grace=600)
    attempt.wait_for_log(b"told")
    metadata.announce(seconds=8)
    state = attempt.wait()
    assert (state.reason, state.exit_code) == (Reason.TIMED_OUT, 137)
    assert state.doomed_at is not None and state.ended_at is not None
    assert state.ended_at < state.doomed_at
    assert "kept" in attempt.artifacts()


def test_a_notice_shortens_the_time_of_the_end_actions(
    start: Start, metadata: MetadataService
) -> None:
    endless = "echo begun; sleep 600"
    attempt = start(SAVES, on_experiment_end=(endless, endless))
    attempt.wait_for_log(b"ready")
    attempt.stop(grace=600)
    attempt.wait_for_log(b"begun")
    metadata.announce(seconds=8)
    state = attempt.wait()
    assert state.reason is Reason.STOPPED
    assert state.doomed_at is not None and state.ended_at is not None
    assert state.ended_at < state.doomed_at
    assert attempt.log().count(b"begun") == 1


def test_a_store_that_takes_no_files_does_not_keep_the_last_word_back(
    start: Start, metadata: MetadataService, gate: Gate, s3_store: Store
) -> None:
    attempt = start(SAVES, store=s3_store)
    attempt.wait_for_log(b"ready")
    gate.hold("/artifacts/")
    metadata.announce(seconds=15)
    attempt.wait_for_state(State.FAILED)
    state = attempt.state()
    assert state.doomed_at is not None and time.time() < state.doomed_at
    assert (state.reason, state.exit_code) == (Reason.INTERRUPTED, 0)
    assert state.message is not None and "could be stored" in state.message
    assert attempt.process.wait(timeout=60) == exitcodes.STOPPED
    assert attempt.log() == b"ready\nsaved\n"


def test_a_script_hears_of_a_notice_while_the_store_does_not_answer(
    start: Start, metadata: MetadataService, gate: Gate, s3_store: Store, tmp_path: Path
) -> None:
    saved = tmp_path / "saved"
    attempt = start(
        "import signal, sys, time\n"
        f"signal.signal(signal.SIGTERM, lambda *_: (open({str(saved)!r}, 'w'), sys.exit(0)))\n"
        "print('ready', flush=True); time.sleep(300)",
        store=s3_store,
    )
    attempt.wait_for_log(b"ready")
    gate.hold("/")
    time.sleep(3)
    metadata.announce(seconds=60)
    notice = time.time()
    while not saved.exists():
        assert time.time() < notice + 60
        time.sleep(0.1)
    gate.hold(None)
    assert attempt.wait().reason is Reason.INTERRUPTED


def test_a_notice_while_the_last_files_are_stored_is_told(
    start: Start, metadata: MetadataService, gate: Gate, s3_store: Store
) -> None:
    gate.hold("/artifacts/")
    attempt = start("open('late', 'w').close(); print('done', flush=True)", store=s3_store)
    attempt.wait_for_log(b"done")
    metadata.announce(seconds=10)
    attempt.wait_for_state(State.FAILED)
    state = attempt.state()
    assert (state.reason, state.exit_code) == (Reason.INTERRUPTED, 0)
    assert state.doomed_at is not None and time.time() < state.doomed_at


@pytest.mark.parametrize("part", ["/sources/", "/artifacts/"])
def test_a_notice_while_files_are_fetched_is_told_and_obeyed(
    start: Start, metadata: MetadataService, gate: Gate, s3_store: Store, part: str
) -> None:
    first = start("open('kept', 'w').close()", store=s3_store)
    first.wait()
    for cached in (first.temporary / f"gridray-{os.getuid()}" / "sources").iterdir():
        cached.unlink()
    gate.hold(part)
    second = run_again(first, 1)
    gate.wait_for(part, 2)
    metadata.announce(seconds=40)
    # Its end is waited for while what it asks the store for is still held.
    state = second.wait()
    assert (state.state, state.reason) == (State.FAILED, Reason.INTERRUPTED)
    assert state.started_at is None
    assert state.doomed_at is not None and time.time() < state.doomed_at
    assert list((first.temporary / f"gridray-{os.getuid()}" / "work").iterdir()) == []


def test_a_recommendation_is_heard_once(metadata: MetadataService) -> None:
    heard = threading.Event()
    metadata.recommend_rebalance()
    with interruption.InterruptionWatch(lambda doomed_at: None, heard.set):
        assert heard.wait(30)


def test_what_is_asked_for_is_done_before_its_time() -> None:
    asked, done = threading.Event(), threading.Event()
    with Periodically([3600.0], done.set, asked):
        assert not done.is_set()
        asked.set()
        assert done.wait(30)


def test_the_pauses_grow_and_the_last_one_stays() -> None:
    moments: list[float] = []
    enough = threading.Event()

    def work() -> None:
        moments.append(time.monotonic())
        if len(moments) == 5:
            enough.set()

    with Periodically([0.0, 0.1, 0.3], work):
        assert enough.wait(30)
    pauses = [after - before for before, after in pairwise(moments)]
    assert pauses[0] >= 0.1 and min(pauses[1:]) >= 0.3


def test_where_there_is_no_metadata_service_nobody_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1")
    assert metadata_endpoint() == "http://127.0.0.1:1"
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert metadata_endpoint() is None
