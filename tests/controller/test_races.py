"""What happens between the controller's looks, and what it must not lose by it."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from gridray import actions, layout, marks
from gridray.controller.decide import decide
from gridray.controller.decisions import Change, Fence, RunView, Snapshot, Submit
from gridray.controller.loop import Controller
from gridray.errors import ClusterError
from gridray.layout import AttemptName
from gridray.rayjobs import RayJobs
from gridray.rayshapes import Job, JobError, JobStatus, Node, Submission
from gridray.readers import runs
from gridray.records import FENCED, AttemptState, Row, RunRecord, RunStatus, decode
from gridray.requests import RetryRequest, StopRequest, applied
from gridray.states import Reason, State
from gridray.store import Store
from tests.builders import add_run, run_record
from tests.controller.test_decide import LOST, PENDING, RUNNING, STARTED, job, row_after

A0, A1 = AttemptName("run", 0, 0), AttemptName("run", 0, 1)
FAILED = AttemptState(State.FAILED, Reason.EXIT_CODE, 3, 5.0, 6.0)
RETRY = RetryRequest(frozenset({0}), 9.0)


class Rays:
    """The part of the Jobs API that these stories need."""

    def __init__(self) -> None:
        self.found: dict[str, Job] = {}
        self.submitted: list[str] = []
        self.trouble: ClusterError | None = None

    def jobs(self) -> dict[str, Job]:
        return dict(self.found)

    def nodes(self) -> list[Node]:
        return []

    def has_package(self, name: str) -> bool:
        return True

    def submit(self, submission: Submission) -> None:
        if self.trouble:
            raise self.trouble
        name = submission.submission_id
        self.submitted.append(name)
        self.found[name] = Job(name, JobStatus.PENDING, metadata=submission.metadata)

    def know(self, record: RunRecord, job: Job) -> None:
        metadata = {"run": "run", "experiment": "run-exp0", "attempt": "0"}
        self.found[str(A0)] = replace(job, metadata=metadata | {"identity": record.identity})


@pytest.fixture
def directory(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def controller(store: Store, rays: Rays) -> Controller:
    jobs = cast(RayJobs, rays)
    return Controller(store, jobs, "local-1", "0" * 16, lambda *_: None, lambda _: None)


def add(store: Store, rows: list[Row], **fields: Any) -> RunRecord:
    record = add_run(store, "run", rows, **fields)
    store.put(layout.active_run("local-1", "run", record.identity), b"")
    return record


def say(store: Store, name: AttemptName, word: AttemptState) -> None:
    store.put_json(layout.attempt_state(name), word.to_json())


def recorded(store: Store) -> tuple[Row, ...]:
    key = layout.status("run")
    return decode(RunStatus, store.get_json(key), key).rows


def test_a_lost_attempt_is_fenced_off_before_a_user_has_it_tried_again() -> None:
    view = RunView(run_record("run", 1), [RUNNING])
    first = decide(Snapshot([view], {str(A0): LOST}, {A0: STARTED}), 1000.0)
    after = row_after(RUNNING, LOST, STARTED)
    assert after.state is State.FAILED
    view = RunView(run_record("run", 1), applied([after], RETRY))
    later = decide(Snapshot([view], {str(A0): LOST}, {A0: STARTED}), 1001.0)
    assert Fence(A0) in first and Submit(A1) in later


def test_a_retry_of_what_the_controller_has_not_seen_end(directory: Store) -> None:
    record = add(directory, [RUNNING])
    say(directory, A0, FAILED)
    assert runs.run_view(directory, "run", 1000.0).experiments[0].state is State.FAILED
    actions.put_request(directory, "run", RETRY, time.time())
    assert runs.run_view(directory, "run", 1000.0).experiments[0].state is State.QUEUED
    rays = Rays()
    rays.know(record, Job(str(A0), JobStatus.FAILED, JobError.EXIT_CODE, 3))
    one = controller(directory, rays)
    one.tick()
    one.tick()
    assert rays.submitted == [str(A1)]


def test_a_retry_while_the_controller_lets_go(
    directory: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = add(directory, [RUNNING])
    say(directory, A0, FAILED)
    rays = Rays()
    rays.know(record, Job(str(A0), JobStatus.FAILED, JobError.EXIT_CODE, 3))
    one = controller(directory, rays)
    record_and_let_go = one._record

    def retried_meanwhile() -> None:
        actions.put_request(directory, "run", RETRY, time.time())
        directory.put(layout.active_run("local-1", "run", record.identity, "1"), b"")
        record_and_let_go()

    monkeypatch.setattr(one, "_record", retried_meanwhile)
    one.tick()
    # It is killed right then; the next one finds what the user has left.
    controller(directory, rays).tick()
    assert rays.submitted == [str(A1)]


def test_secrets_that_a_retry_brings_while_the_controller_lets_go_stay(
    directory: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = add(directory, [RUNNING], secrets={"KEY": "KEY"})
    say(directory, A0, FAILED)
    rays = Rays()
    rays.know(record, Job(str(A0), JobStatus.FAILED, JobError.EXIT_CODE, 3))
    old, new = (layout.sealed("run", record.identity, nonce) for nonce in ("", "1"))
    directory.put(old, b"old")
    one = controller(directory, rays)
    record_and_let_go = one._record

    def sealed_meanwhile() -> None:
        directory.put(new, b"new")
        record_and_let_go()

    monkeypatch.setattr(one, "_record", sealed_meanwhile)
    one.tick()
    assert not directory.exists(old) and directory.get(new) == b"new"
    actions.put_request(directory, "run", RETRY, time.time())
    directory.put(layout.active_run("local-1", "run", record.identity, "1"), b"")
    again = controller(directory, rays)
    again.tick()
    assert rays.submitted == [str(A1)] and directory.exists(new)
    rays.found[str(A1)] = replace(rays.found[str(A1)], status=JobStatus.SUCCEEDED)
    say(directory, A1, AttemptState(State.SUCCEEDED, None, 0, 7.0, 8.0))
    again.tick()
    assert directory.entries(layout.sealed_secrets("run", record.identity)) == []


def test_a_held_run_keeps_its_secrets(directory: Store) -> None:
    record = add(directory, [Row(State.FAILED, Reason.EXIT_CODE, exit_code=3), Row()], hold_after=1)
    key = layout.sealed("run", record.identity)
    directory.put(key, b"sealed")
    one = controller(directory, Rays())
    one.tick()
    one.tick()
    assert directory.exists(key)
    actions.put_request(directory, "run", StopRequest(None, 1.0), time.time())
    one.tick()
    assert not directory.exists(key)


def test_what_a_submission_leaves_that_was_killed_takes_its_secrets_along(directory: Store) -> None:
    key = layout.sealed("run", "one")
    other = layout.sealed("run", "another")
    for each in (key, other, layout.active_run("local-1", "run", "one")):
        directory.put(each, b"")
    now = [1000.0]
    one = controller(directory, Rays())
    one._clock = lambda: now[0]
    one.tick()
    assert directory.exists(key)
    now[0] += 601
    one.tick()
    assert not directory.exists(key) and directory.exists(other)


@pytest.mark.parametrize(
    "word", [AttemptState(State.SUCCEEDED, started_at=5.0, ended_at=6.0), STARTED]
)
def test_a_replaced_attempt_that_starts_late_counts_for_nothing(word: AttemptState) -> None:
    view = RunView(run_record("run", 1), [replace(PENDING, state=State.BUILDING)])
    jobs = {str(A0): LOST, str(A1): job(JobStatus.RUNNING)}
    decisions = decide(Snapshot([view], jobs, {A0: word}), 1000.0)
    (change,) = [each for each in decisions if isinstance(each, Change)]
    assert (change.row.state, change.row.attempt) == (State.QUEUED, 1)


def test_what_was_seen_is_recorded_though_ray_takes_no_job(directory: Store) -> None:
    record = add(directory, [RUNNING, Row()])
    say(directory, A0, AttemptState(State.SUCCEEDED, None, 0, 5.0, 6.0))
    rays = Rays()
    rays.trouble = ClusterError("no agent")
    rays.know(record, Job(str(A0), JobStatus.SUCCEEDED))
    with pytest.raises(ClusterError):
        controller(directory, rays).tick()
    assert recorded(directory)[0].state is State.SUCCEEDED


def test_what_kept_an_experiment_is_forgotten_once_it_runs() -> None:
    row = replace(PENDING, reason=Reason.INFEASIBLE, message="--gpus asks for 8")
    after = row_after(row, job(JobStatus.RUNNING), STARTED)
    assert (after.state, after.reason, after.message) == (State.RUNNING, None, None)


def test_a_run_that_is_deleted_while_its_requests_are_read(
    directory: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(directory, [RUNNING])
    actions.put_request(directory, "run", StopRequest(None, 1.0), time.time())
    one = controller(directory, Rays())
    unread = one._unread

    def deleted_meanwhile(run: Any) -> list[str]:
        found = unread(run)
        directory.delete_prefix(layout.run_prefix("run"))
        return found

    monkeypatch.setattr(one, "_unread", deleted_meanwhile)
    one.tick()


def test_a_request_does_not_bring_a_stale_last_word_back(directory: Store) -> None:
    waiting = replace(PENDING, submitted_at=time.time())
    record = add(directory, [RUNNING, waiting], auto_resume=True)
    say(directory, A0, AttemptState(State.SUCCEEDED, None, 0, 5.0, 6.0))
    rays = Rays()
    rays.know(record, Job(str(A0), JobStatus.FAILED, JobError.NODE_LOST))
    next_one = replace(rays.found[str(A0)], submission_id=str(A1), status=JobStatus.RUNNING)
    rays.found[str(A1)] = replace(next_one, metadata={**next_one.metadata, "attempt": "1"})
    actions.put_request(directory, "run", StopRequest((1,), 1.0), time.time())
    one = controller(directory, rays)
    one.tick()
    one.tick()
    assert one._runs["run"].rows[0].attempt == 1


def test_a_later_stop_with_less_grace_reaches_the_runner(directory: Store) -> None:
    record = add(directory, [RUNNING])
    rays = Rays()
    rays.know(record, Job(str(A0), JobStatus.RUNNING))
    one = controller(directory, rays)

    def asked(grace: float, who: Controller) -> Any:
        actions.put_request(directory, "run", StopRequest(None, grace), time.time())
        who.tick()
        return marks.unmarked(directory.get_json(layout.attempt_stop(A0)), record.identity)

    assert asked(600.0, one) == {"grace": 600.0}
    assert asked(60.0, one) == {"grace": 60.0}
    assert asked(90.0, one) == {"grace": 60.0}
    (experiment,) = runs.run_view(directory, "run", 1000.0).experiments
    assert experiment.explanation == "asked to stop; its script may take up to 60 s to end"
    one = controller(directory, rays)
    assert asked(61.0, one) == {"grace": 60.0}
    assert asked(6.0, one) == {"grace": 6.0}
    directory.put_json(layout.attempt_stop(A0), FENCED)
    assert asked(0.0, one) == FENCED


def test_a_store_that_went_while_the_script_ran_is_an_interruption() -> None:
    word = AttemptState(State.FAILED, Reason.STORE_UNREACHABLE, None, 5.0, 6.0)
    over = job(JobStatus.FAILED)
    assert row_after(RUNNING, over, word).state is State.FAILED
    after = row_after(RUNNING, over, word, auto_resume=True)
    assert (after.state, after.attempt, after.false_starts) == (State.QUEUED, 1, 0)
