"""States of an experiment, the reasons for them, and the moves between them."""

from enum import Enum


class State(str, Enum):
    """Where an experiment is. Only a user's `retry` leaves a terminal state."""

    QUEUED = "queued"
    PENDING = "pending"
    BUILDING = "building"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        return not TRANSITIONS[self]

    @property
    def is_submitted(self) -> bool:
        """Whether Ray has, or had a moment ago, a job for it."""
        return self in (State.PENDING, State.BUILDING, State.RUNNING)


TRANSITIONS: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.PENDING, State.CANCELLED, State.FAILED}),
    State.PENDING: frozenset(
        {
            State.BUILDING,
            State.RUNNING,
            State.SUCCEEDED,
            State.FAILED,
            State.CANCELLED,
            State.QUEUED,
        }
    ),
    State.BUILDING: frozenset(
        {State.RUNNING, State.SUCCEEDED, State.FAILED, State.CANCELLED, State.QUEUED}
    ),
    State.RUNNING: frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED, State.QUEUED}),
    State.SUCCEEDED: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
}


class Reason(str, Enum):
    """Why an experiment, or one attempt at it, is in the state that it is in."""

    EXIT_CODE = "exit_code"
    SIGNAL = "signal"
    OUT_OF_MEMORY = "out_of_memory"
    TIMED_OUT = "timed_out"
    STOPPED = "stopped"
    MAX_COST = "max_cost"
    INTERRUPTED = "interrupted"
    FENCED = "fenced"
    NODE_LOST = "node_lost"
    RUNNER_LOST = "runner_lost"
    START_TIMEOUT = "start_timeout"
    PREPARATION_FAILED = "preparation_failed"
    BUILD_FAILED = "build_failed"
    DATASTORE_FAILED = "datastore_failed"
    SCRATCH_FAILED = "scratch_failed"
    SECRETS_FAILED = "secrets_failed"
    ACTION_FAILED = "action_failed"
    START_FAILED = "start_failed"
    INFEASIBLE = "infeasible"
    HELD = "held"
    SPOT_FALLBACK = "spot_fallback"
    REJECTED = "rejected"
    SOURCE_MISSING = "source_missing"
    STORE_UNREACHABLE = "store_unreachable"
    CLUSTER_DELETED = "cluster_deleted"

    @property
    def is_interruption(self) -> bool:
        """Whether the platform, not the script or a user, ended the attempt."""
        return self in (Reason.INTERRUPTED, Reason.NODE_LOST, Reason.RUNNER_LOST)

    @property
    def is_scripts_own(self) -> bool:
        """Whether the user's own code failed, so that `--retries` may give it another attempt."""
        return self in (
            Reason.EXIT_CODE,
            Reason.SIGNAL,
            Reason.OUT_OF_MEMORY,
            Reason.ACTION_FAILED,
        )


DESCRIPTIONS: dict[Reason, str] = {
    Reason.EXIT_CODE: "the script ended with a non-zero exit code",
    Reason.SIGNAL: "the script was killed by a signal",
    Reason.OUT_OF_MEMORY: "the script was killed for want of memory",
    Reason.TIMED_OUT: "the script ran for longer than --max_time",
    Reason.STOPPED: "stopped by a user",
    Reason.MAX_COST: "its run has cost as much as --max_cost allows",
    Reason.INTERRUPTED: "the platform ended it",
    Reason.FENCED: "another attempt has taken its place",
    Reason.NODE_LOST: "its node was lost",
    Reason.RUNNER_LOST: "its runner was killed",
    Reason.START_TIMEOUT: "Ray gave up waiting for resources",
    Reason.PREPARATION_FAILED: "its working directory could not be prepared",
    Reason.BUILD_FAILED: "its environment could not be built",
    Reason.DATASTORE_FAILED: "a datastore could not be mounted",
    Reason.SCRATCH_FAILED: "its node could not give it the scratch space",
    Reason.SECRETS_FAILED: "its secrets could not be read",
    Reason.ACTION_FAILED: "an action of on_experiment_start failed",
    Reason.START_FAILED: "the script could not be started",
    Reason.INFEASIBLE: "no node of the cluster could ever run it",
    Reason.HELD: "held, since the first ones of its run all failed in the same way",
    Reason.SPOT_FALLBACK: "no spot instance came in time, so it gets an on-demand one",
    Reason.REJECTED: "Ray did not accept the job",
    Reason.SOURCE_MISSING: "its source is not in the store",
    Reason.STORE_UNREACHABLE: "its node could not reach or write the store",
    Reason.CLUSTER_DELETED: "its cluster was deleted",
}
