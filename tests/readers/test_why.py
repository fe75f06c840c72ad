"""What the store knows of why an experiment is where it is."""

from dataclasses import replace
from typing import Any

import pytest

from gridray import layout
from gridray.errors import NotFoundError
from gridray.layout import AttemptName
from gridray.logformat import Encoder
from gridray.readers.why import LOG_LINES, NO_LAST_WORD, AttemptView, Wait, why
from gridray.records import AttemptState, Row
from gridray.states import Reason, State
from gridray.store import Store
from tests.builders import add_run

NOW = 100.0
QUEUED = Row(queued_at=10.0)
PENDING = Row(State.PENDING, queued_at=10.0, submitted_at=11.0)
RUNNING = Row(State.RUNNING, queued_at=10.0, submitted_at=11.0, started_at=20.0)
SUCCEEDED = Row(State.SUCCEEDED, None, 0, 0, 10.0, 11.0, 20.0, 50.0)
FAILED = Row(State.FAILED, Reason.EXIT_CODE, 0, 3, 10.0, 11.0, 20.0, 50.0)
HELD = replace(QUEUED, reason=Reason.HELD)


def say(store: Store, index: int, attempt: int, **fields: Any) -> None:
    """Let a runner of the run `run` say something."""
    state = AttemptState(**fields)
    store.put_json(layout.attempt_state(AttemptName("run", index, attempt)), state.to_json())


def write_log(store: Store, name: AttemptName, stream: str, lines: int) -> None:
    encoder = Encoder(stream)
    data = b"".join(b"line %d\n" % number for number in range(lines))
    stored = encoder.feed(data, NOW) + encoder.flush(NOW)
    store.put(layout.log_chunk(name, stream, 0), stored)


@pytest.mark.parametrize(
    ("rows", "index", "expected"),
    [
        ([RUNNING, QUEUED, FAILED, FAILED], None, 2),
        ([RUNNING, SUCCEEDED, QUEUED, PENDING], None, 3),
        ([SUCCEEDED, RUNNING], None, 1),
        ([SUCCEEDED, SUCCEEDED], None, 0),
        ([FAILED, SUCCEEDED], 1, 1),
    ],
)
def test_which_experiment_of_a_run_it_is_about(
    store: Store, rows: list[Row], index: int | None, expected: int
) -> None:
    add_run(store, "run", rows)
    assert why(store, "run", index, NOW).experiment.index == expected


@pytest.mark.parametrize(
    ("row", "limit", "wait"),
    [
        (QUEUED, None, Wait.PLACE),
        (PENDING, 2, Wait.PLACE),
        (QUEUED, 2, Wait.PLACE),
        (QUEUED, 1, Wait.MAX_PARALLEL),
        (HELD, 1, Wait.HOLD),
        (replace(QUEUED, attempt=1, not_before=NOW + 30), None, Wait.BACK_OFF),
        (replace(QUEUED, attempt=1, not_before=NOW - 1), None, Wait.PLACE),
        (RUNNING, None, None),
        (FAILED, None, None),
    ],
)
def test_what_keeps_an_experiment(
    store: Store, row: Row, limit: int | None, wait: Wait | None
) -> None:
    add_run(store, "run", [RUNNING, row], max_parallel=limit, hold_after=None)
    assert why(store, "run", 1, NOW).wait is wait


def test_who_is_before_it_in_the_queue(store: Store) -> None:
    later = replace(QUEUED, attempt=1, not_before=NOW + 30)
    add_run(store, "run", [SUCCEEDED, QUEUED, HELD, later, PENDING, QUEUED, QUEUED, QUEUED])
    for run in ("run", "other"):
        store.put(layout.active_run("local-1", run, "identity"), b"")
    found = why(store, "run", 6, NOW)
    assert (found.ahead, found.active, found.other_runs) == (3, 1, 1)


