"""A Ray cluster that is played: nodes, jobs and runners, moved on one step at a time.

Ray's side follows ray/dashboard/modules/job/job_manager.py of Ray 2.60.
"""

import json
import random
import shlex
import sys
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gridray import bundle
from gridray.layout import AttemptName, ExperimentName
from gridray.rayshapes import JobStatus
from gridray.records import AttemptState, RunRecord
from gridray.states import State
from gridray.store import Store
from tests.simulation.fate import NONE, STEP, Ending, Fate, Trouble, draw
from tests.simulation.runner import PlayedRunner

# In steps: until Ray says that a node is gone, that a job has waited for too long, and until a new
# node has come for one that is gone.
DETECTION = 3
START_TIMEOUT = 10
REPLACEMENT = 4
NOTICE = 8
# What the job that starts a controller is listed under. It is over at once here.
CONTROLLER = "a controller"


@dataclass
class PlayedNode:
    """A node. `lost_at` is the step at which it was lost, for Ray; a node cut off works on."""

    number: int
    slots: int
    jobs: set[str] = field(default_factory=set)
    doomed_at: float | None = None
    has_told: bool = False
    is_drained: bool = False
    lost_at: int | None = None
    is_cut_off: bool = False

    @property
    def node_id(self) -> str:
        return f"{self.number:056x}"

    @property
    def has_room(self) -> bool:
        return self.lost_at is None and not self.is_drained and len(self.jobs) < self.slots


@dataclass
class PlayedJob:
    """A job as Ray has it, and when it was submitted, placed and called over, in steps."""

    submission: Mapping[str, Any]
    name: AttemptName
    fate: Fate
    submitted_at: int
    start_time: float
    status: JobStatus = JobStatus.PENDING
    error_type: str | None = None
    message: str = "Job has not started yet."
    exit_code: int | None = None
    node: PlayedNode | None = None
    runner: PlayedRunner | None = None
    runner_ended_at: int | None = None
    over_at: int | None = None
    over_time: float | None = None
    is_withdrawn: bool = False
    encoded: bytes = b""

    def to_json(self) -> dict[str, Any]:
        return {
            "type": "SUBMISSION",
            "job_id": None,
            "submission_id": self.submission["submission_id"],
            "driver_info": None,
            "status": self.status.value,
            "entrypoint": self.submission["entrypoint"],
            "message": self.message,
            "error_type": self.error_type,
            "start_time": int(self.start_time * 1000),
            "end_time": None,
            "metadata": self.submission["metadata"],
            "runtime_env": self.submission["runtime_env"],
            "driver_agent_http_address": "http://127.0.0.1:52365",
            "driver_node_id": self.node.node_id if self.node else None,
            "driver_exit_code": self.exit_code,
        }

    def step_runner(self, step: int) -> None:
        """Let the runner live on, if its node lets it."""
        runner, node = self.runner, self.node
        if runner is None or node is None or self.runner_ended_at is not None:
            return
        if node.lost_at is None or node.is_cut_off:
            runner.doomed_at = node.doomed_at
            runner.step()
            node.has_told |= runner.has_told_doom
            if runner.exit_code is not None:
                self.runner_ended_at = step


