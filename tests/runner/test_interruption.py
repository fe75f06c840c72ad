"""A spot notice, from a metadata service on loopback, to the script's last saved byte."""

import time
from collections.abc import Iterator

import pytest

from gridray.runner import interruption
from gridray.states import Reason, State
from tests.metadata import MetadataService
from tests.runner.conftest import Start


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
open('early', 'w').close()
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


def test_a_recommendation_brings_the_next_sync_forward(
    start: Start, metadata: MetadataService
) -> None:
    attempt = start(SAVES)
    attempt.wait_for_log(b"ready")
    assert attempt.artifacts() == {}
    metadata.recommend_rebalance()
    deadline = time.monotonic() + 20
    while "early" not in attempt.artifacts():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert attempt.state().state is State.RUNNING


def test_where_there_is_no_metadata_service_nobody_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1")
    assert interruption.metadata_endpoint() == "http://127.0.0.1:1"
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert interruption.metadata_endpoint() is None