def test_the_attempts_and_how_each_ended(store: Store) -> None:
    lost = Row(State.FAILED, Reason.NODE_LOST, 2, None, 10.0, 11.0, 60.0, 70.0)
    add_run(store, "run", [lost])
    failed = {"state": State.FAILED, "reason": Reason.OUT_OF_MEMORY, "exit_code": 137}
    say(store, 0, 0, **failed, started_at=20.0, ended_at=30.0, peak_memory=4 * 10**9, host="a")
    say(store, 0, 1, state=State.RUNNING, started_at=40.0, host="b")
    say(store, 0, 2, state=State.RUNNING, started_at=60.0, host="c")
    first, second, third = why(store, "run", 0, NOW).attempts
    assert (first.reason, first.exit_code, first.host) == (Reason.OUT_OF_MEMORY, 137, "a")
    assert first.peak_memory == 4 * 10**9
    assert (second.state, second.reason, second.message) == (State.FAILED, None, NO_LAST_WORD)
    assert (third.state, third.reason) == (State.FAILED, Reason.NODE_LOST)
    assert third.ended_at is not None and third.ended_at.timestamp() == 70.0


def test_why_the_attempt_before_ended_while_the_next_one_waits(store: Store) -> None:
    add_run(store, "run", [replace(QUEUED, attempt=1, reason=Reason.NODE_LOST)])
    say(store, 0, 0, state=State.RUNNING, started_at=20.0)
    (attempt,) = why(store, "run", 0, NOW).attempts
    assert isinstance(attempt, AttemptView)
    assert (attempt.state, attempt.reason) == (State.FAILED, Reason.NODE_LOST)


def test_the_last_lines_of_the_log(store: Store) -> None:
    unbuilt = replace(FAILED, reason=Reason.BUILD_FAILED, started_at=None)
    add_run(store, "run", [FAILED, unbuilt, QUEUED])
    write_log(store, AttemptName("run", 0, 0), "stdout", 50)
    write_log(store, AttemptName("run", 1, 0), "stdout", 3)
    write_log(store, AttemptName("run", 1, 0), "build", 2)
    ran = why(store, "run", 0, NOW)
    assert [line.text for line in ran.log] == [f"line {n}" for n in range(50 - LOG_LINES, 50)]
    never_ran = why(store, "run", 1, NOW)
    assert (never_ran.stream, len(never_ran.log)) == ("build", 2)
    assert why(store, "run", 2, NOW).log == ()


def test_what_is_not_there(store: Store) -> None:
    with pytest.raises(NotFoundError, match="'run'"):
        why(store, "run", None, NOW)
    add_run(store, "run", [FAILED])
    store.put(layout.deletion("run", 0), b"")
    with pytest.raises(NotFoundError, match="run-exp0"):
        why(store, "run", 0, NOW)
    with pytest.raises(NotFoundError, match="deleted"):
        why(store, "run", None, NOW)


def test_attempts_of_which_only_the_controller_knew(store: Store) -> None:
    add_run(store, "run", [replace(RUNNING, attempt=3)])
    say(store, 0, 0, state=State.RUNNING, started_at=20.0, host="node-1")
    word = AttemptState(State.FAILED, Reason.RUNNER_LOST, started_at=20.0, ended_at=30.0)
    store.put_json(layout.attempt_ending(AttemptName("run", 0, 0)), word.to_json())
    word = AttemptState(State.FAILED, Reason.START_TIMEOUT, ended_at=40.0)
    store.put_json(layout.attempt_ending(AttemptName("run", 0, 1)), word.to_json())
    say(store, 0, 2, state=State.RUNNING, started_at=50.0)
    first, second, third = why(store, "run", 0, NOW).attempts
    assert (first.number, first.reason, first.host) == (0, Reason.RUNNER_LOST, "node-1")
    assert first.ended_at is not None and first.ended_at.timestamp() == 30.0
    assert (second.number, second.reason, second.started_at) == (1, Reason.START_TIMEOUT, None)
    assert (third.number, third.reason, third.message) == (2, None, NO_LAST_WORD)


def test_the_log_is_that_of_an_attempt(store: Store) -> None:
    add_run(store, "run", [replace(RUNNING, attempt=1), QUEUED])
    write_log(store, AttemptName("run", 0, 0), "stdout", 2)
    assert why(store, "run", 0, NOW).log_attempt == 0
    assert why(store, "run", 1, NOW).log_attempt is None


@pytest.mark.parametrize(("index", "ahead"), [(0, 0), (2, 1), (4, 2), (5, 3)])
def test_what_is_submitted_gets_its_place_first(store: Store, index: int, ahead: int) -> None:
    held = replace(PENDING, reason=Reason.HELD)
    add_run(store, "run", [PENDING, RUNNING, PENDING, held, QUEUED, QUEUED])
    assert why(store, "run", index, NOW).ahead == ahead
