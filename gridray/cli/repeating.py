"""What `retry` is asked for, and what it tells."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from gridray import again
from gridray.cli import changeshapes, stalls, text
from gridray.cli.output import Output
from gridray.cli.stalls import Stall
from gridray.errors import UsageError
from gridray.layout import ExperimentName, parse_name
from gridray.readers import runs
from gridray.store import Store


def retry(
    out: Output, store: Store, names: Sequence[str], *, failed_only: bool, held_only: bool
) -> changeshapes.Retries:
    """Try again what is named; nothing is done if any of it cannot be.

    Raises:
        UsageError: the options and names contradict each other.
        NotFoundError: there is no such run or experiment.
        StateError: an experiment is not over, or has succeeded.
        ClusterError: the cluster of a run cannot be reached.
    """
    wanted = _by_run(names)
    if held_only and (failed_only or any(each.experiments for each in wanted.values())):
        raise UsageError(
            "--held goes with the names of runs only",
            hint="leave out --failed and the experiments, or --held",
        )
    planned = {
        run: [] if held_only else _to_retry(store, run, each, failed_only)
        for run, each in wanted.items()
    }
    done = []
    for run, indexes in planned.items():
        held = runs.run_view(store, run, time.time()).summary.held
        unheard = len(again.unheard(store, run))
        if indexes or held or unheard:
            again.retry(store, run, indexes, progress=out.note)
        elif stall := _stall(store, run):
            out.warn(stalls.explanation(run, stall))
        experiments = tuple(str(ExperimentName(run, index)) for index in indexes)
        done.append(changeshapes.Retried(run, experiments, held, unheard))
    return changeshapes.Retries(tuple(done))


def _stall(store: Store, run: str) -> Stall | None:
    """Return why a run stands still, if it is not over."""
    is_over = runs.run_view(store, run, time.time()).summary.state.is_terminal
    return None if is_over else stalls.of_run(store, run)


def show_retries(out: Output, retries: changeshapes.Retries) -> None:
    for each in retries.retried:
        told = []
        if each.experiments:
            told.append(f"{text.count(len(each.experiments), 'experiment')} to be tried again")
        if each.released:
            told.append(f"{each.released:,} held before")
        if each.resumed:
            told.append(f"{text.count(each.resumed, 'experiment')} to go on, asked for before")
        out.line(f"{each.name}: {', '.join(told) or 'nothing to try again'}")


@dataclass
class _Wanted:
    """What is named of a run: all of it, or experiments by their numbers, or both."""

    is_whole: bool = False
    experiments: set[int] = field(default_factory=set)


def _by_run(names: Sequence[str]) -> dict[str, _Wanted]:
    wanted: dict[str, _Wanted] = {}
    for name in names:
        run, index = parse_name(name)
        each = wanted.setdefault(run, _Wanted())
        if index is None:
            each.is_whole = True
        else:
            each.experiments.add(index)
    return wanted


def _to_retry(store: Store, run: str, wanted: _Wanted, failed_only: bool) -> list[int]:
    """Return the numbers of what gets another attempt; each that is named has to be able to."""
    named = again.to_retry(store, run, sorted(wanted.experiments))
    if not wanted.is_whole:
        return named
    return sorted({*named, *again.to_retry(store, run, failed_only=failed_only)})
