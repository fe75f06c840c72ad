"""What `doctor` looks at: this machine's side, and what is left over in AWS."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version

from gridray import __version__, layout, settings
from gridray.cli import cluster_shapes
from gridray.cli.cluster_shapes import Check, Diagnosis, StrayThing
from gridray.cli.output import Output
from gridray.cli.text import Column, count, harmless
from gridray.clusters.aws import strays
from gridray.clusters.aws.session import Account
from gridray.clusters.aws.strays import Stray
from gridray.errors import CredentialsError, GridrayError, StateError
from gridray.store import Store

COLUMNS = (Column("Region"), Column("Cluster"), Column("Kind"), Column("Id"), Column("State"))
# Programs that a cluster in AWS needs on this machine: Ray copies files with rsync.
PROGRAMS = ("ssh", "ssh-keygen", "ssh-keyscan", "rsync")
COSTLY = ("instance", "volume")


def diagnose(
    out: Output, regions: Sequence[str], profile: str | None, *, end: bool, yes: bool
) -> Diagnosis:
    """Look at everything, and end what is left over if the user says so.

    Raises:
        UsageError: there is nobody to ask whether it shall be ended.
        CloudError: something cannot be ended.
    """
    checks = list(_local())
    account = Account(profile=profile)
    try:
        home = settings.home()
        where = strays.regions(home, regions, account)
        found = strays.find(home, account, where) if where else []
        checks.append(_cloud(where))
    except CredentialsError as error:
        where, found = [], []
        is_needed = bool(regions or profile or strays.clusters(home))
        checks.append(Check("AWS", not is_needed, error.message, error.hint if is_needed else None))
    except GridrayError as error:
        where, found = [], []
        checks.append(Check("AWS", False, error.message, error.hint))
    ended = end and _end(out, account, found, yes=yes)
    things = tuple(_thing(each, ended and each.thing.kind in COSTLY) for each in found)
    return cluster_shapes.Diagnosis(tuple(checks), tuple(where), things)


def show(out: Output, found: Diagnosis) -> None:
    for each in found.checks:
        out.line(f"{'ok  ' if each.ok else 'BAD '} {each.what}: {harmless(each.text)}")
        if each.mend:
            out.line(f"       {harmless(each.mend)}")
    if found.strays:
        out.line()
        out.line("left over in AWS, of clusters that this machine does not know:")
        rows = (
            (each.region, each.cluster, each.kind, each.id, "ended" if each.ended else each.state)
            for each in found.strays
        )
        out.table(COLUMNS, rows)


def check(found: Diagnosis) -> None:
    """Check that all is well.

    Raises:
        StateError: it is not.
    """
    bad = [each for each in found.checks if not each.ok]
    left = [each for each in found.strays if each.kind in COSTLY and not each.ended]
    if left:
        regions = " ".join(f"--region {each}" for each in dict.fromkeys(s.region for s in left))
        raise StateError(
            f"{count(len(left), 'thing')} in AWS cost and belong to no cluster that this machine "
            "knows",
            hint=f"if they are no other machine's: `gridray doctor {regions} --end`",
        )
    if bad:
        raise StateError(f"{count(len(bad), 'check')} failed: {', '.join(b.what for b in bad)}")


def _end(out: Output, account: Account, found: Sequence[Stray], *, yes: bool) -> bool:
    costly = [each for each in found if each.thing.kind in COSTLY]
    if not costly:
        return False
    names = ", ".join(str(each.thing) for each in costly)
    out.confirm(f"End {names}? They may be of a cluster of another machine.", yes=yes)
    strays.end(account, costly)
    return True


def _thing(stray: Stray, ended: bool) -> StrayThing:
    each = stray.thing
    return StrayThing(stray.region, each.cluster, each.kind, each.id, each.state, ended)


def _cloud(regions: Sequence[str]) -> Check:
    if not regions:
        return Check("AWS", True, "no region is named or configured, so nothing was asked", None)
    return Check("AWS", True, f"asked in {', '.join(regions)}", None)


def _local() -> Iterator[Check]:
    yield _tried("settings", lambda: f"{settings.load().home} is readable")
    yield _tried("store", _store)
    yield Check("versions", True, f"Gridray {__version__}, Ray {_version('ray')}", None)
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    needed = bool(strays.clusters(settings.home()))
    yield Check(
        "programs",
        not (missing and needed),
        f"missing: {', '.join(missing)}" if missing else f"{', '.join(PROGRAMS)} are there",
        "clusters in AWS need openssh-client and rsync" if missing else None,
    )


def _store() -> str:
    store = Store(settings.load().store)
    store.names(layout.RUNS)
    return f"{store.url} answers"


def _tried(what: str, look: Callable[[], str]) -> Check:
    try:
        return Check(what, True, look(), None)
    except GridrayError as error:
        return Check(what, False, error.message, error.hint)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "is missing"
