"""A run that is deleted, and another one that gets its name, at the worst moments of a look."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gridray import actions, layout
from gridray.controller.loop import Controller
from gridray.errors import ClusterError
from gridray.rayshapes import Job, JobStatus
from gridray.readers import runs
from gridray.records import AttemptState, Point, Row, RunRecord, write_points
from gridray.requests import StopRequest
from gridray.states import State
from gridray.store import Store
from tests.builders import run_record
from tests.controller.test_decide import PENDING, RUNNING, STARTED
from tests.controller.test_races import A0, Rays, add, controller, say

SUCCEEDED = AttemptState(State.SUCCEEDED, None, 0, 5.0, 6.0)


class Watched(Rays):
    """Something happens while Ray is asked for its jobs."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Any = lambda: None
        self.stopped: list[str] = []

    def jobs(self) -> dict[str, Job]:
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        return super().jobs()

    def stop(self, submission_id: str) -> None:
        self.stopped.append(submission_id)


@pytest.fixture
def directory(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


@pytest.fixture
def rays() -> Watched:
    return Watched()


@pytest.fixture
def one(directory: Store, rays: Watched) -> Controller:
    return controller(directory, rays)


def submit_again(store: Store) -> RunRecord:
    """Submit a run of the same name, as a client does: without a status."""
    record = run_record("run", 1, identity="second")
    write_points(store, "run", [Point({}, ())])
    store.put(layout.active_run("local-1", "run", "second"), b"")
    store.create_json(layout.run_record("run"), record.to_json())
    return record


def state(store: Store) -> State:
    return runs.run_view(store, "run", time.time()).experiments[0].state


def go_through(store: Store, rays: Watched, one: Controller) -> None:
    """See the second run through, from its submission to its end."""
    submit_again(store)
    assert state(store) is State.QUEUED
    one.tick()
    (name,) = rays.submitted
    assert name == "run-exp0-a0-second" and state(store) is State.PENDING
    one.tick()
    assert state(store) is State.PENDING
    say_second(store, SUCCEEDED)
    rays.found[name] = Job(name, JobStatus.SUCCEEDED, metadata=rays.found[name].metadata)
    one.tick()
    assert state(store) is State.SUCCEEDED


def say_second(store: Store, word: AttemptState) -> None:
    say(store, A0, replace(word, identity="second"))


def test_the_last_word_of_a_run_that_is_gone_is_not_that_of_the_next_one(
    directory: Store, rays: Watched, one: Controller
) -> None:
    """As written once more by a thread of a runner that was about to end."""
    add(directory, [replace(RUNNING, state=State.SUCCEEDED)])
    actions.delete_run(directory, "run")
    rays.found[str(A0)] = Job(str(A0), JobStatus.SUCCEEDED)
    rays.meanwhile = lambda: say(directory, A0, replace(SUCCEEDED, identity="identity-of-run"))
    go_through(directory, rays, one)


@pytest.mark.parametrize("status", [JobStatus.SUCCEEDED, JobStatus.RUNNING])
@pytest.mark.parametrize("row", [PENDING, RUNNING], ids=lambda row: row.state.value)
def test_a_run_that_is_deleted_while_the_controller_looks(
    directory: Store, rays: Watched, one: Controller, status: JobStatus, row: Row
) -> None:
    record = add(directory, [replace(row, submitted_at=time.time())])
    say(directory, A0, SUCCEEDED)
    rays.know(record, Job(str(A0), status))
    # The user has seen its end, and the controller has not read its last word yet.
    rays.meanwhile = lambda: actions.delete_run(directory, "run")
    one.tick()
    go_through(directory, rays, one)


def test_what_the_controller_writes_of_a_run_that_is_gone_does_not_stay(
    directory: Store, rays: Watched, one: Controller
) -> None:
    record = add(directory, [RUNNING])
    say(directory, A0, SUCCEEDED)
    rays.know(record, Job(str(A0), JobStatus.SUCCEEDED))
    rays.meanwhile = lambda: actions.delete_run(directory, "run")
    one.tick()
    one.tick()
    assert directory.entries(layout.run_prefix("run")) == []


def test_a_controller_that_is_killed_after_it_has_written_of_a_run_that_is_gone(
    directory: Store, rays: Watched, one: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = add(directory, [RUNNING])
    say(directory, A0, SUCCEEDED)
    rays.know(record, Job(str(A0), JobStatus.SUCCEEDED))
    rays.meanwhile = lambda: actions.delete_run(directory, "run")

    def killed(run: Any) -> None:
        raise ClusterError("killed")

    monkeypatch.setattr(one, "_let_go", killed)
    with pytest.raises(ClusterError, match="killed"):
        one.tick()
    assert directory.exists(layout.status("run"))
    go_through(directory, rays, controller(directory, rays))


@pytest.mark.parametrize("grace", [0.0, 5.0])
def test_the_stop_of_a_run_that_is_gone_is_not_that_of_the_next_one(
    directory: Store,
    rays: Watched,
    one: Controller,
    grace: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(actions, "FORCED_END_TIMEOUT", 0.0)
    record = add(directory, [RUNNING])
    say(directory, A0, STARTED)
    rays.know(record, Job(str(A0), JobStatus.RUNNING))
    actions.put_request(directory, "run", StopRequest(None, 0.0), time.time())
    one.tick()
    actions.delete_run(directory, "run", force=True)
    submit_again(directory)
    one.tick()
    one.tick()
    assert rays.stopped == [str(A0)]
    assert not directory.exists(layout.attempt_stop(A0))
    say_second(directory, STARTED)
    actions.put_request(directory, "run", StopRequest(None, grace), time.time())
    one.tick()
    one.tick()
    assert directory.get_json(layout.attempt_stop(A0))["grace"] == grace


def test_a_stop_that_comes_after_its_run_is_gone_is_not_heard_by_the_next_one(
    directory: Store, rays: Watched, one: Controller
) -> None:
    record = submit_again(directory)
    request = StopRequest(None, 0.0)
    actions.put_request(directory, "run", request, time.time(), "first")
    assert state(directory) is State.QUEUED
    one.tick()
    assert state(directory) is State.PENDING
    actions.ask(directory, record, request, time.time(), "1")
    one.tick()
    assert state(directory) is State.CANCELLED
