"""What Ray knows of jobs and nodes, in our words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

# Set on a node from RAY_NODE_TYPE_NAME, as `ray up` and KubeRay do.
GROUP_LABEL = "ray.io/node-group"


class JobStatus(str, Enum):
    """Ray's statuses of a job."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    STOPPED = "STOPPED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"

    @property
    def is_terminal(self) -> bool:
        return self in (JobStatus.STOPPED, JobStatus.SUCCEEDED, JobStatus.FAILED)


class JobError(Enum):
    """Why Ray calls a job failed. Source: JobErrorType in ray/dashboard/modules/job/common.py.

    One that is withdrawn was taken out of Ray's queue. Ray itself tells neither that, nor a lost
    runner or a want of memory, from a lost node.
    """

    NODE_LOST = "node lost"
    RUNNER_LOST = "runner lost"
    OUT_OF_MEMORY = "out of memory"
    WITHDRAWN = "withdrawn"
    START_TIMEOUT = "start timed out"
    START_FAILED = "start failed"
    EXIT_CODE = "exit code"


@dataclass(frozen=True)
class Job:
    """A job as Ray sees it."""

    submission_id: str
    status: JobStatus
    error: JobError | None = None
    exit_code: int | None = None
    message: str = ""
    node_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Node:
    """A living node: what it has in all, by Ray's resource names (memory in bytes).

    `labels` are Ray's own and those that whoever started it has given it.
    """

    node_id: str
    address: str
    is_head: bool
    resources: Mapping[str, float]
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def group(self) -> str | None:
        """The worker group that it is of, if whoever started it has said so."""
        return self.labels.get(GROUP_LABEL)


@dataclass(frozen=True)
class Use:
    """What something holds of a node's resources; `name` is a job's submission id if it is one."""

    name: str
    node_id: str
    resources: Mapping[str, float]


@dataclass(frozen=True)
class Submission:
    """A job to be submitted; memory in bytes. Its node has to have these `labels`."""

    submission_id: str
    entrypoint: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    runtime_env: Mapping[str, Any] = field(default_factory=dict)
    cpus: float = 0
    gpus: float = 0
    memory: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
