"""The life of a cluster in AWS: made, started, ended, and started again.

Every step can be done again after whatever has cut it off.
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gridray.clusters.aws import account as things
from gridray.clusters.aws import (
    catalog,
    hostkeys,
    machines,
    made,
    prices,
    rayup,
    reach,
    remains,
    wishes,
)
from gridray.clusters.aws.account import CLUSTER_FILE, Planned
from gridray.clusters.aws.groups import groups
from gridray.clusters.aws.machines import Machine
from gridray.clusters.aws.made import Made
from gridray.clusters.aws.rayup import Progress
from gridray.clusters.aws.session import LOG_IN, Account, asking
from gridray.clusters.aws.tags import Mark
from gridray.clusters.aws.wishes import Wish
from gridray.clusters.bootstrap import ensure_controller
from gridray.controller import settling
from gridray.errors import (
    CloudError,
    ClusterError,
    CredentialsError,
    GridrayError,
    StateError,
    StoreError,
)
from gridray.store import Store

# Holds the hash of the file that the cluster runs with.
APPLIED = "applied"
LOCK = "lock"


@dataclass(frozen=True)
class Ended:
    """What was ended, and what AWS still shows of it: nothing, unless something is wrong.

    `runs` are those of a deleted cluster that were not over, and are for that.
    """

    gone: tuple[str, ...]
    left: tuple[str, ...]
    runs: tuple[str, ...] = ()


def create(home: Path, account: Account, wish: Wish, planned: Planned, progress: Progress) -> Made:
    """Make a cluster and start it.

    Raises:
        CloudError: AWS refuses.
        ClusterError: Ray cannot start it, or it cannot be reached.
    """
    with _locked(home, wish.wanted.name):
        wish.save(home)
        _make(home, account, planned, progress)
        return _start(home, account, wish.wanted.name, progress)


def up(home: Path, account: Account, name: str, progress: Progress) -> Made:
    """Start a cluster, finish one that was cut off, or apply changes of its file.

    Raises:
        NotFoundError: Gridray has made none of this name.
        CloudError: AWS refuses.
        ClusterError: Ray cannot start it, or it cannot be reached.
    """
    with _locked(home, name):
        wish = wishes.load(home, name)
        if wish.follows_address:
            wanted = dataclasses.replace(wish.wanted, ssh_from=wishes.own_block())
            wish = Wish(wanted, follows_address=True)
            wish.save(home)
        _make(home, account, things.plan(account, wish.wanted, home), progress)
        return _start(home, account, name, progress)


def would_restart(home: Path, account: Account, name: str) -> bool:
    """Whether `up` would start Ray anew on a head that runs, which interrupts its experiments.

    Raises:
        CloudError: AWS cannot be asked.
    """
    mark = Made.load(home, name).mark
    return machines.head(account, mark) is not None and not _is_applied(home, name)


def down(home: Path, name: str) -> Ended:
    """Terminate all instances of a cluster and delete their disks, then look again.

    Raises:
        NotFoundError: Gridray has made none of this name.
        CloudError: AWS refuses, or something does not end.
    """
    what = Made.load(home, name)
    account = own_account(what)
    with _locked(home, name):
        gone = _end_machines(account, what.mark)
        _forget_head(home, what)
    left = [*remains.instances(account, what.mark), *remains.volumes(account, what.mark)]
    return Ended(tuple(gone), tuple(map(str, left)))


def delete(home: Path, name: str, progress: Progress, *, purge_store: bool) -> Ended:
    """End a cluster, and take away all that was made for it; its bucket only if asked.

    Raises:
        NotFoundError: Gridray has made none of this name.
        CloudError: AWS refuses. This can be repeated.
        StoreError: its runs cannot be said to be over. This can be repeated, too.
    """
    what = Made.load(home, name)
    account = own_account(what)
    with _locked(home, name):
        heads = _terminate_head(account, what.mark)
        unmade = things.unmake(account, what, purge_store=purge_store)
        gone = dict.fromkeys([*heads, *unmade])
        left = things.leftovers(account, what.mark)
        runs: list[str] = []
        if not left:
            # Before all that would let this be repeated is gone.
            runs = _settle_runs(account, what, progress)
            shutil.rmtree(made.directory(home, name))
    return Ended(tuple(gone), tuple(map(str, left)), tuple(runs))


def _settle_runs(account: Account, what: Made, progress: Progress) -> list[str]:
    """Record that the runs of a cluster that is gone are over, and name those that were not.

    Raises:
        StoreError: the store cannot be read or written, though it is there.
    """
    from gridray.clusters.aws import bucket

    try:
        return settling.settle(
            Store(what.store), what.name, time.time(), lambda error: progress(error.message)
        )
    except StoreError as error:
        if not bucket.look(account, bucket.parse(what.store)[0]).exists:
            return []
        raise StoreError(
            f"{what.name} is gone, but not what its runs are doing in the store: {error.message}",
            hint=f"`gridray delete cluster {what.name}` once more records that they are over",
        ) from error


def purge_store(home: Path, name: str) -> list[str]:
    """Delete the bucket that was made for a cluster, with all that is in it.

    Raises:
        CloudError: AWS refuses.
    """
    from gridray.clusters.aws import bucket

    what = Made.load(home, name)
    if what.bucket is None:
        return []
    is_gone = bucket.purge(account_of(what), what.bucket, what.mark)
    return [f"bucket {what.bucket}"] if is_gone else []


def has_store(what: Made) -> bool:
    """Whether the bucket of a cluster's store is there; where AWS does not tell, it is.

    One whose making was cut off may never have been.
    """
    from gridray.clusters.aws import bucket

    try:
        return bucket.look(account_of(what), bucket.parse(what.store)[0]).exists
    except CloudError:
        return True


def account_of(what: Made) -> Account:
    """Return the account and region that a cluster is in."""
    return Account(what.region, what.profile)


def own_account(what: Made) -> Account:
    """Return the account and region that a cluster is in, and which AWS knows the caller in.

    Raises:
        CredentialsError: there are no credentials, or those of another account, in which nothing
            of the cluster would be found.
        CloudError: AWS cannot be asked.
    """
    account = account_of(what)
    number = account.identity().account
    if number != what.account:
        raise CredentialsError(
            f"the cluster {what.name} is in the account {what.account}, and the credentials are "
            f"of {number}",
            hint=LOG_IN if what.profile is None else f"log in anew with the profile {what.profile}",
        )
    return account


def mark_applied(home: Path, name: str) -> None:
    made.write_private(made.directory(home, name) / APPLIED, _hash(home, name).encode())


def _make(home: Path, account: Account, planned: Planned, progress: Progress) -> None:
    """Make what is missing."""
    for line in planned.things:
        if not line.startswith("instance "):
            progress(f"making {line}")
    is_up = machines.head(account, planned.mark) is not None
    things.make(account, planned, home, is_up=is_up)


def _start(home: Path, account: Account, name: str, progress: Progress) -> Made:
    what = Made.load(home, name)
    if not (_is_applied(home, name) and _answers(home, account, what)):
        (made.directory(home, name) / APPLIED).unlink(missing_ok=True)
        progress("starting the head with `ray up`; that takes some minutes")
        rayup.run(made.directory(home, name) / CLUSTER_FILE, what, progress)
        head = machines.head(account, what.mark)
        if head is None:
            raise ClusterError(
                f"`ray up` has ended well, but {name} has no head",
                hint=f"see {made.directory(home, name) / rayup.LOG}",
            )
        what = _meet(home, account, what, head, progress)
        mark_applied(home, name)
    found = reach.cluster(home, name)
    store = Store(what.store)
    _record_prices(store, account, what, progress)
    progress("starting the controller, through an SSH tunnel")
    ensure_controller(found, store)
    return what


def _record_prices(store: Store, account: Account, what: Made, progress: Progress) -> None:
    """Write what the cluster's machines cost; that it is not known keeps it from nothing."""
    head = machines.head(account, what.mark)
    names = [*groups(what.name).instance_types, *([head.instance_type] if head else [])]
    try:
        types = catalog.instance_types(account, names)
        prices.record(store, what.name, account, types.values())
    except CloudError as error:
        progress(f"what its machines cost is not known: {error.message}")


