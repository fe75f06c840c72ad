"""What `doctor` looks at: this machine's side, and what is left over in AWS."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from gridray import __version__, layout, settings
from gridray.cli import cluster_shapes
from gridray.cli.cluster_shapes import Check, Diagnosis, StrayBucket, StrayThing
from gridray.cli.output import Output
from gridray.cli.text import Column, count, harmless
from gridray.clusters.aws import made, strays
from gridray.clusters.aws.bucket import SCHEME, Bucket
from gridray.clusters.aws.session import Account
from gridray.clusters.aws.strays import COSTLY, Stray
from gridray.errors import (
    CredentialsError,
    DeniedError,
    GridrayError,
    NotFoundError,
    StateError,
    UsageError,
)
from gridray.store import Store

COLUMNS = (Column("Region"), Column("Cluster"), Column("Kind"), Column("Id"), Column("State"))
BUCKET_COLUMNS = (Column("Region"), Column("Cluster"), Column("Bucket"))
# Programs that a cluster in AWS needs on this machine: Ray copies files with rsync.
PROGRAMS = ("ssh", "ssh-keygen", "ssh-keyscan", "rsync")


@dataclass(frozen=True)
class Ending:
    """That the user wants something ended; of which clusters, (): of the only one that is found."""

    names: tuple[str, ...]
    yes: bool


@dataclass(frozen=True)
class Seen:
    """What was seen in AWS, and how that went."""

    check: Check
    regions: tuple[str, ...] = ()
    strays: tuple[Stray, ...] = ()
    buckets: tuple[Bucket, ...] = ()


def diagnose(
    out: Output, regions: Sequence[str], profile: str | None, ending: Ending | None
) -> Diagnosis:
    """Look at everything, and end what is left over if the user says so.

    Raises:
        UsageError: what is to be ended is not clear, or there is nobody to ask.
        NotFoundError: nothing is left over of a cluster that is named.
        CloudError: something cannot be ended.
    """
    local = tuple(_local())
    account = Account(profile=profile)
    seen = _look(account, regions)
    ended = _end(out, account, seen.strays, ending) if ending else []
    return cluster_shapes.Diagnosis(
        checks=(*local, seen.check),
        regions=seen.regions,
        strays=tuple(_thing(each, each in ended) for each in seen.strays),
        buckets=tuple(_bucket(each) for each in seen.buckets),
    )


def _look(account: Account, regions: Sequence[str]) -> Seen:
    home = settings.home()
    is_needed = True
    try:
        is_needed = bool(regions or account.profile or strays.clusters(home))
        where = tuple(strays.regions(home, regions, account))
        if not where:
            words = "no region is named or configured, so nothing was asked"
            return Seen(Check("AWS", True, words, None))
        found = tuple(strays.find(home, account, where))
        return _with_buckets(account, where, found)
    except CredentialsError as error:
        hint = error.hint if is_needed else None
        return Seen(Check("AWS", not is_needed, error.message, hint))
    except GridrayError as error:
        return Seen(Check("AWS", False, error.message, error.hint))


def _with_buckets(account: Account, where: tuple[str, ...], found: tuple[Stray, ...]) -> Seen:
    asked = Check("AWS", True, f"asked in {', '.join(where)}", None)
    try:
        buckets = strays.buckets(settings.home(), account, where[0])
    except DeniedError:
        # Who may not list buckets has not made them, either.
        buckets = []
    except GridrayError as error:
        asked, buckets = Check("AWS", False, error.message, error.hint), []
    return Seen(asked, where, found, tuple(buckets))


def show(out: Output, found: Diagnosis) -> None:
    for each in found.checks:
        out.line(f"{'ok  ' if each.ok else 'BAD '} {each.what}: {harmless(each.text)}")
        if each.mend:
            out.line(f"       {harmless(each.mend)}")
    for is_led, title in (
        (False, "left over in AWS, of clusters that this machine does not know:"),
        (True, "of clusters that are up, and that another machine may use:"),
    ):
        things = [each for each in found.strays if each.led is is_led]
        if things:
            out.line()
            out.line(title)
            out.table(COLUMNS, map(_row, things))
    if found.buckets:
        out.line()
        out.line("buckets with the runs of clusters that this machine does not know:")
        out.table(BUCKET_COLUMNS, [(b.region, b.cluster, _words(b)) for b in found.buckets])
        out.line("`aws s3 rb --force s3://BUCKET` deletes one, with all that is in it")


def _row(each: StrayThing) -> tuple[str, ...]:
    state = "ended" if each.ended else each.state
    return each.region, each.cluster, each.kind, each.id, state


def _words(bucket: StrayBucket) -> str:
    return f"{bucket.name} (your store)" if bucket.is_store else bucket.name


def check(found: Diagnosis) -> None:
    """Check that all is well.

    Raises:
        StateError: it is not.
    """
    bad = [each for each in found.checks if not each.ok]
    left = [each for each in found.strays if each.kind in COSTLY and not (each.ended or each.led)]
    if left:
        regions = " ".join(f"--region {each}" for each in dict.fromkeys(s.region for s in left))
        names = " ".join(dict.fromkeys(each.cluster for each in left))
        raise StateError(
            f"{count(len(left), 'thing')} in AWS cost and belong to no cluster that this machine "
            "knows",
            hint=f"if they are no other machine's: `gridray doctor {regions} --end {names}`",
        )
    if bad:
        raise StateError(f"{count(len(bad), 'check')} failed: {', '.join(b.what for b in bad)}")


def _end(out: Output, account: Account, found: Sequence[Stray], ending: Ending) -> list[Stray]:
    """End clusters, and return the things that were theirs and cost."""
    costly = [each for each in found if each.is_costly]
    names = ending.names or tuple({each.thing.cluster for each in costly if not each.is_led})
    if not ending.names and len(names) > 1:
        raise UsageError(
            f"something is left over of several clusters: {', '.join(sorted(names))}",
            hint="name which are to be ended, as `gridray doctor --end "
            f"{min(names)}`; they may be another machine's",
        )
    for name in names:
        if name not in {each.thing.cluster for each in costly}:
            raise NotFoundError(
                f"nothing that costs is left over of a cluster {name!r}",
                hint=f"`gridray clusters down {name}` ends a cluster of this machine"
                if name in made.names(settings.home())
                else "`gridray doctor` lists what there is",
            )
    chosen = [each for each in costly if each.thing.cluster in names]
    for name in names:
        its = [each for each in chosen if each.thing.cluster == name]
        led = " It is up, and experiments may run there." if any(e.is_led for e in its) else ""
        things = ", ".join(str(each.thing) for each in its)
        question = f"End {things} of the cluster {name}?{led} It may be another machine's."
        out.confirm(question, yes=ending.yes)
    strays.end(account, chosen)
    return chosen


def _thing(stray: Stray, ended: bool) -> StrayThing:
    each = stray.thing
    return StrayThing(
        stray.region, each.cluster, each.kind, each.id, each.state, ended, stray.is_led
    )


def _bucket(found: Bucket) -> StrayBucket:
    store = settings.load().store
    is_store = f"{store}/".startswith(f"{SCHEME}{found.name}/")
    return StrayBucket(found.name, found.region, found.mark.cluster if found.mark else "", is_store)


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
