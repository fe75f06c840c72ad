"""What runs and clusters have cost, as `cost` shows it."""

import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from itertools import groupby

from gridray.cli import costshapes as shapes
from gridray.cli import text
from gridray.cli.output import Output
from gridray.cli.text import Column
from gridray.errors import NotFoundError, UsageError
from gridray.layout import ExperimentName, parse_name
from gridray.readers import costs
from gridray.readers.costs import Amounts, AttemptCost, ClusterCost, RunCost
from gridray.spec import parse_duration
from gridray.store import Store

AMOUNTS = (
    Column("Cost", right=True),
    Column("Saved by spot", right=True),
    Column("Interrupted", right=True),
)
ATTEMPT_COLUMNS = (
    Column("Experiment"),
    Column("Attempt", right=True),
    Column("Machine"),
    Column("Market"),
    Column("Zone"),
    Column("Share", right=True),
    Column("Duration", right=True),
    Column("Price an hour", right=True),
    *AMOUNTS,
)
RUN_COLUMNS = (Column("Run"), Column("Cluster"), *AMOUNTS)
CLUSTER_COLUMNS = (
    Column("Cluster"),
    Column("Machines", right=True),
    Column("Head", right=True),
    Column("Workers", right=True),
    Column("Used by runs", right=True),
    Column("Idle", right=True),
)
# US dollars. A saving that is negative and smaller is one of rounding.
SMALLEST = 0.00005
UNKNOWN = "prices are known of machines in AWS, on clusters made by `gridray clusters aws`"


def start(since: str | None) -> float | None:
    """Return the time (Unix, s) so long ago.

    Raises:
        UsageError: it is no length of time.
    """
    if since is None:
        return None
    try:
        seconds = parse_duration(since)
    except ValueError as error:
        raise UsageError(f"--since {since!r} is no length of time: {error}") from error
    return time.time() - float(str(seconds))


def run(store: Store, name: str, cluster: str | None, since: float | None) -> shapes.RunCost:
    """Read what a run, or one experiment of it, has cost.

    Raises:
        NotFoundError: there is no such run, or experiment.
        UsageError: a cluster is named as well.
    """
    if cluster is not None:
        raise UsageError(
            f"--cluster {cluster} and the name {name} contradict each other",
            hint="leave out one of them",
        )
    wanted, index = parse_name(name)
    found = costs.run_cost(store, wanted, time.time(), since)
    if index is not None:
        found = _only(found, index)
    groups = groupby(found.attempts, lambda each: each.name.index)
    return shapes.RunCost(
        name=wanted,
        cluster=found.record.cluster.name,
        since=_utc(since),
        max_cost=found.record.max_cost,
        experiments=tuple(_experiment(wanted, index, list(each)) for index, each in groups),
        **_sums(found.total),
    )


def _only(found: RunCost, index: int) -> RunCost:
    if index >= found.record.count:
        raise NotFoundError(
            f"the run {found.record.name!r} has no experiment "
            f"{str(ExperimentName(found.record.name, index))!r}",
            hint=f"`gridray status {found.record.name}` lists them",
        )
    attempts = tuple(each for each in found.attempts if each.name.index == index)
    return RunCost(found.record, costs.amounts(attempts), attempts)


def _experiment(run: str, index: int, attempts: Sequence[AttemptCost]) -> shapes.ExperimentCost:
    return shapes.ExperimentCost(
        name=str(ExperimentName(run, index)),
        attempts=tuple(map(_attempt, attempts)),
        **_sums(costs.amounts(attempts)),
    )


def _attempt(found: AttemptCost) -> shapes.AttemptCost:
    machine = found.instance
    return shapes.AttemptCost(
        attempt=found.name.attempt,
        instance_id=machine.instance_id,
        instance_type=machine.instance_type,
        market=machine.market,
        zone=machine.zone,
        share=machine.share,
        price=machine.price,
        since=_at(found.since),
        until=_at(found.until),
        hours=found.hours,
        cost=found.cost,
        saved=found.saved,
        lost=found.is_lost,
    )