def _meet(home: Path, account: Account, what: Made, head: Machine, progress: Progress) -> Made:
    """Write down where the head is, and its host key, unless they are known."""
    address = head.private_address if what.is_private else head.public_address
    # Where nodes have no public address, as in a private network, there is only one.
    address = address or head.private_address
    if address is None:
        raise ClusterError(f"the head {head.id} of {what.name} has no address", hint="try again")
    path = made.directory(home, what.name) / reach.KNOWN_HOSTS
    if hostkeys.whose(path) != head.id:
        learnt = hostkeys.learn(account, head.id, address)
        hostkeys.remember(path, what.name, learnt.keys, head.id)
        how = (
            "it is the one that AWS tells"
            if learnt.is_confirmed
            else "AWS does not tell it, so it is taken as it is, and checked from here on"
        )
        progress(f"the head's SSH host key: {how}")
    found = Made.load(home, what.name)
    key = path.read_text("utf-8").splitlines()[1]
    found = dataclasses.replace(found, head_address=address, host_key=key)
    found.save(home)
    return found


def _answers(home: Path, account: Account, what: Made) -> bool:
    """Whether the head that is known runs, and its dashboard answers."""
    head = machines.head(account, what.mark)
    if head is None or what.head_address not in (head.public_address, head.private_address):
        return False
    try:
        reach.cluster(home, what.name).jobs().version()
    except GridrayError:
        return False
    return True


def _end_machines(account: Account, mark: Mark) -> list[str]:
    heads = _terminate_head(account, mark)
    ended = remains.end_instances(account, mark)
    return [*dict.fromkeys([*heads, *ended]), *remains.delete_volumes(account, mark)]


def _terminate_head(account: Account, mark: Mark) -> list[str]:
    """Terminate the head before the workers: its autoscaler would launch others for them."""
    heads = [each.id for each in machines.machines(account, mark) if each.is_head]
    if heads:
        with asking(f"to terminate {', '.join(heads)}"):
            account.client("ec2").terminate_instances(InstanceIds=heads)
    return [f"instance {each}" for each in heads]


def _forget_head(home: Path, what: Made) -> None:
    dataclasses.replace(what, head_address=None, host_key=None).save(home)
    for name in (APPLIED, reach.KNOWN_HOSTS):
        (made.directory(home, what.name) / name).unlink(missing_ok=True)


def _is_applied(home: Path, name: str) -> bool:
    try:
        applied = (made.directory(home, name) / APPLIED).read_text()
        return applied == _hash(home, name)
    except OSError:
        return False


def _hash(home: Path, name: str) -> str:
    return hashlib.sha256((made.directory(home, name) / CLUSTER_FILE).read_bytes()).hexdigest()


@contextmanager
def _locked(home: Path, name: str) -> Iterator[None]:
    """Keep other commands from changing the cluster at the same time.

    Raises:
        StateError: one is at it.
    """
    directory = made.private(made.directory(home, name))
    with open(directory / LOCK, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StateError(
                f"another command is changing the cluster {name}", hint="wait for it to end"
            ) from error
        yield
    with contextlib.suppress(OSError):
        # Nothing has come of it.
        if [each.name for each in directory.iterdir()] == [LOCK]:
            shutil.rmtree(directory)
