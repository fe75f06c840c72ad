"""`clusters aws`: what is asked for, what would be in its way, what it is to be and costs."""

from dataclasses import dataclass
from typing import Any

from gridray import settings
from gridray.cli import cluster_shapes, text
from gridray.cli.cluster_shapes import ClusterPlan, PlannedGroup
from gridray.cli.output import Output
from gridray.cli.text import Column, harmless
from gridray.clusters.aws import account as things
from gridray.clusters.aws import blueprint, estimate, lifecycle, made, network, preflight, wishes
from gridray.clusters.aws.clusterfile import MARKETS, Wanted
from gridray.clusters.aws.nicknames import resolve
from gridray.clusters.aws.session import Account
from gridray.clusters.aws.wishes import Wish
from gridray.errors import CloudError, ExistsError, UsageError
from gridray.labels import ON_DEMAND, SPOT
from gridray.settings import Settings
from gridray.spec import parse_duration

COLUMNS = (
    Column("Nodes"),
    Column("Type"),
    Column("Market"),
    Column("$/h each", right=True),
    Column("At most", right=True),
)
S3 = "s3://"


@dataclass(frozen=True)
class Asked:
    """What was typed."""

    name: str
    region: str | None
    profile: str | None
    instance_types: str | None
    spot: bool
    on_demand: bool
    both: bool
    store: str | None
    ssh_from: str | None
    private: bool
    head_idle: str | None
    head_timeout: str
    ami: str | None
    subnets: str | None
    rest: dict[str, Any]


def create(out: Output, asked: Asked, *, dry_run: bool, yes: bool) -> ClusterPlan:
    """Make a cluster in AWS, if nothing is in its way and the user agrees.

    Raises:
        ExistsError: there is one of this name.
        UsageError: something that was typed cannot be meant.
        CloudError: something is in its way; nothing is made then.
        ClusterError: it cannot be started. What was made is there.
    """
    known = settings.load()
    account = Account(asked.region, asked.profile)
    wish = _wish(asked, known, account)
    blueprint.check(wish.wanted)
    if network.is_wide(wish.wanted.ssh_from):
        out.warn(
            f"--ssh-from {wish.wanted.ssh_from} lets everybody on the internet reach the head's "
            "SSH port, where only its key keeps them out: name the addresses that need it"
        )
    _preflight(out, account, wish.wanted)
    planned = things.plan(account, wish.wanted, known.home)
    costs = estimate.of(account, planned)
    plan = _shape(planned, costs, made.directory(known.home, asked.name))
    if dry_run:
        return plan
    out.note(_told(out, plan))
    out.confirm(f"Make the cluster {asked.name} in {account.region}?", yes=yes)
    out.on_interrupt = (
        f"what was made stays: `gridray clusters up {asked.name}` goes on, "
        f"`gridray delete cluster {asked.name}` takes it away"
    )
    lifecycle.create(known.home, account, wish, planned, out.note)
    out.on_interrupt = None
    return cluster_shapes.ClusterPlan(**{**vars(plan), "made": True})


def show(out: Output, plan: ClusterPlan) -> None:
    if not plan.made:
        out.line(_told(out, plan))
        out.note("\nNothing has been made.")
        return
    out.line(plan.name)
    out.next_commands(
        (
            f"gridray run --cluster {plan.name} SCRIPT",
            f"gridray clusters use {plan.name}",
            f"gridray clusters status {plan.name}",
            f"gridray clusters down {plan.name}",
        )
    )


def _wish(asked: Asked, known: Settings, account: Account) -> Wish:
    _check_free(asked.name, known)
    wanted = Wanted(
        name=asked.name,
        region=account.region,
        instance_types=tuple(map(resolve, _parts(asked.instance_types))),
        markets=_markets(asked),
        profile=asked.profile,
        store=_store(asked.store, known),
        is_private=asked.private,
        head_idle=_seconds("--head-idle", asked.head_idle) if asked.head_idle else None,
        head_timeout=_seconds("--head-timeout", asked.head_timeout),
        amis=_parts(asked.ami),
        subnets=_parts(asked.subnets),
        **asked.rest,
    )
    blueprint.check(wanted)
    if asked.private and asked.ssh_from is None:
        raise UsageError(
            "--private needs to know from where the head's SSH is reached",
            hint="add --ssh-from with the addresses of your VPN, as 10.8.0.0/16",
        )
    block = asked.ssh_from or wishes.own_block()
    return Wish(Wanted(**{**vars(wanted), "ssh_from": block}), asked.ssh_from is None)


