"""What Gridray makes in an AWS account for a cluster, and takes away again.

Looking, making and taking away each go by the names in `names`, so that each can be done again,
whatever was cut off before.
"""

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path

from gridray.clusters.aws import (
    blueprint,
    bucket,
    clusterfile,
    keypair,
    made,
    network,
    nodefiles,
    ownfile,
    policies,
    remains,
    roles,
    standing,
)
from gridray.clusters.aws.bucket import Bucket
from gridray.clusters.aws.clusterfile import Nodes, Things, Wanted
from gridray.clusters.aws.made import Made
from gridray.clusters.aws.ownfile import CLUSTER_FILE as CLUSTER_FILE
from gridray.clusters.aws.remains import Thing
from gridray.clusters.aws.session import Account
from gridray.clusters.aws.standing import Standing
from gridray.clusters.aws.tags import Mark, Whose
from gridray.errors import StateError
from gridray.labels import SPOT

__all__ = ["Made", "Planned", "Thing", "Wanted", "leftovers", "make", "plan", "unmake"]

# Stands in the file of a plan for what EC2 has not given a name yet.
NO_GROUP = "sg-to-be-made"


@dataclass(frozen=True)
class Planned:
    """A cluster that can be made. Prices are left to whoever shows it.

    `store` is the store's URL, `vpc` where the nodes are. `text` is the cluster's file, in which a
    security group that is not made yet has no id, and `things` are lines in words of what would be
    made in the account.
    """

    wanted: Wanted
    mark: Mark
    head: Nodes
    groups: tuple[Nodes, ...]
    store: str
    bucket: Bucket
    account: str
    partition: str
    vpc: str
    text: str
    things: tuple[str, ...]


def plan(account: Account, wanted: Wanted, home: Path) -> Planned:
    """Look, and return what would be made; nothing is.

    Raises:
        UsageError: the name cannot be one, or the store's URL, or the addresses of SSH.
        ExistsError: something that is not the cluster's has one of its names.
        CloudError: a type, an image or a subnet does not exist, or does not fit, or the bucket is
            somebody else's.
    """
    blueprint.check(wanted)
    identity = account.identity()
    partition = identity.arn.split(":")[1]
    where = network.look(account, wanted.subnets, is_private=wanted.is_private)
    head, groups = blueprint.nodes(account, wanted, where)
    store = wanted.store or f"{bucket.SCHEME}{blueprint.bucket_name(identity.account, wanted)}"
    its_bucket = bucket.look(account, bucket.parse(store)[0])
    mark = made.mark_of(home, wanted.name)
    old = Made.load(home, wanted.name) if wanted.name in made.names(home) else None
    found = standing.look(account, wanted, mark, where.vpc, is_known=old is not None)
    standing.check_bucket(
        wanted, its_bucket, mark, is_begun=old is not None and old.bucket == its_bucket.name
    )
    planned = Planned(
        wanted,
        mark,
        head,
        groups,
        store,
        its_bucket,
        identity.account,
        partition,
        where.vpc,
        "",
        (),
    )
    return dataclasses.replace(
        planned,
        text=_text(planned, found.group or NO_GROUP, made.directory(home, wanted.name)),
        things=_missing(account, planned, found),
    )


def make(account: Account, planned: Planned, home: Path, *, is_up: bool = False) -> Made:
    """Make what is not there yet, and write the cluster's directory; it can be repeated.

    What is about to be made is in `made.json` before it is.

    Args:
        is_up: whether the cluster has a head, which runs with its file as it is.

    Raises:
        StateError: the cluster was made in another region or account.
        CloudError: AWS refuses, or a name has been taken meanwhile.
    """
    wanted = planned.wanted
    what = _begun(planned, home)
    made.keep_owner(home, what.owner)
    what.save(home)
    directory = made.directory(home, wanted.name)
    token = nodefiles.token_of(directory / nodefiles.TOKEN)
    public = keypair.ensure(directory / clusterfile.KEY_FILE)
    nodefiles.write(directory / clusterfile.NODE_FILES, token)
    name = blueprint.name(wanted.name)
    keypair.upload(account, name, public, what.mark)
    if what.bucket is not None:
        bucket.make(account, what.bucket, what.mark)
    group = network.make_group(account, name, planned.vpc, what.mark, wanted.ssh_from)
    _make_roles(account, planned, group)
    if SPOT in wanted.markets:
        roles.ensure_spot(account)
    ownfile.write(directory, _text(planned, group, directory), group, is_up=is_up)
    return what


def unmake(account: Account, what: Made, *, purge_store: bool = False) -> list[str]:
    """Take away what was made, and say in words what it was; what is not there is passed over.

    Instances that still run are terminated, and waited for.

    Args:
        purge_store: whether the bucket that was made for the cluster goes, with all that is in it.

    Raises:
        CloudError: AWS refuses. What was taken away before is gone, and this can be repeated.
    """
    gone = remains.end_instances(account, what.mark)
    gone += remains.delete_volumes(account, what.mark)
    if what.security_group and what.vpc:
        if network.delete_group(account, what.security_group, what.vpc, what.mark):
            gone.append(f"security group {what.security_group}")
    if what.key_pair and keypair.delete(account, what.key_pair, what.mark):
        gone.append(f"key pair {what.key_pair}")
    for role in (what.head_role, what.worker_role):
        if role and roles.delete(account, role, what.mark):
            gone.append(f"role {role}")
    if purge_store and what.bucket and bucket.purge(account, what.bucket, what.mark):
        gone.append(f"bucket {what.bucket}")
    return gone


