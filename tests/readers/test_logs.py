"""Logs are read whole, from their end, and while they grow."""

import threading
import time
from itertools import chain
from pathlib import Path

import pytest

from gridray import layout
from gridray.errors import StoreError
from gridray.layout import AttemptName
from gridray.readers import logs
from gridray.records import AttemptState, Row, RunStatus
from gridray.runner.log import LogWriter
from gridray.states import Reason, State
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
    found = list(chain.from_iterable(logs.read(store, NAME)))
    assert [line.content for line in found] == written
    assert b"".join(logs.raw(store, NAME)) == b"".join(written)
    assert found[0].text == "line 0" and found[0].time.endswith("Z")
    assert [line.time for line in found] == sorted(line.time for line in found)


@pytest.mark.parametrize("piece", [1, 100, logs.PIECE])
@pytest.mark.parametrize("count", [0, 1, 2, 50, 200, 201, 1000])
def test_the_last_lines(
    store: Store, written: list[bytes], count: int, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "PIECE", piece)
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


def write(store: Store, attempt: int, data: bytes) -> None:
    writer = LogWriter(store, AttemptName("run", 0, attempt), "stdout")
    writer.write(data)
    writer.close()


def become(store: Store, row: Row) -> None:
    store.put_json(layout.status("run"), RunStatus(0, (row,)).to_json())


def say(store: Store, attempt: int, state: AttemptState) -> None:
    store.put_json(layout.attempt_state(AttemptName("run", 0, attempt)), state.to_json())


def told(look: logs.Look) -> list[tuple[int, bool, Reason | None, list[str]]]:
    return [
        (part.attempt, part.begins, part.reason, [line.text for line in part.lines])
        for part in look.parts
    ]


def test_following_goes_on_with_the_next_attempt(store: Store) -> None:
    add_run(store, "run", [Row(State.RUNNING)], auto_resume=True)
    follower = logs.Follower(store, "run", 0)
    assert follower.look() == logs.Look((), is_over=False)
    write(store, 0, b"a\nb")
    assert told(follower.look()) == [(0, False, None, ["a"])]
    become(store, Row(State.QUEUED, Reason.NODE_LOST, attempt=1))
    assert told(follower.look()) == [(0, False, None, ["b"])]
    become(store, Row(State.PENDING, Reason.NODE_LOST, attempt=1))
    assert told(follower.look()) == [(0, False, None, [])]
    become(store, Row(State.BUILDING, attempt=1))
    assert told(follower.look()) == [(0, False, None, []), (1, True, Reason.NODE_LOST, [])]
    write(store, 1, b"c\n")
    become(store, Row(State.RUNNING, attempt=1))
    assert told(follower.look()) == [(1, False, None, ["c"])]
    say(store, 1, AttemptState(State.SUCCEEDED))
    look = follower.look()
    assert told(look) == [(1, False, None, [])] and look.is_over


def test_attempts_that_came_and_went_between_two_looks_are_followed_too(store: Store) -> None:
    add_run(store, "run", [Row(State.RUNNING)], auto_resume=True)
    write(store, 0, b"a\n")
    follower = logs.Follower(store, "run", 0)
    follower.look()
    say(store, 0, AttemptState(State.FAILED, Reason.INTERRUPTED))
    write(store, 1, b"b")
    say(store, 1, AttemptState(State.FAILED, Reason.EXIT_CODE, 3))
    # Attempt 2 was fenced off before it began.
    write(store, 3, b"c\n")
    become(store, Row(State.SUCCEEDED, attempt=3, started_at=1.0))
    assert told(follower.look()) == [
        (0, False, None, []),
        (1, True, Reason.INTERRUPTED, ["b"]),
        (3, True, None, ["c"]),
    ]


def test_an_attempt_that_never_began_is_not_said_to_begin(store: Store) -> None:
    add_run(store, "run", [Row(State.RUNNING)])
    write(store, 0, b"a\n")
    become(store, Row(State.CANCELLED, Reason.STOPPED, attempt=1))
    look = logs.Follower(store, "run", 0).look()
    assert told(look) == [(0, False, None, ["a"])] and look.is_over


def test_a_look_that_fails_can_be_repeated(store: Store) -> None:
    add_run(store, "run", [Row(State.RUNNING)])
    write(store, 0, b"a\nb")
    follower = logs.Follower(store, "run", 0, last=1)
    status = store.get(layout.status("run"))
    store.put(layout.status("run"), b"no JSON")
    with pytest.raises(StoreError):
        follower.look()
    store.put(layout.status("run"), status)
    assert told(follower.look()) == [(0, False, None, ["a"])]
    store.put(layout.status("run"), b"no JSON")
    with pytest.raises(StoreError):
        follower.look()
    become(store, Row(State.SUCCEEDED))
    assert told(follower.look()) == [(0, False, None, ["b"])]


def test_an_attempt_begins_since_the_controller_knew_how_the_one_before_ended(
    store: Store,
) -> None:
    add_run(store, "run", [Row(State.RUNNING)])
    write(store, 0, b"a\n")
    say(store, 0, AttemptState(State.RUNNING))
    follower = logs.Follower(store, "run", 0)
    follower.look()
    word = AttemptState(State.FAILED, Reason.RUNNER_LOST)
    store.put_json(layout.attempt_ending(AttemptName("run", 0, 0)), word.to_json())
    become(store, Row(State.RUNNING, attempt=1))
    assert told(follower.look())[1] == (1, True, Reason.RUNNER_LOST, [])


def test_a_held_experiment_does_not_say_that_the_attempt_before_was_held(store: Store) -> None:
    add_run(store, "run", [Row(State.QUEUED, Reason.HELD, attempt=1)])
    write(store, 0, b"a\n")
    say(store, 0, AttemptState(State.FAILED, Reason.INTERRUPTED))
    follower = logs.Follower(store, "run", 0)
    follower.look()
    become(store, Row(State.RUNNING, attempt=1))
    assert told(follower.look())[1] == (1, True, Reason.INTERRUPTED, [])


@pytest.mark.parametrize(
    ("row", "expected"),
    [(Row(), 0), (Row(attempt=2), 2), (Row(State.PENDING), 1), (Row(State.FAILED, attempt=2), 3)],
)
def test_the_attempts_that_there_are(store: Store, row: Row, expected: int) -> None:
    add_run(store, "run", [row])
    assert logs.attempts(store, "run", 0) == range(expected)