def _check_free(name: str, known: Settings) -> None:
    if name in known.clusters:
        raise ExistsError(
            f"the name {name!r} is that of a cluster in {known.home / 'settings.toml'}",
            hint="take another name",
        )
    if name in made.names(known.home):
        raise ExistsError(
            f"there is a cluster {name!r} already",
            hint=f"`gridray clusters up {name}` starts it or goes on with it, "
            f"`gridray clusters edit {name}` changes it, `gridray delete cluster {name}` ends it",
        )


def _seconds(option: str, words: str) -> float:
    try:
        found = parse_duration(words)
    except ValueError as error:
        raise UsageError(f"{option} {words!r} is no time", hint=str(error)) from error
    assert isinstance(found, float)
    if found <= 0:
        raise UsageError(f"{option} {words!r} is no time to wait", hint="as 2h or 15m")
    return found


def _parts(words: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in (words or "").split(",") if word.strip())


def _markets(asked: Asked) -> tuple[str, ...]:
    if asked.spot + asked.on_demand + asked.both > 1:
        raise UsageError(
            "--spot, --on-demand and --both contradict each other", hint="give one of them, or none"
        )
    if asked.spot:
        return (SPOT,)
    return (ON_DEMAND,) if asked.on_demand else MARKETS


def _store(named: str | None, known: Settings) -> str | None:
    """Return where the cluster's runs are kept; None: in a bucket that is made for it."""
    if named is not None:
        return named
    if known.store.startswith(S3):
        return known.store
    if known.store != str(known.home / "store"):
        raise UsageError(
            f"the store {harmless(known.store)} is a directory, which machines in AWS cannot see",
            hint="add --store s3://BUCKET/PREFIX; a bucket that does not exist is made",
        )
    return None


def _preflight(out: Output, account: Account, wanted: Wanted) -> None:
    """Tell all that is in the way at once."""
    groups = [
        preflight.Wanted(name, market, wanted.max_workers)
        for name in dict.fromkeys(wanted.instance_types)
        for market in wanted.markets
    ]
    problems = preflight.check(
        account,
        groups,
        wanted.head_type,
        max_workers=wanted.max_workers,
        subnets=wanted.subnets,
        image=wanted.head_ami,
    )
    fatal = [each for each in problems if each.is_fatal]
    for each in problems:
        if not each.is_fatal:
            out.warn(f"{each.message}\n  {each.hint}")
    if len(fatal) == 1:
        raise CloudError(f"{fatal[0].message}; nothing has been made", hint=fatal[0].hint)
    if fatal:
        told = "".join(f"\n  - {each.message}\n    {each.hint}" for each in fatal)
        raise CloudError(
            f"{len(fatal)} things are in the way of the cluster {wanted.name}; nothing has been "
            f"made:{told}"
        )


def _shape(planned: things.Planned, costs: estimate.Estimate, directory: Any) -> ClusterPlan:
    return ClusterPlan(
        name=planned.wanted.name,
        region=planned.wanted.region,
        account=planned.account,
        store=planned.store,
        made=False,
        things=planned.things,
        head=PlannedGroup(**vars(costs.head)),
        groups=tuple(PlannedGroup(**vars(each)) for each in costs.groups),
        max_workers=costs.max_workers,
        max_price=costs.most,
        file=str(directory / things.CLUSTER_FILE),
    )


def _told(out: Output, plan: ClusterPlan) -> str:
    rows = [("1 head", plan.head, plan.head.price)]
    rows += [(f"0 to {plan.max_workers}", each, _times(each, plan)) for each in plan.groups]
    cells = [
        (nodes, group.instance_type, group.market, price(group.price), price(most))
        for nodes, group, most in rows
    ]
    lines = [f"cluster {plan.name} in {plan.region}, account {plan.account}", ""]
    lines += [f"  {line}" for line in plan.things]
    lines += ["", *(f"  {line}" for line in out.drawn(COLUMNS, cells)), ""]
    lines.append(
        f"At rest {price(plan.head.price)} $ an hour, with "
        f"{text.count(plan.max_workers, 'worker')} at most {price(plan.max_price)} $. Spot prices "
        "are as of now: in the cheapest zone, and at most in the dearest one. Disks (gp3, about "
        "0.08 $ a GB and month) and traffic come on top."
    )
    return "\n".join(lines)


def _times(group: PlannedGroup, plan: ClusterPlan) -> float | None:
    return None if group.dearest is None else group.dearest * plan.max_workers


def price(dollars: float | None) -> str:
    return "?" if dollars is None else f"{dollars:.3f}"
