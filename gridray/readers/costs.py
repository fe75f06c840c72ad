"""What runs and clusters have cost, as the store tells: no cluster is asked, nor a cloud.

All amounts are US dollars; None: not known. All periods are from `since` until now (Unix, s).
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from gridray import costs, layout, marks
from gridray.errors import DamagedError, NotFoundError
from gridray.layout import AttemptName
from gridray.machines import NodeRecord, read_ledger
from gridray.placement import InstanceRecord
from gridray.readers import heartbeat, runs
from gridray.records import AttemptState, Row, RunRecord, RunStatus, decode, read_run
from gridray.store import Store, parse_json

Told = Callable[[DamagedError], None]


@dataclass(frozen=True)
class AttemptCost:
    """One try at an experiment: its time on a machine, `hours`, and what that has cost.

    `is_lost` tells that it was interrupted. `until` is now while it runs.
    """

    name: AttemptName
    instance: InstanceRecord
    since: float
    until: float
    hours: float
    cost: float | None
    saved: float | None
    is_lost: bool


@dataclass(frozen=True)
class Amounts:
    """A sum. `saved` is what more it had cost on demand, `lost` what interrupted attempts cost."""

    cost: float | None = None
    saved: float | None = None
    lost: float | None = None

    def __add__(self, other: "Amounts") -> "Amounts":
        return Amounts(
            costs.added((self.cost, other.cost)),
            costs.added((self.saved, other.saved)),
            costs.added((self.lost, other.lost)),
        )


NOTHING = Amounts()


@dataclass(frozen=True)
class RunCost:
    """What a run has cost, with its attempts if they were read.

    `total` has in it what experiments have cost that were deleted.
    """

    record: RunRecord
    total: Amounts
    attempts: tuple[AttemptCost, ...] = ()


@dataclass(frozen=True)
class ClusterCost:
    """What the machines of a cluster have cost: its head, and its workers.

    Of the workers' cost `used` is what the runs in the store have cost on them, `idle` the rest.
    `machines` counts them all, `unpriced` those whose price is not known.
    """

    key: str
    head: float | None
    workers: float | None
    used: float | None
    idle: float | None
    machines: int
    unpriced: int


@dataclass(frozen=True)
class Overview:
    """What the runs of a store have cost, the newest first, and its clusters."""

    runs: tuple[RunCost, ...]
    clusters: tuple[ClusterCost, ...]
    total: float | None


def amounts(attempts: Iterable[AttemptCost]) -> Amounts:
    """Return what attempts have cost together."""
    found = list(attempts)
    cost = costs.added(each.cost for each in found)
    lost = costs.added(each.cost for each in found if each.is_lost)
    return Amounts(
        cost,
        costs.added(each.saved for each in found),
        lost if cost is None or lost is not None else 0.0,
    )


def run_cost(store: Store, run: str, now: float, since: float | None = None) -> RunCost:
    """Read what a run has cost, attempt by attempt.

    Raises:
        NotFoundError: there is no such run.
    """
    record = read_run(store, run)
    rows = runs.latest_rows(store, record, now)
    deleted = {int(name) for name in store.names(layout.deletions(run))}
    attempts = _attempts(store, record, rows, deleted, now, since)
    total = amounts(attempts)
    if since is None:
        total += _of_rows([rows[index] for index in deleted], now)
    return RunCost(record, total, attempts)


def overview(
    store: Store,
    now: float,
    since: float | None = None,
    cluster: str | None = None,
    damaged: Told = lambda error: None,
) -> Overview:
    """Read what all runs and clusters have cost.

    Args:
        since: the time from which on what was spent counts; None: all of it.
        cluster: only this one, by its name or its key, and its runs.
        damaged: told of what cannot be read, and is left out.

    Raises:
        NotFoundError: nothing is known of a cluster of this name.
    """
    found = [
        _in_period(store, record, rows, now, since)
        for record, rows in _all_runs(store, damaged)
        if cluster is None or cluster in (record.cluster.name, record.cluster.key)
    ]
    found = [each for each in found if each.total.cost is not None]
    found.sort(key=lambda each: each.record.created_at, reverse=True)
    spent: dict[str, float] = defaultdict(float)
    for each in found:
        spent[each.record.cluster.key] += each.total.cost or 0.0
    keys = {each.record.cluster.key for each in found if each.record.cluster.name == cluster}
    clusters = [
        _cluster_cost(key, nodes, spent.get(key), since, now)
        for key, nodes in _ledgers(store, damaged).items()
        if cluster is None or cluster == key or key in keys
    ]
    if cluster is not None and not found and not clusters:
        raise NotFoundError(
            f"nothing is known of what a cluster {cluster!r} has cost",
            hint="`gridray cost` lists what is known; clusters made by `gridray clusters aws` are",
        )
    billed = {each.key for each in clusters}
    others = (amount for key, amount in spent.items() if key not in billed)
    machines = (amount for each in clusters for amount in (each.head, each.workers))
    return Overview(tuple(found), tuple(clusters), costs.added((*machines, *others)))


def _all_runs(store: Store, damaged: Told) -> Iterable[tuple[RunRecord, Sequence[Row]]]:
    """Yield all runs with where their experiments are, as their controllers have said."""
    names = store.names(layout.RUNS)
    records = store.get_many(layout.run_record(name) for name in names)
    statuses = store.get_many(layout.status(name) for name in names)
    for key, data in records.items():
        try:
            record = decode(RunRecord, parse_json(data, key), key)
            status_key = layout.status(record.name)
            if (status := statuses.get(status_key)) is not None:
                read = decode(RunStatus, parse_json(status, status_key), status_key)
                if marks.is_of(read.identity, record.identity):
                    yield record, read.rows
        except DamagedError as error:
            damaged(error)


def _in_period(
    store: Store, record: RunRecord, rows: Sequence[Row], now: float, since: float | None
) -> RunCost:
    """Return what a run has cost in a period; its attempts are read only where that takes them."""
    is_known = any(row.spent is not None or row.rate is not None for row in rows)
    until = now
    if any(row.rate is not None for row in rows):
        until = heartbeat.billed_until(store, record.cluster.key, now)
    if not is_known or since is None or record.created_at >= since:
        return RunCost(record, _of_rows(rows, until))
    ends = [row.ended_at for row in rows if row.state.is_terminal and row.ended_at is not None]
    if len(ends) == len(rows) and max(ends, default=0.0) < since:
        return RunCost(record, NOTHING)
    deleted = {int(name) for name in store.names(layout.deletions(record.name))}
    return RunCost(record, amounts(_attempts(store, record, rows, deleted, now, since)))


def _of_rows(rows: Sequence[Row], until: float) -> Amounts:
    """Return what experiments have cost; what is saved and lost, of the attempts that are over."""
    cost = costs.total(rows, until)
    if cost is None:
        return NOTHING
    return Amounts(cost, sum(row.saved for row in rows), sum(row.wasted for row in rows))


def _attempts(
    store: Store,
    record: RunRecord,
    rows: Sequence[Row],
    deleted: Collection[int],
    now: float,
    since: float | None,
) -> tuple[AttemptCost, ...]:
    """Read the attempts of a run that have had a place on a known machine."""
    names = [
        AttemptName(record.name, index, number)
        for index, row in enumerate(rows)
        if index not in deleted
        for number in range(row.attempt + (row.submitted_at is not None))
    ]
    said = _words(store, record, {layout.attempt_state(name): name for name in names})
    told = _words(store, record, {layout.attempt_ending(name): name for name in said})
    until = heartbeat.billed_until(store, record.cluster.key, now)
    found = []
    for name, word in said.items():
        row = rows[name.index]
        is_latest = name.attempt == row.attempt and row.state.is_submitted
        ended = _ended(row, word, told.get(name))
        end = until if is_latest and not word.state.is_terminal else _end(ended)
        cost = _attempt_cost(name, word.instance, ended, end, since)
        found += [] if cost is None else [cost]
    return tuple(found)


def _ended(row: Row, word: AttemptState, told: AttemptState | None) -> AttemptState:
    """Return how an attempt has ended for the controller, which may have told that before it heard.

    What it has told counts, but for a last word that its row has in it.
    """
    is_heard = word.state.is_terminal and row.state.is_terminal and row.ended_at == word.ended_at
    return word if told is None or is_heard else told


def _end(ended: AttemptState) -> float | None:
    return ended.ended_at if ended.state.is_terminal else None


def _attempt_cost(
    name: AttemptName,
    instance: InstanceRecord | None,
    ended: AttemptState,
    end: float | None,
    since: float | None,
) -> AttemptCost | None:
    if instance is None or instance.since is None or end is None:
        return None
    if since is not None and end <= since:
        return None
    start = instance.since if since is None else max(instance.since, since)
    bill = costs.bill(instance, start, end)
    is_lost = ended.reason is not None and ended.reason.is_interruption
    return AttemptCost(name, instance, start, end, bill.hours, bill.cost, bill.saved, is_lost)


def _words(
    store: Store, record: RunRecord, keys: Mapping[str, AttemptName]
) -> dict[AttemptName, AttemptState]:
    found = store.get_many_json(keys)
    words = {keys[key]: decode(AttemptState, raw, key) for key, raw in found.items()}
    return {
        name: word for name, word in words.items() if marks.is_of(word.identity, record.identity)
    }


def _ledgers(store: Store, damaged: Told) -> dict[str, list[NodeRecord]]:
    """Read the machines that each cluster has had, of those that Gridray has made."""
    found = {}
    for key in layout.cluster_keys(store.names(layout.CLUSTERS)):
        try:
            nodes = read_ledger(store, key)
        except DamagedError as error:
            damaged(error)
            continue
        if nodes:
            found[key] = nodes
    return found


def _cluster_cost(
    key: str, nodes: Sequence[NodeRecord], used: float | None, since: float | None, now: float
) -> ClusterCost:
    there = [node for node in nodes if since is None or node.until > since]

    def cost(are_heads: bool) -> float | None:
        return costs.added(
            None if node.price is None else node.hours(since or 0.0, now) * node.price
            for node in there
            if node.is_head is are_heads
        )

    workers = cost(are_heads=False)
    return ClusterCost(
        key=key,
        head=cost(are_heads=True),
        workers=workers,
        used=used,
        # Runners and the ledger look at different moments.
        idle=None if workers is None else max(0.0, workers - (used or 0.0)),
        machines=len(there),
        unpriced=sum(node.price is None for node in there),
    )
