"""Experiments beside each other: what tells them apart, and which is the best by a metric."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from gridray.errors import NotFoundError
from gridray.metricrecords import SYSTEM, Step, Summary
from gridray.readers import metrics, runs
from gridray.readers.runs import ExperimentView
from gridray.store import Store

# What a metric is called of which more is better, unless it is called a loss.
GREATER = re.compile(
    r"acc|auc|auroc|\bap\b|average_precision|bleu|correct|dice|f1|fbeta|hit|iou|kappa|\bmap|mcc|ndcg"
    r"|precision|psnr|r2|recall|return|reward|rouge|score|spearman|pearson|ssim|success|throughput"
    r"|per_sec|win"
)
# What one is called of which less is better. Of all others, less is taken to be.
LESSER = re.compile(
    r"loss|err|mse|mae|mape|nll|perplexity|cross_?entropy|brier|deviance|distance|divergence|regret"
    r"|cost|latency|duration|seconds|(\b|_)(ppl|wer|cer|fid|time)\b"
)
# Names of what only counts where the script is.
COUNTER = re.compile(
    r"(^|/)((global|total|num|current|env)?_)?(epoch|(time_?)?step|iter|iteration)s?$"
)
# Which metric experiments are compared by, if nobody says: the first that one of these finds.
PREFERRED = (
    re.compile(r"val.*loss|loss.*val"),
    re.compile(r"(val|test|eval).*(acc|f1|auc|score)"),
    re.compile(r"val|test|eval"),
    re.compile(r"acc|f1|auc|score|reward"),
    re.compile(r"loss|err"),
    re.compile(r""),
)


class Mode(str, Enum):
    """Which value of a metric is the best."""

    MIN = "min"
    MAX = "max"


@dataclass(frozen=True)
class Entry:
    """An experiment, its run, and what its metrics come to."""

    run: str
    view: ExperimentView
    metrics: Mapping[str, Summary]


@dataclass(frozen=True)
class Comparison:
    """Experiments, the best one first; those that do not have the metric come last.

    `params` are those that differ, `names` the metrics that any of them has. `metric` is None where
    there are no metrics at all. `mode` is guessed where neither who asked nor the name has told it.
    """

    metric: str | None
    mode: Mode
    is_guessed: bool
    params: tuple[str, ...]
    names: tuple[str, ...]
    entries: tuple[Entry, ...]


def compare(
    store: Store,
    names: Sequence[str],
    now: float,
    metric: str | None = None,
    mode: Mode | None = None,
) -> Comparison:
    """Compare the experiments of runs.

    Args:
        metric: what they are sorted by; None: one that looks like what it is all about.
        mode: None goes by the metric's name.

    Raises:
        NotFoundError: there is no such run, or none of their experiments has the metric.
    """
    entries = [entry for name in names for entry in _entries(store, name, now)]
    counted = Counter(name for entry in entries for name in entry.metrics)
    known = [name for name in counted if not name.startswith(SYSTEM)]
    if metric is not None and metric not in counted:
        raise NotFoundError(
            f"no experiment of {' and '.join(names)} has a metric {metric!r}",
            hint=f"they have {', '.join(sorted(known))}" if known else NO_METRICS,
        )
    chosen = metric if metric is not None else main_metric(known)
    wanted = mode or (Mode.MIN if chosen is None else default_mode(chosen))
    is_guessed = mode is None and chosen is not None and not tells_mode(chosen)
    ordered = sorted(entries, key=lambda entry: _rank(entry, chosen, wanted))
    return Comparison(
        metric=chosen,
        mode=wanted,
        is_guessed=is_guessed,
        params=varying(each.view for each in entries),
        names=tuple(sorted(known)),
        entries=tuple(ordered),
    )


NO_METRICS = "what files and output metrics are read from: `gridray docs metrics`"


def main_metric(names: Iterable[str]) -> str | None:
    """Return the name that looks most like what experiments are about; None: there are none."""
    found = set(names)
    measured = {name for name in found if has_best(name)}
    ordered = sorted(measured or found, key=lambda name: (name.count("/"), name))
    for pattern in PREFERRED:
        for name in ordered:
            if pattern.search(name.lower()):
                return name
    return None


def in_order(names: Iterable[str]) -> list[str]:
    """Return metrics as they are shown: the main one, others by alphabet, the system's last."""
    known = list(names)
    main = main_metric(name for name in known if not name.startswith(SYSTEM))
    return sorted(known, key=lambda name: (name.startswith(SYSTEM), name != main, name))


def default_mode(name: str) -> Mode:
    """Return which value of a metric of this name is the best."""
    return Mode.MAX if GREATER.search(name.lower()) and "loss" not in name.lower() else Mode.MIN


def tells_mode(name: str) -> bool:
    """Whether the name of a metric says which of its values is the best."""
    return any(each.search(name.lower()) for each in (GREATER, LESSER))


def has_best(name: str) -> bool:
    """Whether any value of a metric is better than another: not of machines, and of mere counts."""
    return not name.startswith(SYSTEM) and COUNTER.search(name.lower()) is None


def best(summary: Summary, mode: Mode) -> tuple[float, Step]:
    """Return the best value of a metric, and its step."""
    if mode is Mode.MIN:
        return summary.least, summary.least_step
    return summary.greatest, summary.greatest_step


def varying(views: Iterable[ExperimentView]) -> tuple[str, ...]:
    """Return the parameters that not all of these have alike, in the order of the sweep."""
    params = [view.params for view in views]
    names = dict.fromkeys(name for each in params for name in each)
    return tuple(name for name in names if len({each.get(name) for each in params}) > 1)


def _entries(store: Store, run: str, now: float) -> list[Entry]:
    view = runs.run_view(store, run, now)
    found = metrics.summaries(store, run)
    return [Entry(run, each, found.get(each.index, {})) for each in view.experiments]


def _rank(entry: Entry, metric: str | None, mode: Mode) -> tuple[bool, float]:
    summary = None if metric is None else entry.metrics.get(metric)
    if summary is None:
        return True, math.inf
    value, _ = best(summary, mode)
    if math.isnan(value):
        return False, math.inf
    return False, value if mode is Mode.MIN else -value
