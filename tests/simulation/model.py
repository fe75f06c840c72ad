"""What has to come of a run, worked out from what happened to its attempts and nothing else."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from gridray.records import Row, RunRecord
from gridray.states import Reason, State
from tests.simulation.cluster import PlayedCluster, PlayedJob


@dataclass(frozen=True)
class End:
    """How an attempt has ended."""

    state: State
    reason: Reason | None = None
    exit_code: int | None = None

    @property
    def is_own(self) -> bool:
        """Whether it was the script that failed."""
        return self.reason is Reason.EXIT_CODE

    def leads_on(self, record: RunRecord, failures: int) -> bool:
        """Whether another attempt has to follow; `failures` counts the script's own up to it."""
        match self.reason:
            case Reason.START_TIMEOUT:
                return True
            case Reason.NODE_LOST | Reason.RUNNER_LOST | Reason.INTERRUPTED:
                return record.auto_resume
            case Reason.EXIT_CODE:
                return failures <= record.retries
        return False


NEVER_STARTED = End(State.FAILED, Reason.START_TIMEOUT)


def violations(
    record: RunRecord, rows: Sequence[Row], cluster: PlayedCluster, stopped: frozenset[int]
) -> Iterator[str]:
    """Yield what is wrong with a run that is over, in words; `stopped` are those a user stopped."""
    attempts = cluster.attempts(record.name)
    if len(rows) != record.count or not set(attempts) <= set(range(record.count)):
        yield f"{record.name}: {record.count} experiments, but {len(rows)} rows"
    for index, row in enumerate(rows):
        jobs = attempts.get(index, [])
        name = f"{record.name}-exp{index}"
        if [job.name.attempt for job in jobs] != list(range(len(jobs))):
            yield f"{name}: its attempts are {[job.name.attempt for job in jobs]}"
        for before, after in pairwise(jobs):
            if before.over_at is None or after.submitted_at < before.over_at:
                yield f"{name}: attempt {after.name.attempt} was submitted before the last was over"
        if index in stopped and row.state is State.CANCELLED:
            continue
        if not jobs:
            yield f"{name}: it never ran, and is {row.state.value}"
        elif row.attempt != len(jobs) - 1:
            yield f"{name}: its row shows attempt {row.attempt}, its last one is {len(jobs) - 1}"
        elif not _fits(record, row, jobs):
            yield f"{name}: {row} does not follow from {[list(_ends(job)) for job in jobs]}"


def _fits(record: RunRecord, row: Row, jobs: Sequence[PlayedJob]) -> bool:
    """Whether the attempts explain the row: all but the last lead on, and the last one does not."""
    # The script's own failures, which the row counts, for each way to see the attempts so far.
    ways = {0}
    for job in jobs[:-1]:
        ends = [(failures + end.is_own, end) for failures in ways for end in _ends(job)]
        ways = {failures for failures, end in ends if end.leads_on(record, failures)}
    shown = End(row.state, row.reason, row.exit_code)
    return any(
        end == shown and row.failures == failures + end.is_own
        for failures in ways
        for end in _ends(jobs[-1])
        if not end.leads_on(record, failures + end.is_own)
    )


def _ends(job: PlayedJob) -> Iterator[End]:
    """Yield how an attempt may be said to have ended.

    More than one only where a runner that was cut off has gone on after Ray called it over.
    """
    runner = job.runner
    # A run is over with the runners' last words, a moment before its last jobs are.
    over_time = float("inf") if job.over_time is None else job.over_time
    if runner is None:
        yield NEVER_STARTED
        return
    if runner.word is not None and runner.word_at is not None:
        yield End(runner.word.state, runner.word.reason, runner.word.exit_code)
        if runner.word_at <= over_time:
            return
    if runner.started_at is None or runner.started_at > over_time:
        yield NEVER_STARTED
    if runner.started_at is not None:
        was_lost = job.error_type == "JOB_SUPERVISOR_ACTOR_DIED"
        yield End(State.FAILED, Reason.NODE_LOST if was_lost else Reason.RUNNER_LOST)
