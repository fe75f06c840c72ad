"""The controller at single looks, on a dashboard that gives the answers that it is told."""

import json
from dataclasses import replace
from typing import Any

import pytest

from gridray import actions, bundle, layout
from gridray.controller.loop import Controller
from gridray.controller.pulse import HEARTBEAT_INTERVAL
from gridray.errors import ClusterError
from gridray.heartbeats import Heartbeat
from gridray.layout import AttemptName
from gridray.placement import InstanceRecord, PlacementRecord
from gridray.rayjobs import SUPERVISOR, RayJobs
from gridray.readers import heartbeat
from gridray.readers.why import why
from gridray.records import AttemptState, Row, RunStatus, decode
from gridray.requests import RetryRequest
from gridray.states import Reason, State
from gridray.store import Store
from tests.builders import add_run
from tests.dashboard import Dashboard

NOW = 1000.0
CLUSTER = "local-1"
BUNDLE = "0" * 16
RUNNING = Row(State.RUNNING, queued_at=1.0, submitted_at=2.0, started_at=3.0)


class Ray:
    """What the controller asks of Ray's core: each call is kept, and fails as it is told."""

    def __init__(self) -> None:
        self.drained: list[tuple[str, float]] = []
        self.failures: list[Exception] = []
        self.withdrawn: list[str] = []

    def drain(self, node_id: str, doomed_at: float) -> None:
        self.drained.append((node_id, doomed_at))
        if self.failures:
            raise self.failures.pop()

    def withdraw(self, submission_id: str) -> None:
        self.withdrawn.append(submission_id)


class Desk:
    """A controller at its cluster; `now` is its clock."""

    def __init__(self, dashboard: Dashboard, store: Store) -> None:
        self.store, self.ray, self.now = store, Ray(), NOW
        self._dashboard = dashboard
        package = f"/api/packages/gcs/{bundle.package_name(BUNDLE)}"
        dashboard.answers |= {("GET", package): (200, ""), ("POST", "/api/jobs/"): (200, {})}
        self.jobs: list[dict[str, Any]] = []
        self.answers_with = 200
        jobs = RayJobs(f"http://127.0.0.1:{dashboard.server_port}")
        self.controller = Controller(
            store, jobs, CLUSTER, BUNDLE, self.ray.drain, self.ray.withdraw, lambda: self.now
        )

    def add_run(self, rows: list[Row], **fields: Any) -> None:
        add_run(self.store, "run", rows, **fields)
        self.store.put(layout.active_run(CLUSTER, "run", "identity-of-run"), b"")

    def add_job(self, index: int, status: str, attempt: int = 0, **fields: Any) -> None:
        experiment = f"run-exp{index}"
        metadata = {"run": "run", "experiment": experiment, "attempt": str(attempt)}
        self.jobs.append(
            {
                "submission_id": f"{experiment}-a{attempt}",
                "status": status,
                "metadata": {**metadata, "identity": "identity-of-run"},
                "driver_node_id": "n1",
            }
            | fields
        )

    def say(self, index: int, word: AttemptState) -> None:
        self.store.put_json(layout.attempt_state(AttemptName("run", index, 0)), word.to_json())

    def rows(self) -> tuple[Row, ...]:
        key = layout.status("run")
        return decode(RunStatus, self.store.get_json(key), key).rows

    def selectors(self) -> list[Any]:
        """Return the labels that were asked for with each job that was submitted."""
        bodies = [body for method, path, body in self._dashboard.asked if method == "POST"]
        return [json.loads(body)["entrypoint_label_selector"] for body in bodies]

    def tell_fate(self, index: int, died: dict[str, Any]) -> None:
        """Let Ray say how the supervisor of an experiment's first job has ended."""
        name = f"{SUPERVISOR}run-exp{index}-a0"
        query = f"filter_keys=name&filter_predicates=%3D&filter_values={name}"
        actor = {"death_cause": {"actor_died_error_context": died}}
        for kind, listed in (("nodes", "detail=0"), ("actors", f"detail=1&{query}")):
            found = {"data": {"result": {"result": [actor] if kind == "actors" else []}}}
            path = f"/api/v0/{kind}?limit=10000&{listed}"
            self._dashboard.answers["GET", path] = (200, found)

    def tick(self) -> None:
        self._dashboard.answers["GET", "/api/jobs/"] = (self.answers_with, self.jobs)
        self.controller.tick()


@pytest.fixture
def desk(dashboard: Dashboard, tmp_path: Any) -> Desk:
    return Desk(dashboard, Store(str(tmp_path / "store")))


