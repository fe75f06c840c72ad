"""Why an experiment is where it is, in words: what the store knows, and its cluster if asked."""

from dataclasses import dataclass, replace

from gridray import settings, wording
from gridray.clusters import capacity
from gridray.clusters.capacity import Fit
from gridray.clusters.cluster import Cluster, existing, is_local
from gridray.errors import GridrayError
from gridray.nextsteps import cloud_steps
from gridray.placement import selector
from gridray.readers.why import Wait, Why
from gridray.records import ClusterRecord
from gridray.stalls import Stall
from gridray.states import State


@dataclass(frozen=True)
class Because:
    """Why, in words; for what waits for a place, what the cluster says of it.

    `steps` are the next things to do, where they do not follow from the experiment.
    """

    text: str
    fit: Fit | None = None
    steps: tuple[str, ...] = ()


def because(found: Why, stall: Stall | None, now: float) -> Because:
    experiment = found.experiment
    if found.wait is not None:
        return _waiting(found, found.wait, stall, now)
    if experiment.state is State.SUCCEEDED:
        return Because(f"it took {wording.duration(experiment.run_seconds)}")
    host = next((f" on {each.host}" for each in reversed(found.attempts) if each.host), "")
    if experiment.state is State.BUILDING:
        return Because(f"its files are being prepared{host}")
    if experiment.state is State.RUNNING:
        told = f"for {wording.duration(experiment.run_seconds)} by now{host}{_memory(found)}"
        return Because(f"{told}{_doom(found, now)}")
    told = experiment.explanation or "no reason is known"
    return Because(f"{told}{_memory(found)}")


def _memory(found: Why) -> str:
    """Tell the memory that the latest attempt has had, against what was asked for."""
    peak = found.attempts[-1].peak_memory if found.attempts else None
    if peak is None:
        return ""
    asked = found.record.resources.memory
    return f"; peak memory {wording.size(peak)}" + (
        f" of {wording.size(asked)} asked" if asked else ""
    )


def _doom(found: Why, now: float) -> str:
    """Tell that the node of the latest attempt goes, if that was announced."""
    at = found.attempts[-1].doomed_at if found.attempts else None
    left = 0.0 if at is None else at.timestamp() - now
    return f"; its node is taken away in {wording.duration(left)}" if left > 0 else ""


def _waiting(found: Why, wait: Wait, stall: Stall | None, now: float) -> Because:
    experiment = found.experiment
    is_news = experiment.attempt or experiment.has_fallen_back
    again = f" ({experiment.explanation})" if is_news and experiment.explanation else ""
    if wait is Wait.HOLD:
        return Because(experiment.explanation)
    if stall is not None:
        return Because(stall.what, steps=(stall.mend,))
    if wait is Wait.BACK_OFF and experiment.not_before is not None:
        left = wording.duration(experiment.not_before.timestamp() - now)
        return Because(f"it is tried again in {left}{again}")
    if wait is Wait.MAX_PARALLEL:
        limit = f"--max_parallel lets {found.record.max_parallel:,} of its run go on at once"
        return Because(f"{limit}, and {found.active:,} do{_line(found)}{again}")
    because = _place(found)
    told = f"{because.text}{_line(found)}{again}{_patience(found, now)}"
    return Because(told, because.fit, because.steps)


def _place(found: Why) -> Because:
    """Ask the cluster whether it has a place."""
    record, has_fallen_back = found.record, found.experiment.has_fallen_back
    asked, placement = record.resources, record.placement
    nodes = f" on {placement.words(fallen_back=has_fallen_back)}" if placement else ""
    try:
        seen = capacity.read(_reachable(record.cluster).jobs())
    except GridrayError as error:
        needs = wording.resources(asked.cpus, asked.gpus, asked.memory)
        return Because(f"waiting for {needs}{nodes}; the cluster does not answer: {error.message}")
    seen = replace(seen, doomed=found.doomed)
    labels = selector(placement, fallen_back=has_fallen_back)
    verdict = capacity.verdict(seen, asked, found.ahead, labels)
    return Because(verdict.text, verdict.fit, cloud_steps(verdict.mends, found))


def _patience(found: Why, now: float) -> str:
    """Tell when an experiment that waits for spot gets an on-demand node."""
    experiment, placement = found.experiment, found.record.placement
    if placement is None or placement.spot_fallback is None or experiment.has_fallen_back:
        return ""
    began = experiment.queued_at
    if found.record.max_parallel is not None or began is None:
        return f"; after {wording.duration(placement.spot_fallback)} an on-demand node will do"
    left = began.timestamp() + placement.spot_fallback - now
    return f"; in {wording.duration(left)} an on-demand node will do" if left > 0 else ""


def _reachable(cluster: ClusterRecord) -> Cluster:
    """Return a cluster by its name in the settings.

    Raises:
        GridrayError: nothing of this name is known, or running.
    """
    chosen = settings.load()
    if not is_local(cluster.name):
        return existing(cluster.name, chosen)
    from gridray.clusters.local import LocalCluster
    from gridray.errors import ClusterError

    found = LocalCluster(chosen).running()
    if found is None or found.key != cluster.key:
        raise ClusterError("it is the local one of another machine or GRIDRAY_HOME")
    return found


def _line(found: Why) -> str:
    """Tell who is before an experiment that waits for a place."""
    ahead = (
        f"; {wording.count(found.ahead, 'experiment')} of its run before it" if found.ahead else ""
    )
    if found.experiment.state is not State.QUEUED:
        return ahead
    others = found.other_runs
    return ahead + (f"; {wording.count(others, 'other run')} on its cluster" if others else "")