def leftovers(account: Account, whose: Whose) -> list[Thing]:
    """Return what there still is of a cluster, by its tags, instances first; not its bucket.

    Args:
        whose: the cluster; None: of any cluster that Gridray has made in the region.

    Raises:
        CloudError: AWS cannot be asked.
    """
    return remains.find(account, whose)


def _begun(planned: Planned, home: Path) -> Made:
    """Return what is to be made, or what an earlier try has begun."""
    wanted = planned.wanted
    name = blueprint.name(wanted.name)
    head, worker = blueprint.role_names(wanted)
    is_ours = not planned.bucket.exists or planned.bucket.mark == planned.mark
    new = Made(
        name=wanted.name,
        region=wanted.region,
        account=planned.account,
        created_at=time.time(),
        store=planned.store,
        owner=planned.mark.owner,
        profile=wanted.profile,
        vpc=planned.vpc,
        security_group=name,
        key_pair=name,
        head_role=head,
        worker_role=worker,
        bucket=planned.bucket.name if is_ours else None,
        user_ssh=clusterfile.SSH_USER,
        is_private=wanted.is_private,
    )
    if wanted.name not in made.names(home):
        return new
    old = Made.load(home, wanted.name)
    for what, before, now in (
        ("region", old.region, new.region),
        ("account", old.account, new.account),
        ("VPC", old.vpc, new.vpc),
        ("store", old.store, new.store),
    ):
        if before != now:
            raise StateError(
                f"the cluster {wanted.name!r} was made with the {what} {before}, not {now}",
                hint=f"take another name, or `gridray delete cluster {wanted.name}` first",
            )
    # A bucket that was begun has no tags yet, and looks like somebody's own.
    return dataclasses.replace(
        new,
        created_at=old.created_at,
        bucket=old.bucket or new.bucket,
        head_address=old.head_address,
        host_key=old.host_key,
    )


def _make_roles(account: Account, planned: Planned, group: str) -> None:
    wanted = planned.wanted
    head, worker = blueprint.role_names(wanted)
    name, prefix = bucket.parse(planned.store)
    scope = policies.Scope(
        mark=planned.mark,
        partition=planned.partition,
        region=wanted.region,
        account=planned.account,
        vpc=planned.vpc,
        security_group=group,
        key_pair=blueprint.name(wanted.name),
        worker_role=worker,
        bucket=name,
        prefix=prefix,
    )
    trust = policies.trust(planned.partition)
    documents = {worker: policies.worker(scope), head: policies.head(scope)}
    new = [
        role
        for role, document in documents.items()
        if roles.make(account, role, planned.mark, trust, document)
    ]
    for role in new:
        roles.wait_until_known(
            account,
            {
                "ImageId": planned.head.image.id,
                "InstanceType": planned.head.type.name,
                "IamInstanceProfile": {"Name": role},
                "SecurityGroupIds": [group],
                "SubnetId": planned.head.subnets[0],
            },
        )


def _text(planned: Planned, group: str, directory: Path) -> str:
    wanted = planned.wanted
    head, worker = blueprint.role_names(wanted)
    things = Things(
        owner=planned.mark.owner,
        security_group=group,
        key_pair=blueprint.name(wanted.name),
        head_profile=head,
        worker_profile=worker,
        store=planned.store,
        store_region=planned.bucket.region,
        directory=directory,
    )
    return clusterfile.text(wanted, planned.head, planned.groups, things)


def _missing(account: Account, planned: Planned, found: Standing) -> tuple[str, ...]:
    """Say in words what would be made."""
    wanted = planned.wanted
    name = blueprint.name(wanted.name)
    lines = []
    if not planned.bucket.exists:
        lines.append(f"bucket {planned.bucket.name}: private, encrypted")
    if not found.has_key_pair:
        lines.append(
            f"key pair {name}: an SSH key, made on this machine; the head gets it for its workers"
        )
    if found.group is None:
        lines.append(f"security group {name} in {planned.vpc}: SSH from {wanted.ssh_from} only")
    head, worker = blueprint.role_names(wanted)
    if head not in found.roles:
        lines.append(f"role {head}: launches and ends this cluster's workers, uses its store")
    if worker not in found.roles:
        lines.append(f"role {worker}: uses the store {planned.store}")
    if SPOT in wanted.markets and not roles.has_spot(account):
        lines.append(f"role {roles.SPOT_ROLE}: EC2's own, for all spot instances; it stays")
    lines.append(f"instance {planned.head.type.name}: the head, with {planned.head.disk_gb} GB")
    return tuple(lines)
