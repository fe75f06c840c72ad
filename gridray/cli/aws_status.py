"""What runs of a cluster in AWS, what it costs just now, and what it is at."""

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from gridray import settings
from gridray.cli import cluster_shapes, cluster_work
from gridray.cli.aws_work import price
from gridray.cli.cluster_shapes import ClusterStatus, NodeGroup
from gridray.cli.output import Output
from gridray.cli.text import Column, harmless
from gridray.clusters.aws import catalog, estimate, lifecycle, machines, reach
from gridray.clusters.aws.machines import RUNNING, STARTING, Machine
from gridray.clusters.aws.made import Made
from gridray.clusters.aws.session import Account
from gridray.clusters.bootstrap import has_controller
from gridray.errors import GridrayError
from gridray.rayjobs import RayJobs
from gridray.store import Store

UP = (RUNNING, STARTING)
GROUP_COLUMNS = (
    Column("Group"),
    Column("Type"),
    Column("Market"),
    Column("Nodes", right=True),
    Column("$/h", right=True),
)


def row(name: str) -> cluster_shapes.Cluster:
    """Return a cluster as the list of all shows it; what AWS does not tell stays unknown."""
    region = "AWS"
    try:
        what = Made.load(settings.home(), name)
        region = what.region
        account = lifecycle.own_account(what)
        found = [each for each in machines.machines(account, what.mark) if each.state in UP]
        rates = estimate.rates(account, found)
        cpus, gpus = _sizes(account, [each for each in found if not each.is_head])
    except GridrayError as error:
        unknown = (None, None, None, None)
        state = cluster_work.UNREACHABLE
        return cluster_shapes.Cluster(name, state, *unknown, region, why=_sentence(error))
    return cluster_shapes.Cluster(
        name=name,
        state=_state(found),
        address=None,
        nodes=len(found),
        cpus=cpus,
        gpus=gpus,
        region=what.region,
        groups=tuple(f"{each.nodes} {each.name}" for each in _groups(found, rates)),
        price=_sum(rates.values()),
    )


def status(name: str) -> ClusterStatus:
    """Ask AWS, the cluster's Ray and its store at once.

    Raises:
        NotFoundError: Gridray has made no cluster of this name.
        CloudError: AWS cannot be asked.
    """
    what = Made.load(settings.home(), name)
    account = lifecycle.own_account(what)
    with ThreadPoolExecutor(2) as pool:
        ray = pool.submit(_ask_ray, what)
        active = pool.submit(_runs, what)
        found = [each for each in machines.machines(account, what.mark) if each.state in UP]
        rates = estimate.rates(account, found)
        answers, has_controller, launches = ray.result()
        runs = active.result()
    return ClusterStatus(
        name=name,
        state=_state(found),
        region=what.region,
        account=what.account,
        store=what.store,
        groups=tuple(_groups(found, rates)),
        price=_sum(rates.values()),
        launches=launches,
        answers=answers,
        controller=has_controller,
        runs=runs,
    )


def show(out: Output, found: ClusterStatus) -> None:
    out.line(f"{found.name}: {found.state} in {found.region}, account {found.account}")
    rows = [
        (each.name, each.instance_type, each.market, str(each.nodes), price(each.price))
        for each in found.groups
    ]
    if rows:
        out.line()
        out.table(GROUP_COLUMNS, rows)
    out.line()
    known = "not known" if found.price is None else f"{found.price:.3f} $ an hour"
    out.line(f"price now: {known}, without disks")
    for line in found.launches:
        out.line(harmless(line))
    if found.state != "stopped":
        ray = "answers" if found.answers else "does not answer"
        controller = {True: "runs", False: "does not run", None: "is not known"}[found.controller]
        out.line(f"Ray {ray}; the controller {controller}")
    out.line(f"store: {found.store}")
    out.line(f"active runs: {', '.join(found.runs) or 'none'}")
    if found.state in ("stopped", "headless"):
        out.next_commands((f"gridray clusters up {found.name}",))


def _ask_ray(what: Made) -> tuple[bool, bool | None, tuple[str, ...]]:
    """Return whether Ray answers, whether the controller runs there, and what is launched."""
    if what.head_address is None:
        return False, None, ()
    try:
        cluster = reach.cluster(settings.home(), what.name)
        cluster.jobs().version()
        is_led = has_controller(cluster, Store(what.store))
        return True, is_led, _launches(cluster.jobs())
    except GridrayError:
        return False, None, ()


def _launches(jobs: RayJobs) -> tuple[str, ...]:
    found = jobs.launches()
    pending = [f"launching: {', '.join(found.pending)}"] if found.pending else []
    failed = (f"could not launch {kind}: {why or 'no cause'}" for kind, why in found.failed.items())
    return (*pending, *failed)


def _runs(what: Made) -> tuple[str, ...]:
    try:
        return tuple(run.name for run in cluster_work.active(Store(what.store), what.name))
    except GridrayError:
        return ()


def _sentence(error: GridrayError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message


def _state(found: Sequence[Machine]) -> str:
    heads = [each for each in found if each.is_head]
    if any(each.state == RUNNING for each in heads):
        return "running"
    if heads:
        return "starting"
    return "headless" if found else "stopped"


def _groups(found: Sequence[Machine], rates: dict[str, float | None]) -> list[NodeGroup]:
    keys = [(each.group, each.instance_type, each.market) for each in found]
    counts = Counter(keys)
    return [
        cluster_shapes.NodeGroup(
            name=group,
            instance_type=kind,
            market=market,
            nodes=number,
            price=_sum(
                rates.get(each.id)
                for each, key in zip(found, keys, strict=True)
                if key == (group, kind, market)
            ),
        )
        for (group, kind, market), number in counts.items()
    ]


def _sum(prices: Iterable[float | None]) -> float | None:
    """Return what prices come to; None: one of them is not known."""
    known = 0.0
    for each in prices:
        if each is None:
            return None
        known += each
    return known


def _sizes(account: Account, workers: Sequence[Machine]) -> tuple[float, float]:
    """Return the CPUs and GPUs of workers."""
    types = catalog.instance_types(account, {each.instance_type for each in workers})
    sizes = [types[each.instance_type] for each in workers if each.instance_type in types]
    return sum(each.vcpus for each in sizes), sum(each.gpus for each in sizes)
