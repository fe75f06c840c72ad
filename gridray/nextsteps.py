"""What to type next, by why an experiment is where it is."""

from collections.abc import Mapping, Sequence

from gridray import settings
from gridray.clusters.capacity import Fit
from gridray.clusters.causes import FALLBACK
from gridray.clusters.cluster import is_known
from gridray.readers.why import Wait, Why
from gridray.states import Reason, State

RETRY = "gridray retry {name}"
LOG = "gridray logs {name}"
ELSEWHERE = "gridray rerun {run} --cluster NAME"
ANEW = "gridray run ...   # again, with {change}"
RESUME = "gridray run --auto_resume ...   # next time, so that it goes on by itself"

AFTER: Mapping[Reason, tuple[str, ...]] = {
    Reason.EXIT_CODE: (LOG, RETRY),
    Reason.SIGNAL: (LOG, RETRY),
    Reason.OUT_OF_MEMORY: (ANEW.format(change="a larger --memory, or a smaller batch"),),
    Reason.TIMED_OUT: (ANEW.format(change="a longer --max_time"), RETRY),
    Reason.STOPPED: (RETRY,),
    Reason.MAX_COST: (
        "gridray cost {run}",
        ANEW.format(change="a higher --max_cost"),
        "gridray rerun {run}",
    ),
    Reason.INTERRUPTED: (RETRY, RESUME),
    Reason.NODE_LOST: (RETRY, RESUME),
    Reason.RUNNER_LOST: (RETRY, RESUME),
    Reason.FENCED: (RETRY,),
    Reason.START_TIMEOUT: ("gridray clusters", RETRY),
    Reason.BUILD_FAILED: ("gridray logs --show-build-logs {name}", RETRY),
    Reason.PREPARATION_FAILED: (RETRY,),
    Reason.DATASTORE_FAILED: ("gridray datastore", RETRY),
    Reason.SCRATCH_FAILED: (ANEW.format(change="a smaller --scratch_size"), RETRY),
    Reason.SECRETS_FAILED: (RETRY,),
    Reason.ACTION_FAILED: (LOG, RETRY),
    Reason.START_FAILED: ("gridray view {name}", RETRY),
    Reason.INFEASIBLE: (ANEW.format(change="less of what no node has, or on another --cluster"),),
    Reason.HELD: ("gridray retry {run}", "gridray retry --held {run}", "gridray stop run {run}"),
    Reason.SPOT_FALLBACK: ("gridray status {run}",),
    Reason.MAX_COST: ("gridray cost {run}", "gridray rerun {run}"),
    Reason.REJECTED: (RETRY,),
    Reason.SOURCE_MISSING: ("gridray run ...   # again, from the directory of the script",),
    Reason.STORE_UNREACHABLE: (RETRY,),
    Reason.CLUSTER_DELETED: (ELSEWHERE,),
}
NOT_OVER: Mapping[State, tuple[str, ...]] = {
    State.BUILDING: ("gridray logs -f --show-build-logs {name}",),
    State.RUNNING: ("gridray logs -f {name}",),
    State.SUCCEEDED: ("gridray artifacts {name}",),
}
STOP = "gridray stop experiment {name}"
# The build of another experiment of its run has failed, and ended this one before it began.
UNBUILT = ("gridray why {run}", RETRY)


def next_steps(found: Why, fit: Fit | None) -> tuple[str, ...]:
    """Return the commands that may help."""
    experiment = found.experiment
    if experiment.reason is Reason.BUILD_FAILED and not found.attempts:
        steps: tuple[str, ...] = UNBUILT
    elif found.wait is Wait.HOLD or (experiment.state.is_terminal and experiment.reason):
        steps = AFTER[experiment.reason] if experiment.reason else ()
    elif found.wait is not None:
        steps = (*AFTER[Reason.INFEASIBLE], STOP) if fit is Fit.NEVER else ("gridray status {run}",)
    else:
        steps = NOT_OVER.get(experiment.state, (LOG, RETRY))
    if not is_known(found.record.cluster.name, settings.load()):
        steps = tuple(dict.fromkeys(ELSEWHERE if step == RETRY else step for step in steps))
    return tuple(step.format(name=experiment.name, run=found.record.name) for step in steps)


def cloud_steps(mends: Sequence[str], found: Why) -> tuple[str, ...]:
    """Return those of some commands that fit a run, and a cluster that Gridray made, or another."""
    record = found.record
    placement, name = record.placement, record.cluster.name
    waits_for_ever = (
        placement is not None and placement.use_spot and placement.spot_fallback is None
    )
    is_ours = (settings.home() / "clusters" / name / "cluster.yaml").is_file()
    steps = (
        mend
        for mend in mends
        if (waits_for_ever or FALLBACK not in mend) and (is_ours or "{cluster}" not in mend)
    )
    return tuple(step.format(cluster=name) for step in steps)