class PlayedCluster:
    """The cluster. Of each experiment it knows every attempt that it ever took."""

    def __init__(
        self, store: Store, *, seed: int, trouble: Trouble, nodes: int, slots: int, now: float
    ) -> None:
        self.now = now
        self.steps = 0
        self.jobs: dict[str, PlayedJob] = {}
        self.nodes = [PlayedNode(number, slots) for number in range(nodes)]
        self.chance = random.Random(seed)
        self.trouble = trouble
        self._store = store
        self._seed = seed
        self._slots = slots
        self._waiting: deque[PlayedJob] = deque()
        self._placed: list[PlayedJob] = []
        self._cut_off: list[PlayedRunner] = []
        self._new_nodes: list[int] = []

    def submit(self, submission: Mapping[str, Any]) -> bool:
        """Take a job; return whether there was none of its id yet."""
        submission_id = submission["submission_id"]
        if submission_id in self.jobs:
            return False
        name = _attempt(submission["entrypoint"])
        fate = draw(self._seed, name, self.trouble)
        job = PlayedJob(submission, name, fate, self.steps, self.now)
        self.jobs[submission_id] = job
        if name.run == CONTROLLER:
            self._end(job, 0, None)
        else:
            self._waiting.append(job)
        return True

    def add_succeeded(self, url: str, record: RunRecord, index: int) -> None:
        """Have had a job whose runner has said long ago that its experiment succeeded."""
        name = AttemptName(record.name, index, 0)
        words = [url, record.name, record.identity, str(index), "0"]
        experiment = str(ExperimentName(record.name, index))
        metadata = {"run": record.name, "experiment": experiment, "attempt": "0"}
        submission = {
            "submission_id": str(name),
            "entrypoint": bundle.entrypoint(sys.executable, "gridray.runner", *words),
            "metadata": {**metadata, "identity": record.identity},
            "runtime_env": {"working_dir": "gcs://_ray_pkg_gridray.zip"},
        }
        fate = draw(self._seed, name, NONE)
        job = PlayedJob(submission, name, fate, self.steps, self.now)
        job.runner = PlayedRunner(self._store, name, fate, "node-0", lambda: self.now)
        job.runner.word, job.runner.word_at = AttemptState(State.SUCCEEDED, exit_code=0), self.now
        self.jobs[str(name)] = job
        self._end(job, 0, None)

    def listing(self) -> bytes:
        """Return every job that there ever was, as Ray lists them."""
        for job in self.jobs.values():
            if not job.encoded:
                job.encoded = json.dumps(job.to_json()).encode()
        return b"[" + b", ".join(job.encoded for job in self.jobs.values()) + b"]"

    def step_ray(self) -> None:
        """Move on what Ray knows: nodes that go and come, jobs that are over, jobs that start."""
        self.steps += 1
        self.now += STEP
        self._change_nodes()
        for job in self._placed:
            self._settle(job)
        self._placed = [job for job in self._placed if job.over_at is None]
        self._place()

    def step_runners(self) -> None:
        """Move on what is on the nodes, which Ray hears of only later."""
        for job in self._placed:
            job.step_runner(self.steps)
        for runner in self._cut_off:
            runner.step()
        self._cut_off = [runner for runner in self._cut_off if runner.exit_code is None]

    def drain(self, node_id: str) -> None:
        """Place nothing more on a node."""
        for node in self.nodes:
            node.is_drained |= node.node_id == node_id

    def withdraw(self, submission_id: str) -> None:
        """Kill the supervisor of a job that waits."""
        job = self.jobs[submission_id]
        if job.node is None and job.over_at is None:
            self._waiting = deque(other for other in self._waiting if other is not job)
            job.is_withdrawn = True
            self._end(job, None, "JOB_SUPERVISOR_ACTOR_DIED")

    def stop(self, submission_id: str) -> bool:
        """End a job; return whether it was not over yet."""
        job = self.jobs[submission_id]
        if job.over_at is not None:
            return False
        self._waiting = deque(other for other in self._waiting if other is not job)
        self._placed = [other for other in self._placed if other is not job]
        self._end(job, None, None)
        job.status = JobStatus.STOPPED
        return True

    def attempts(self, run: str) -> dict[int, list[PlayedJob]]:
        """Return the jobs of each experiment of a run, in the order in which they were taken."""
        found: dict[int, list[PlayedJob]] = {}
        for job in self.jobs.values():
            if job.name.run == run:
                found.setdefault(job.name.index, []).append(job)
        return found

    def _change_nodes(self) -> None:
        chance, trouble = self.chance, self.trouble
        alive = [node for node in self.nodes if node.lost_at is None]
        for node in alive:
            if node.doomed_at is not None and self.now >= node.doomed_at:
                self._lose(node, cut_off=False)
        whole = [node for node in alive if node.lost_at is None and node.doomed_at is None]
        chance.shuffle(whole)
        if whole and chance.random() < trouble.node_lost:
            self._lose(whole.pop(), cut_off=False)
        if whole and chance.random() < trouble.node_cut_off:
            self._lose(whole.pop(), cut_off=True)
        if whole and chance.random() < trouble.node_announced:
            whole.pop().doomed_at = self.now + NOTICE * STEP
        for due in [due for due in self._new_nodes if due <= self.steps]:
            self._new_nodes.remove(due)
            self.nodes.append(PlayedNode(len(self.nodes), self._slots))

    def _lose(self, node: PlayedNode, *, cut_off: bool) -> None:
        node.lost_at = self.steps
        node.is_cut_off = cut_off
        self._new_nodes.append(self.steps + REPLACEMENT)

    def _settle(self, job: PlayedJob) -> None:
        """Have Ray call a placed job over, if it is to."""
        runner, node, ended_at = job.runner, job.node, job.runner_ended_at
        assert runner is not None and node is not None
        if node.lost_at is not None:
            if self.steps >= node.lost_at + DETECTION:
                if node.is_cut_off and runner.exit_code is None:
                    self._cut_off.append(runner)
                self._end(job, None, "JOB_SUPERVISOR_ACTOR_DIED")
        elif ended_at is not None and self.steps > ended_at + job.fate.settling:
            error = "JOB_ENTRYPOINT_COMMAND_ERROR" if runner.exit_code else None
            self._end(job, runner.exit_code, error)

    def _place(self) -> None:
        """Give the waiting jobs room in their order; those that never start wait in vain."""
        rooms = deque(node for node in self.nodes if node.has_room)
        waiting = deque[PlayedJob]()
        for job in self._waiting:
            if job.fate.ending is Ending.NEVER_STARTS:
                if self.steps - job.submitted_at >= START_TIMEOUT:
                    self._end(job, None, "JOB_SUPERVISOR_ACTOR_START_TIMEOUT")
                else:
                    waiting.append(job)
            elif rooms:
                self._start(job, rooms[0])
                rooms.rotate(-1)
                rooms = deque(node for node in rooms if node.has_room)
            else:
                waiting.append(job)
        self._waiting = waiting

    def _start(self, job: PlayedJob, node: PlayedNode) -> None:
        host = f"node-{node.number}"
        node.jobs.add(job.submission["submission_id"])
        job.node = node
        job.runner = PlayedRunner(self._store, job.name, job.fate, host, lambda: self.now)
        job.status, job.message = JobStatus.RUNNING, "Job is currently running."
        job.encoded = b""
        self._placed.append(job)

    def _end(self, job: PlayedJob, exit_code: int | None, error_type: str | None) -> None:
        job.status = JobStatus.FAILED if error_type else JobStatus.SUCCEEDED
        job.error_type, job.exit_code = error_type, exit_code
        job.message = "Job finished successfully." if error_type is None else MESSAGES[error_type]
        job.over_at, job.over_time = self.steps, self.now
        job.encoded = b""
        if job.node is not None:
            job.node.jobs.discard(job.submission["submission_id"])


def _attempt(entrypoint: str) -> AttemptName:
    """Return what a job is to run, by the words of gridray/runner/__main__.py."""
    words = shlex.split(entrypoint)
    if "gridray.runner" not in words:
        return AttemptName(CONTROLLER, 0, 0)
    _, run, _, index, attempt = words[words.index("gridray.runner") + 1 :]
    return AttemptName(run, int(index), int(attempt))


MESSAGES = {
    "JOB_SUPERVISOR_ACTOR_DIED": "Job supervisor actor died: The actor died because its node has "
    "died. Node Id: 00000000. \n\tthe actor's node was terminated unexpectedly: health check "
    "failed due to missing too many heartbeats",
    "JOB_SUPERVISOR_ACTOR_START_TIMEOUT": "Job supervisor actor failed to start within 900.0 "
    "seconds. This timeout can be configured by setting the environment variable "
    "RAY_JOB_START_TIMEOUT_SECONDS.",
    "JOB_ENTRYPOINT_COMMAND_ERROR": "Job entrypoint command failed with exit code 1, last "
    "available logs (truncated to 20,000 chars):\nTraceback (most recent call last):\n",
}