def test_a_drain_that_fails_is_told_once_and_tried_until_the_node_is_gone(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.add_run([RUNNING])
    desk.add_job(0, "RUNNING")
    desk.say(0, AttemptState(State.RUNNING, started_at=3.0, doomed_at=NOW + 100))
    desk.ray.failures = [RuntimeError("no raylet")] * 3
    for _ in range(2):
        desk.tick()
    assert desk.ray.drained == [("n1", NOW + 100)] * 2
    assert capsys.readouterr().out.count("no raylet") == 1
    # The attempt is over before its node is: what follows it is not to go there.
    desk.jobs.clear()
    desk.add_job(0, "FAILED", driver_exit_code=143)
    desk.tick()
    assert len(desk.ray.drained) == 3
    desk.now = NOW + 101
    desk.tick()
    assert len(desk.ray.drained) == 3


def test_what_is_drained_is_not_drained_again(desk: Desk) -> None:
    desk.add_run([RUNNING] * 2)
    for index in range(2):
        desk.add_job(index, "RUNNING")
        desk.say(index, AttemptState(State.RUNNING, started_at=3.0, doomed_at=NOW + 100))
    for _ in range(2):
        desk.tick()
    assert desk.ray.drained == [("n1", NOW + 100)]


PENDING = Row(State.PENDING, queued_at=1.0, submitted_at=2.0)


def test_what_is_stopped_leaves_rays_queue_before_that_is_recorded(desk: Desk) -> None:
    desk.add_run([PENDING, RUNNING])
    desk.add_job(0, "PENDING", driver_node_id=None)
    desk.add_job(1, "RUNNING")
    actions.stop(desk.store, "run", None, 5.0)
    desk.tick()
    assert desk.ray.withdrawn == ["run-exp0-a0"]
    assert [row.state for row in desk.rows()] == [State.CANCELLED, State.RUNNING]


def test_what_is_deleted_leaves_rays_queue(desk: Desk) -> None:
    desk.add_run([PENDING, RUNNING])
    desk.add_job(0, "PENDING", driver_node_id=None)
    desk.add_job(1, "RUNNING")
    desk.tick()
    desk.store.delete(layout.active_run(CLUSTER, "run", "identity-of-run"))
    desk.tick()
    assert desk.ray.withdrawn == ["run-exp0-a0"]


def heard_at(desk: Desk) -> float:
    key = layout.controller(CLUSTER)
    return float(decode(Heartbeat, desk.store.get_json(key), key).at)


def test_a_controller_is_heard_of_at_its_start_and_while_it_has_something_to_do(
    desk: Desk,
) -> None:
    desk.tick()
    assert heard_at(desk) == NOW
    desk.now += 10 * HEARTBEAT_INTERVAL
    desk.tick()
    assert heard_at(desk) == NOW
    desk.add_run([RUNNING])
    desk.add_job(0, "RUNNING")
    for waited, heard in ((0.0, 10), (HEARTBEAT_INTERVAL / 2, 10), (HEARTBEAT_INTERVAL / 2, 11)):
        desk.now += waited
        desk.tick()
        assert heard_at(desk) == NOW + heard * HEARTBEAT_INTERVAL


def test_a_controller_whose_cluster_does_not_answer_is_heard_of(desk: Desk) -> None:
    desk.add_run([RUNNING])
    desk.answers_with = 500
    with pytest.raises(ClusterError):
        desk.tick()
    assert heard_at(desk) == NOW


def test_a_new_controller_drains_what_the_one_before_could_not(
    desk: Desk, dashboard: Dashboard
) -> None:
    desk.add_run([RUNNING])
    desk.add_job(0, "RUNNING")
    desk.say(0, AttemptState(State.RUNNING, started_at=3.0, doomed_at=NOW + 100))
    desk.ray.failures = [RuntimeError("no raylet")]
    desk.tick()
    assert heartbeat.doomed(desk.store, CLUSTER, NOW) == {"n1"}
    desk.jobs.clear()
    desk.add_job(0, "FAILED", driver_exit_code=143)
    desk.say(0, AttemptState(State.FAILED, Reason.INTERRUPTED, started_at=3.0, ended_at=NOW))
    next_one = Desk(dashboard, desk.store)
    next_one.jobs, next_one.now = desk.jobs, NOW + 1
    next_one.tick()
    assert next_one.ray.drained == [("n1", NOW + 100)]


def test_how_an_attempt_ended_is_kept_when_the_next_one_begins(desk: Desk) -> None:
    desk.add_run([RUNNING], auto_resume=True)
    desk.add_job(0, "FAILED", driver_exit_code=137)
    desk.say(0, AttemptState(State.RUNNING, started_at=3.0, host="node-1"))
    desk.tick()
    (row,) = desk.rows()
    assert (row.state, row.attempt) == (State.PENDING, 1)
    desk.store.put_json(
        layout.status("run"),
        RunStatus(NOW, (Row(State.RUNNING, attempt=2, started_at=NOW),)).to_json(),
    )
    (attempt,) = why(desk.store, "run", 0, NOW).attempts
    assert (attempt.state, attempt.reason, attempt.host) == (
        State.FAILED,
        Reason.RUNNER_LOST,
        "node-1",
    )
    assert attempt.ended_at is not None and attempt.ended_at.timestamp() == NOW


MACHINE = InstanceRecord("i-1", "m5.large", "spot", "a", 1.0, 3600.0, 3600.0, NOW)
COSTS = AttemptState(State.RUNNING, started_at=NOW, instance=MACHINE)


def test_a_run_that_has_cost_enough_is_ended(desk: Desk) -> None:
    desk.add_run([RUNNING, Row()], max_cost=10.0, max_parallel=1, grace=7.0)
    desk.add_job(0, "RUNNING")
    desk.say(0, COSTS)
    desk.now = NOW + 9
    desk.tick()
    assert [row.state for row in desk.rows()] == [State.RUNNING, State.QUEUED]
    desk.now = NOW + 10
    desk.tick()
    stop = desk.store.get_json(layout.attempt_stop(AttemptName("run", 0, 0)))
    assert stop == {"grace": 7.0, "identity": "identity-of-run"}
    assert desk.rows()[1].reason is Reason.MAX_COST
    desk.jobs[0]["status"] = "FAILED"
    ended = replace(COSTS, state=State.CANCELLED, reason=Reason.STOPPED, ended_at=NOW + 11)
    desk.say(0, ended)
    desk.now = NOW + 12
    desk.tick()
    first, second = desk.rows()
    assert (first.state, first.reason) == (State.CANCELLED, Reason.MAX_COST)
    assert first.spent == pytest.approx(11.0)
    assert second.spent is None
    assert why(desk.store, "run", 0, NOW).attempts[-1].reason is Reason.MAX_COST


def test_a_last_word_that_a_retry_makes_be_heard_is_charged(desk: Desk) -> None:
    desk.add_run([RUNNING])
    desk.add_job(0, "RUNNING")
    desk.say(0, replace(COSTS, state=State.FAILED, reason=Reason.EXIT_CODE, ended_at=NOW + 5))
    request = RetryRequest(frozenset({0}), NOW + 6)
    desk.store.put_json(layout.request("run", 1, "x"), request.to_json())
    desk.now = NOW + 7
    desk.tick()
    (row,) = desk.rows()
    assert (row.state, row.attempt) == (State.QUEUED, 1)
    assert row.spent == pytest.approx(5.0)


def test_the_next_controller_goes_on_counting(desk: Desk, dashboard: Dashboard) -> None:
    desk.add_run([RUNNING], auto_resume=True)
    desk.add_job(0, "RUNNING")
    desk.say(0, COSTS)
    desk.tick()
    desk.now = NOW + HEARTBEAT_INTERVAL
    desk.tick()
    assert desk.rows()[0].rate == 3600.0
    # The cluster is gone for an hour, and Ray's new one knows nothing of the job.
    next_one = Desk(dashboard, desk.store)
    next_one.now = NOW + 3600
    next_one.tick()
    (row,) = next_one.rows()
    assert row.attempt == 1
    assert row.spent == pytest.approx(HEARTBEAT_INTERVAL)


def test_a_job_is_for_the_nodes_that_its_run_asks_for(desk: Desk) -> None:
    placement = PlacementRecord("g4dn.xlarge", use_spot=True, spot_fallback=60.0)
    waits = Row(queued_at=NOW)
    desk.add_run([waits, replace(waits, has_fallen_back=True)], placement=placement)
    desk.tick()
    first, second = desk.selectors()
    assert first == {"gridray/instance-type": "g4dn.xlarge", "ray.io/market-type": "spot"}
    assert second == {**first, "ray.io/market-type": "on-demand"}


def test_what_waits_too_long_for_spot_is_submitted_anew_for_on_demand(desk: Desk) -> None:
    placement = PlacementRecord(use_spot=True, spot_fallback=60.0)
    desk.add_run([Row(queued_at=NOW)], placement=placement)
    desk.tick()
    desk.add_job(0, "PENDING")
    desk.now = NOW + 60
    desk.tick()
    assert desk.ray.withdrawn == ["run-exp0-a0"]
    assert desk.rows()[0].reason is Reason.SPOT_FALLBACK
    desk.jobs.clear()
    # What a job's end is called by Ray once its supervisor was killed before it had a place.
    desk.add_job(0, "FAILED", error_type="JOB_SUPERVISOR_ACTOR_DIED", driver_node_id=None)
    desk.tell_fate(0, {"never_started": True, "reason": "RAY_KILL"})
    desk.now += 2
    desk.tick()
    assert desk.selectors() == [{"ray.io/market-type": "spot"}, {"ray.io/market-type": "on-demand"}]
    (row,) = desk.rows()
    assert (row.state, row.attempt, row.has_fallen_back) == (State.PENDING, 1, True)


def test_a_run_that_asks_for_no_nodes_may_be_on_any(desk: Desk) -> None:
    desk.add_run([Row(queued_at=NOW)])
    desk.tick()
    assert desk.selectors() == [None]


def test_a_run_that_is_over_has_its_metrics_in_one_object(desk: Desk) -> None:
    desk.add_run([RUNNING])
    desk.add_job(0, "SUCCEEDED")
    loss = [2.0, 1.0, 1.0, 2.0, 2, 1, 1, 0]
    word = AttemptState(State.SUCCEEDED, exit_code=0, started_at=3.0, metrics={"loss": loss})
    desk.say(0, word)
    desk.tick()
    assert desk.rows()[0].state is State.SUCCEEDED
    found = desk.store.get_json(layout.run_metrics("run"))
    assert found["experiments"] == {"0": [0, {"loss": loss}]}