def show_run(out: Output, found: shapes.RunCost) -> None:
    out.table(ATTEMPT_COLUMNS, _attempt_rows(found))
    out.note()
    of = f" of at most {text.money(found.max_cost)}" if found.max_cost is not None else ""
    out.note(f"{found.name} has cost {text.money(found.cost)}{of}{_told(found)}")
    if found.cost is None:
        out.note(UNKNOWN)


def _attempt_rows(found: shapes.RunCost) -> Iterator[list[str]]:
    for experiment in found.experiments:
        for each in experiment.attempts:
            yield [
                experiment.name,
                str(each.attempt),
                each.instance_type,
                each.market,
                each.zone,
                f"{each.share:.0%}",
                text.duration(each.hours * 3600),
                text.money(each.price),
                text.money(each.cost),
                text.money(each.saved),
                text.money(each.cost if each.lost else 0.0),
            ]


def _told(found: shapes.RunCost) -> str:
    saved = found.saved or 0.0
    words = [f"{text.money(saved)} saved by spot"] if saved > 0 else []
    words += [f"{text.money(-saved)} more than on demand"] if saved <= -SMALLEST else []
    words += [f"{text.money(found.lost)} in attempts that were interrupted"] if found.lost else []
    return f" ({', '.join(words)})" if words else ""


def overview(out: Output, store: Store, cluster: str | None, since: float | None) -> shapes.Costs:
    """Read what all runs and clusters have cost, or those of one cluster.

    Raises:
        NotFoundError: nothing is known of this cluster.
    """
    found = costs.overview(
        store, time.time(), since, cluster, lambda error: out.warn(error.message)
    )
    return shapes.Costs(
        since=_utc(since),
        runs=tuple(map(_run_sum, found.runs)),
        clusters=tuple(map(_cluster, found.clusters)),
        cost=_rounded(found.total),
    )


def _run_sum(found: RunCost) -> shapes.RunSum:
    record = found.record
    return shapes.RunSum(record.name, record.cluster.name, **_sums(found.total))


def _cluster(found: ClusterCost) -> shapes.ClusterCost:
    return shapes.ClusterCost(
        name=found.key,
        head=_rounded(found.head),
        workers=_rounded(found.workers),
        used=_rounded(found.used),
        idle=_rounded(found.idle),
        machines=found.machines,
        unpriced=found.unpriced,
    )


def show_overview(out: Output, found: shapes.Costs) -> None:
    if found.runs:
        out.table(RUN_COLUMNS, map(_run_row, found.runs))
    if found.runs and found.clusters:
        out.line()
    if found.clusters:
        out.table(CLUSTER_COLUMNS, map(_cluster_row, found.clusters))
    if found.cost is None:
        out.note(f"no cost is known; {UNKNOWN}")
        return
    out.note()
    since = f" since {text.moment(found.since)}" if found.since else ""
    out.note(f"{text.money(found.cost)} in all{since}")
    unpriced = sum(each.unpriced for each in found.clusters)
    if unpriced:
        are = "is" if unpriced == 1 else "are"
        out.warn(f"{text.count(unpriced, 'machine')} without a known price {are} not counted")


def _run_row(each: shapes.RunSum) -> list[str]:
    amounts = (each.cost, each.saved, each.lost)
    return [each.name, text.harmless(each.cluster), *map(text.money, amounts)]


def _cluster_row(each: shapes.ClusterCost) -> list[str]:
    amounts = (each.head, each.workers, each.used, each.idle)
    return [each.name, str(each.machines), *map(text.money, amounts)]


def _sums(found: Amounts) -> dict[str, float | None]:
    return {name: _rounded(amount) for name, amount in vars(found).items()}


def _rounded(amount: float | None) -> float | None:
    return None if amount is None else round(amount, 9)


def _utc(time: float | None) -> datetime | None:
    return None if time is None else _at(time)


def _at(time: float) -> datetime:
    return datetime.fromtimestamp(round(time, 3), timezone.utc)
