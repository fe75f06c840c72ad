"""What Gridray makes in an AWS account for a cluster, and takes away again.

Looking, making and taking away each go by the names in `names`, so that each can be done again,
whatever was cut off before.
"""

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path

from gridray import settings
from gridray.clusters.aws import (
    blueprint,
    bucket,
    clusterfile,
    keypair,
    made,
    network,
    nodefiles,
    policies,
    remains,
    roles,
)
from gridray.clusters.aws.bucket import Bucket
from gridray.clusters.aws.clusterfile import Nodes, Things, Wanted
from gridray.clusters.aws.made import Made
from gridray.clusters.aws.remains import Thing
from gridray.clusters.aws.session import Account
from gridray.errors import StateError
from gridray.labels import SPOT

__all__ = ["Made", "Planned", "Thing", "Wanted", "leftovers", "make", "plan", "unmake"]

CLUSTER_FILE = "cluster.yaml"
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
    head: Nodes
    groups: tuple[Nodes, ...]
    store: str
    bucket: Bucket
    account: str
    partition: str
    vpc: str
    text: str
    things: tuple[str, ...]


def plan(account: Account, wanted: Wanted) -> Planned:
    """Look, and return what would be made; nothing is.

    Raises:
        UsageError: the name cannot be one, or the store's URL, or the addresses of SSH.
        ExistsError: the name is another machine's cluster.
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
    name = blueprint.name(wanted.name)
    group = network.security_group(account, name, where.vpc)
    planned = Planned(
        wanted,
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
        text=_text(planned, group or NO_GROUP, made.directory(settings.home(), wanted.name)),
        things=_missing(account, planned, group),
    )


def make(account: Account, planned: Planned, home: Path) -> Made:
    """Make what is not there yet, and write the cluster's directory; it can be repeated.

    What is about to be made is in `made.json` before it is.

    Raises:
        StateError: the cluster was made in another region or account.
        ExistsError: something of the name is not the cluster's.
        CloudError: AWS refuses, or the bucket is somebody else's.
    """
    wanted = planned.wanted
    what = _begun(planned, home)
    what.save(home)
    directory = made.directory(home, wanted.name)
    token = nodefiles.token_of(directory / nodefiles.TOKEN)
    public = keypair.ensure(directory / clusterfile.KEY_FILE)
    nodefiles.write(directory / clusterfile.NODE_FILES, token)
    name = blueprint.name(wanted.name)
    keypair.upload(account, name, public, wanted.name)
    if what.bucket is not None:
        bucket.make(account, what.bucket, wanted.name)
    group = network.make_group(account, name, planned.vpc, wanted.name, wanted.ssh_from)
    _make_roles(account, planned, group)
    if SPOT in wanted.markets:
        roles.ensure_spot(account)
    _write_file(directory / CLUSTER_FILE, _text(planned, group, directory))
    return what


def unmake(account: Account, what: Made, *, purge_store: bool = False) -> list[str]:
    """Take away what was made, and say in words what it was; what is not there is passed over.

    Instances that still run are terminated, and waited for.

    Args:
        purge_store: whether the bucket that was made for the cluster goes, with all that is in it.

    Raises:
        CloudError: AWS refuses. What was taken away before is gone, and this can be repeated.
    """
    gone = remains.end_instances(account, what.name)
    gone += remains.delete_volumes(account, what.name)
    if what.security_group and what.vpc:
        if network.delete_group(account, what.security_group, what.vpc, what.name):
            gone.append(f"security group {what.security_group}")
    if what.key_pair and keypair.delete(account, what.key_pair):
        gone.append(f"key pair {what.key_pair}")
    for role in (what.head_role, what.worker_role):
        if role and roles.delete(account, role, what.name):
            gone.append(f"role {role}")
    if purge_store and what.bucket and bucket.purge(account, what.bucket, what.name):
        gone.append(f"bucket {what.bucket}")
    return gone


def leftovers(account: Account, name: str | None) -> list[Thing]:
    """Return what there still is of a cluster, by its tags, instances first; not its bucket.

    Args:
        name: the cluster; None: of any cluster that Gridray has made in the region.

    Raises:
        CloudError: AWS cannot be asked.
    """
    return remains.find(account, name)


def _begun(planned: Planned, home: Path) -> Made:
    """Return what is to be made, or what an earlier try has begun."""
    wanted = planned.wanted
    name = blueprint.name(wanted.name)
    head, worker = blueprint.role_names(wanted)
    is_ours = not planned.bucket.exists or planned.bucket.cluster == wanted.name
    new = Made(
        name=wanted.name,
        region=wanted.region,
        account=planned.account,
        created_at=time.time(),
        store=planned.store,
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
        cluster=wanted.name,
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
        if roles.make(account, role, wanted.name, trust, document)
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


def _write_file(path: Path, text: str) -> None:
    """Write the cluster's file; one that somebody has edited is kept beside it."""
    if path.exists() and path.read_text("utf-8") != text:
        made.write_private(path.with_suffix(".yaml.bak"), path.read_bytes())
    made.write_private(path, text.encode())


def _text(planned: Planned, group: str, directory: Path) -> str:
    wanted = planned.wanted
    head, worker = blueprint.role_names(wanted)
    things = Things(
        security_group=group,
        key_pair=blueprint.name(wanted.name),
        head_profile=head,
        worker_profile=worker,
        store=planned.store,
        store_region=planned.bucket.region,
        directory=directory,
    )
    return clusterfile.text(wanted, planned.head, planned.groups, things)


def _missing(account: Account, planned: Planned, group: str | None) -> tuple[str, ...]:
    """Say in words what would be made."""
    wanted = planned.wanted
    name = blueprint.name(wanted.name)
    lines = []
    if not planned.bucket.exists:
        lines.append(f"bucket {planned.bucket.name}: private, encrypted")
    if keypair.public_key(account, name) is None:
        lines.append(
            f"key pair {name}: an SSH key, made on this machine; the head gets it for its workers"
        )
    if group is None:
        lines.append(f"security group {name} in {planned.vpc}: SSH from {wanted.ssh_from} only")
    head, worker = blueprint.role_names(wanted)
    if not roles.exists(account, head):
        lines.append(f"role {head}: launches and ends this cluster's workers, uses its store")
    if not roles.exists(account, worker):
        lines.append(f"role {worker}: uses the store {planned.store}")
    lines.append(f"instance {planned.head.type.name}: the head, with {planned.head.disk_gb} GB")
    return tuple(lines)
