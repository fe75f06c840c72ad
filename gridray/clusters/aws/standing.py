"""What stands in an account under a cluster's names already, and whose it is."""

from dataclasses import dataclass

from gridray.clusters.aws import blueprint, keypair, network, remains, roles
from gridray.clusters.aws.bucket import SCHEME, Bucket
from gridray.clusters.aws.clusterfile import Wanted
from gridray.clusters.aws.session import Account
from gridray.clusters.aws.tags import Mark
from gridray.errors import ExistsError

HINT = "take another name for the cluster; `gridray doctor` tells what is there"


@dataclass(frozen=True)
class Standing:
    """What need not be made; `group` is the security group's id."""

    has_key_pair: bool
    group: str | None
    roles: frozenset[str]


def look(account: Account, wanted: Wanted, mark: Mark, vpc: str, *, is_known: bool) -> Standing:
    """Look at all that has one of the cluster's names.

    Args:
        is_known: whether this machine has made the cluster, or begun to.

    Raises:
        ExistsError: some of it is not the cluster's.
        CloudError: AWS cannot be asked.
    """
    name = blueprint.name(wanted.name)
    _check_instances(account, mark, is_known=is_known)
    key = keypair.look(account, name)
    if key is not None:
        _check(account, f"the key pair {name!r}", key.mark, mark)
    group = network.security_group(account, name, vpc)
    if group is not None:
        _check(account, f"the security group {name!r}", group.mark, mark)
    found = set()
    for role in blueprint.role_names(wanted):
        for each in roles.look(account, role):
            _check(account, f"the {each.kind} {role!r}", each.mark, mark)
            found.add(role)
    return Standing(key is not None, group.id if group else None, frozenset(found))


def check_bucket(wanted: Wanted, found: Bucket, mark: Mark, *, is_begun: bool) -> None:
    """Check that the bucket that would be made for a cluster is not there for somebody else.

    Args:
        is_begun: whether this machine has made it for the cluster, or begun to.

    Raises:
        ExistsError: it is.
    """
    if wanted.store is not None or not found.exists or found.mark == mark or is_begun:
        return
    raise ExistsError(
        f"the bucket {found.name}, which would be made for {wanted.name}, is there already, and it "
        f"is {_whose(found.mark)}",
        hint=f"--store {SCHEME}{found.name} keeps the runs there; another name makes another one",
    )


def _check_instances(account: Account, mark: Mark, *, is_known: bool) -> None:
    """Check that there is no instance that Ray, which goes by names, would take for its own."""
    living = remains.instances(account, mark.cluster)
    found = [each for each in living if not is_known or each.owner != mark.owner]
    if found:
        raise ExistsError(
            f"{account.region} has instances of a cluster {mark.cluster!r} that this machine does "
            f"not know: {', '.join(each.id for each in found)}",
            hint=HINT,
        )


def _check(account: Account, what: str, found: Mark | None, mark: Mark) -> None:
    if found != mark:
        raise ExistsError(
            f"{what} is there already, in {account.region}, and it is {_whose(found)}", hint=HINT
        )


def _whose(mark: Mark | None) -> str:
    return "not Gridray's" if mark is None else f"another machine's, for its cluster {mark.cluster}"
