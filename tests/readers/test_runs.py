"""Where runs are: what the controller wrote, with the runners' newer words on top."""

import time

import pytest

from gridray import actions, layout
from gridray.errors import DamagedError, NotFoundError, StateError
from gridray.layout import AttemptName
from gridray.readers import runs
from gridray.records import AttemptState, Point, Row, write_points
from gridray.states import Reason, State
from gridray.store import Store
from tests.builders import add_run, run_record

ROWS = [
    Row(State.SUCCEEDED, exit_code=0, queued_at=10.0, started_at=20.0, ended_at=50.0),
    Row(State.FAILED, Reason.EXIT_CODE, 1, 3, 10.0, 11.0, 20.5, 21.0),
    Row(State.RUNNING, queued_at=10.0, started_at=60.0),
    Row(State.PENDING, queued_at=10.0),
    Row(State.QUEUED, queued_at=10.0),
    Row(State.CANCELLED, Reason.STOPPED, queued_at=10.0, ended_at=15.0),
]


def test_a_run_and_its_experiments(store: Store) -> None:
    points = [Point({"lr": str(index)}, ("--lr", str(index))) for index in range(6)]
    add_run(store, "run", ROWS, points=points, created_at=10.0, script="train.py")
    view = runs.run_view(store, "run", now=100.0)
    assert view.summary.state is State.RUNNING and view.summary.duration_seconds == 90.0
    counts = view.summary
    assert (counts.queued, counts.pending, counts.running) == (1, 1, 1)
    assert (counts.succeeded, counts.failed, counts.cancelled) == (1, 1, 1)
    first, second, third, *_ = view.experiments
    assert first.command == ("python", "train.py", "--lr", "0") and first.params == {"lr": "0"}
    assert (first.queued_seconds, first.run_seconds) == (10.0, 30.0)
    assert (third.queued_seconds, third.run_seconds) == (50.0, 40.0)
    assert (second.attempt, second.exit_code, second.explanation) == (1, 3, "exit code 3")
    assert first.started_at is not None and first.started_at.timestamp() == 20.0


def test_a_run_that_no_controller_has_seen_is_queued(store: Store) -> None:
    record = run_record("run", 3)
    write_points(store, "run", [Point({}, ())] * 3)
    store.put_json(layout.run_record("run"), record.to_json())
    view = runs.run_view(store, "run", time.time())
    assert [each.state for each in view.experiments] == [State.QUEUED] * 3


def test_the_runners_newer_word_counts(store: Store) -> None:
    add_run(store, "run", ROWS)
    last = AttemptState(State.FAILED, Reason.SIGNAL, 137, 60.0, 70.0)
    store.put_json(layout.attempt_state(AttemptName("run", 2, 0)), last.to_json())
    third = runs.experiment_view(store, "run", 2, 100.0)
    assert (third.state, third.reason, third.run_seconds) == (State.FAILED, Reason.SIGNAL, 10.0)


def test_an_attempt_that_another_one_follows_does_not_look_like_the_end(store: Store) -> None:
    add_run(store, "run", [Row(State.RUNNING, queued_at=1.0)], auto_resume=True)
    last = AttemptState(State.FAILED, Reason.INTERRUPTED, 0, 60.0, 70.0)
    store.put_json(layout.attempt_state(AttemptName("run", 0, 0)), last.to_json())
    experiment = runs.experiment_view(store, "run", 0, 100.0)
    assert (experiment.state, experiment.attempt) == (State.QUEUED, 1)
    assert experiment.reason is Reason.INTERRUPTED


def test_what_an_older_version_stored_is_read(store: Store) -> None:
    record = run_record("run", 1)
    write_points(store, "run", [Point({}, ())])
    store.put_json(layout.run_record("run"), {**record.to_json(), "unknown": 1})
    store.put_json(layout.attempt_state(AttemptName("run", 0, 0)), {"state": "running", "x": 1})
    assert runs.run_view(store, "run", 0).record == record


def test_all_runs_newest_first(store: Store) -> None:
    add_run(store, "old", [Row(State.SUCCEEDED, ended_at=20.0)], created_at=10.0)
    add_run(store, "new", [Row(State.RUNNING)], created_at=30.0)
    found = runs.summaries(store, 100.0)
    assert [each.name for each in found] == ["new", "old"]
    assert found[1].ended_at is not None and found[1].duration_seconds == 10.0
    assert [runs.is_recent(each, 10**6) for each in found] == [True, False]


def test_a_run_that_cannot_be_read_is_told_and_left_out(store: Store) -> None:
    add_run(store, "fine", ROWS)
    add_run(store, "newer", ROWS)
    store.put_json(layout.status("newer"), {"updated_at": 0, "rows": [["of_a_later_version"]]})
    store.put(layout.run_record("broken"), b"{bad")
    store.put("runs/stray.txt", b"")
    told: list[str] = []
    found = runs.summaries(store, 100.0, lambda error: told.append(error.message))
    assert [each.name for each in found] == ["fine"]
    assert [name in " ".join(told) for name in ("broken", "newer")] == [True, True]
    with pytest.raises(DamagedError, match="newer"):
        runs.run_view(store, "newer", 100.0)


def test_stopping_asks_once_and_only_for_what_is_not_over(store: Store) -> None:
    add_run(store, "run", ROWS)
    assert actions.stop(store, "run", None, 5.0) == 3
    assert actions.stop(store, "run", 0) == 0
    (entry,) = store.entries(layout.requests("run"))
    request = {"kind": "stop", "experiments": None, "grace": 5.0, "identity": "identity-of-run"}
    assert store.get_json(entry.key) == request
    with pytest.raises(NotFoundError, match="run-exp9"):
        actions.stop(store, "run", 9)


def test_deleting(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "FORCED_END_TIMEOUT", 0.0)
    add_run(store, "run", ROWS)
    with pytest.raises(StateError, match="running") as caught:
        actions.delete_run(store, "run")
    assert caught.value.hint is not None and "gridray stop run run" in caught.value.hint
    with pytest.raises(StateError, match="run-exp2"):
        actions.delete_experiment(store, "run", 2)
    store.put(layout.artifact(AttemptName("run", 1, 0), "a"), b"")
    actions.delete_experiment(store, "run", 1)
    assert store.entries(layout.experiment_prefix("run", 1)) == []
    assert [each.name for each in runs.run_view(store, "run", 0).experiments] == [
        f"run-exp{index}" for index in (0, 2, 3, 4, 5)
    ]
    actions.delete_run(store, "run", force=True)
    assert store.entries("runs/") == []


def test_a_name_that_a_killed_submission_left_is_freed(store: Store) -> None:
    write_points(store, "run", [Point({}, ())])
    actions.delete_run(store, "run")
    write_points(store, "run", [Point({}, ())])
    with pytest.raises(NotFoundError):
        actions.delete_run(store, "other")


def test_the_state_of_a_run(store: Store) -> None:
    for rows, state in (
        ([State.SUCCEEDED, State.SUCCEEDED], State.SUCCEEDED),
        ([State.SUCCEEDED, State.FAILED, State.CANCELLED], State.FAILED),
        ([State.SUCCEEDED, State.CANCELLED], State.CANCELLED),
        ([State.SUCCEEDED, State.QUEUED], State.QUEUED),
        ([State.QUEUED, State.PENDING], State.PENDING),
        ([State.PENDING, State.RUNNING, State.FAILED], State.RUNNING),
    ):
        name = "-".join(each.value for each in rows)
        add_run(store, name, [Row(each) for each in rows])
        assert runs.run_view(store, name, 0).summary.state is state
