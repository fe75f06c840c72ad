"""Logs are read whole, from their end, and while they grow."""

import threading
import time
from pathlib import Path

import pytest

from gridray import layout
from gridray.layout import AttemptName
from gridray.readers import logs
from gridray.records import AttemptState, Row, RunStatus
from gridray.runner.log import LogWriter
from gridray.states import State
from gridray.store import Store
from tests.builders import add_run

NAME = AttemptName("run", 0, 0)


@pytest.fixture
def written(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """A log of many chunks; the last line has no end."""
    monkeypatch.setattr("gridray.runner.log.CHUNK_SIZE", 500)
    monkeypatch.setattr("gridray.runner.log.FLUSH_INTERVAL", 0.001)
    add_run(store, "run", [Row(State.RUNNING)])
    lines = [b"line %d\n" % number for number in range(200)] + [b"the end"]
    writer = LogWriter(store, NAME, "stdout")
    for line in lines:
        half = len(line) // 2
        writer.write(line[:half])
        time.sleep(0.0005)
        writer.write(line[half:])
    writer.close()
    return lines


def test_all_lines(store: Store, written: list[bytes]) -> None:
    assert len(store.entries(layout.log(NAME, "stdout"))) > 5
    found = list(logs.read(store, NAME))
    assert [line.content for line in found] == written
    assert b"".join(logs.raw(store, NAME)) == b"".join(written)
    assert found[0].text == "line 0" and found[0].time.endswith("Z")
    assert [line.time for line in found] == sorted(line.time for line in found)


@pytest.mark.parametrize("count", [0, 1, 2, 50, 200, 201, 1000])
def test_the_last_lines(store: Store, written: list[bytes], count: int) -> None:
    expected = written[-count:] if count else []
    assert [line.content for line in logs.tail(store, NAME, count)] == expected


def test_following_sees_each_line_once_and_ends_with_the_experiment(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    add_run(store, "run", [Row(State.RUNNING)])

    def script() -> None:
        writer = LogWriter(store, NAME, "stdout")
        for number in range(30):
            writer.write(b"line %d\n" % number)
            time.sleep(0.1)
        writer.close()
        store.put_json(layout.attempt_state(NAME), AttemptState(State.SUCCEEDED).to_json())

    thread = threading.Thread(target=script)
    thread.start()
    found = [line.text for line in logs.follow(store, "run", 0)]
    thread.join()
    assert found == [f"line {number}" for number in range(30)]


@pytest.mark.parametrize("count", [0, 1, 3, 500])
def test_following_from_the_last_lines(store: Store, written: list[bytes], count: int) -> None:
    store.put_json(layout.attempt_state(NAME), AttemptState(State.SUCCEEDED).to_json())
    found = [line.content for line in logs.follow(store, "run", 0, last=count)]
    assert found == (written[-count:] if count else [])


def test_following_what_never_wrote_ends(store: Store) -> None:
    add_run(store, "run", [Row(State.CANCELLED)])
    assert list(logs.follow(store, "run", 0)) == []


def test_the_latest_attempt_with_a_log_is_read(store: Store) -> None:
    add_run(store, "run", [Row(State.QUEUED, attempt=2)])
    for attempt in range(2):
        writer = LogWriter(store, AttemptName("run", 0, attempt), "stdout")
        writer.write(b"%d" % attempt)
        writer.close()
    assert logs.attempt_of(store, "run", 0) == AttemptName("run", 0, 1)
    store.put_json(layout.status("run"), RunStatus(0, (Row(attempt=0),)).to_json())
    assert logs.attempt_of(store, "run", 0) == AttemptName("run", 0, 0)
