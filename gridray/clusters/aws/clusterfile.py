"""The file that `ray up` makes a cluster from: Ray's own autoscaler format, for people to edit.

Nothing that Ray would fill in by itself is left to it.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridray import labels
from gridray.clusters.aws import nodecommands
from gridray.clusters.aws.images import Image
from gridray.clusters.aws.instancetype import InstanceType
from gridray.clusters.aws.tags import Mark, specification
from gridray.labels import ON_DEMAND, SPOT
from gridray.machines import USABLE_MEMORY

HEAD_TYPE = "m5.large"
HEAD = "head"
HEAD_DISK_GB = 50
SSH_USER = "ubuntu"
MARKETS = (SPOT, ON_DEMAND)
# The autoscaler launches this many times what runs, so that a sweep does not wait for rounds.
UPSCALING_SPEED = 10.0
KEY_FILE = "key.pem"
NODE_FILES = "node"


@dataclass(frozen=True)
class Wanted:
    """A cluster that is to be.

    `store` is an `s3://` URL, None: a bucket is made for it (`account.bucket_name`). `markets` are
    of every instance type. `idle_timeout` is in minutes, `head_idle` and `head_timeout` in seconds,
    `disk_gb` in GB. `ssh_from` is the CIDR block that may reach the head's SSH. `amis` are images
    for the workers, each for the types of its architecture; `head_ami` is the head's. Without them
    the newest ones of Ubuntu and of AWS are looked up. `subnets` are ids; (): those of the default
    VPC. With `is_private` the nodes are reached at their private addresses.
    """

    name: str
    region: str
    instance_types: tuple[str, ...]
    markets: tuple[str, ...] = MARKETS
    profile: str | None = None
    store: str | None = None
    max_workers: int = 8
    idle_timeout: float = 5.0
    head_type: str = HEAD_TYPE
    disk_gb: int = 100
    ssh_from: str = "127.0.0.1/32"
    is_private: bool = False
    head_idle: float | None = None
    head_timeout: float = 900.0
    amis: tuple[str, ...] = ()
    head_ami: str | None = None
    subnets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Nodes:
    """Nodes of one kind: their node type's name, and what EC2 launches for them.

    `market` is None for the head. The subnets are those where the type is offered.
    """

    name: str
    type: InstanceType
    market: str | None
    image: Image
    subnets: tuple[str, ...]
    disk_gb: int


@dataclass(frozen=True)
class Things:
    """The names in AWS, and the directory on this machine, that a cluster's file refers to.

    `owner` is what the tags say besides the cluster's name.
    """

    owner: str
    security_group: str
    key_pair: str
    head_profile: str
    worker_profile: str
    store: str
    store_region: str
    directory: Path


def group_name(instance_type: str, market: str) -> str:
    """Return the node type's name of a worker group, as `g4dn-xlarge-spot`."""
    return f"{instance_type.replace('.', '-')}-{market}"


def resources(instance: InstanceType) -> dict[str, int]:
    """Return what a worker has, by Ray's names; memory in bytes."""
    found = {"CPU": instance.vcpus, "memory": int(instance.memory * USABLE_MEMORY)}
    if instance.gpus:
        found |= {"GPU": instance.gpus, f"accelerator_type:{instance.gpu}": 1}
    return found


def text(
    wanted: Wanted, head: Nodes, groups: Sequence[Nodes], things: Things, start: str | None = None
) -> str:
    """Return the file; `start` is the comment that it begins with, None: the usual one."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = 100
    yaml.indent(mapping=2, sequence=4, offset=2)
    buffer = io.StringIO()
    content = _file(wanted, head, groups, things)
    content.yaml_set_start_comment(START if start is None else start)
    yaml.dump(content, buffer)
    return buffer.getvalue()


def _file(wanted: Wanted, head: Nodes, groups: Sequence[Nodes], things: Things) -> Any:
    types = _commented({HEAD: _head(wanted, head, things)}, {})
    for group in groups:
        types[group.name] = _worker(wanted, group, things)
    commands = nodecommands.of(
        things.store,
        things.store_region,
        wanted.name,
        wanted.region,
        head_idle=wanted.head_idle,
        head_timeout=wanted.head_timeout,
    )
    content = {
        "cluster_name": wanted.name,
        "max_workers": wanted.max_workers,
        "idle_timeout_minutes": _number(wanted.idle_timeout),
        "upscaling_speed": UPSCALING_SPEED,
        "provider": {
            "type": "aws",
            "region": wanted.region,
            "cache_stopped_nodes": False,
            "use_internal_ips": wanted.is_private,
        },
        "auth": {
            "ssh_user": SSH_USER,
            "ssh_private_key": str(things.directory / KEY_FILE),
        },
        "head_node_type": HEAD,
        "available_node_types": types,
        "file_mounts": {nodecommands.FILES: str(things.directory / NODE_FILES)},
        "cluster_synced_files": [],
        "file_mounts_sync_continuously": False,
        "rsync_exclude": [],
        "rsync_filter": [],
        "initialization_commands": [],
        "setup_commands": commands.setup,
        "head_setup_commands": [],
        "worker_setup_commands": [],
        "head_start_ray_commands": _folded(commands.head),
        "worker_start_ray_commands": _folded(commands.worker),
    }
    found = _commented(content, COMMENTS)
    _comment(found["provider"], PROVIDER_COMMENTS)
    return found


def _head(wanted: Wanted, head: Nodes, things: Things) -> Any:
    nothing = {"CPU": 0} | ({"GPU": 0} if head.type.gpus else {})
    content = {
        "min_workers": 0,
        "max_workers": 0,
        "resources": nothing,
        "labels": {labels.INSTANCE_TYPE: head.type.name},
        "node_config": _launch(wanted, head, things, things.head_profile),
    }
    return _commented(content, {"resources": "No experiment runs on the head."})


def _worker(wanted: Wanted, group: Nodes, things: Things) -> Any:
    assert group.market is not None
    content = {
        "min_workers": 0,
        "max_workers": wanted.max_workers,
        "resources": resources(group.type),
        "labels": {
            labels.MARKET: group.market,
            labels.INSTANCE_TYPE: group.type.name,
            labels.DISK: str(group.disk_gb),
        },
        "node_config": _launch(wanted, group, things, things.worker_profile),
    }
    return _commented(content, {"labels": "What `gridray run` chooses nodes by."})


def _launch(wanted: Wanted, nodes: Nodes, things: Things, profile: str) -> dict[str, Any]:
    """Return the arguments of EC2's RunInstances, but for what Ray adds."""
    kinds = ["instance", "volume"]
    spot: dict[str, Any] = {}
    if nodes.market == SPOT:
        kinds.append("spot-instances-request")
        options = {"SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "terminate"}
        spot = {"InstanceMarketOptions": {"MarketType": "spot", "SpotOptions": options}}
    disk = {
        "VolumeSize": nodes.disk_gb,
        "VolumeType": "gp3",
        "Encrypted": True,
        "DeleteOnTermination": True,
    }
    mark = Mark(wanted.name, things.owner)
    return {
        "InstanceType": nodes.type.name,
        **spot,
        "ImageId": nodes.image.id,
        "KeyName": things.key_pair,
        "IamInstanceProfile": {"Name": profile},
        "SecurityGroupIds": [things.security_group],
        "SubnetIds": list(nodes.subnets),
        "BlockDeviceMappings": [{"DeviceName": nodes.image.root, "Ebs": disk}],
        "InstanceInitiatedShutdownBehavior": "terminate",
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
        "TagSpecifications": [tags for kind in kinds for tags in specification(kind, mark)],
        "UserData": _literal(nodecommands.USER_DATA),
    }


def _number(value: float) -> float:
    return int(value) if value == int(value) else value


def _commented(content: Mapping[str, Any], comments: Mapping[str, str]) -> Any:
    from ruamel.yaml.comments import CommentedMap

    found = CommentedMap()
    for key, value in content.items():
        found[key] = _commented(value, {}) if type(value) is dict else value
    _comment(found, comments)
    return found


def _comment(found: Any, comments: Mapping[str, str]) -> None:
    for key, comment in comments.items():
        found.yaml_set_comment_before_after_key(key, before=comment, indent=_depth(found, key))


def _depth(found: Any, key: str) -> int:
    if key in COMMENTS and "provider" in found:
        return 0
    return 2 if key in PROVIDER_COMMENTS else 4


def _literal(content: str) -> Any:
    from ruamel.yaml.scalarstring import LiteralScalarString

    return LiteralScalarString(content)


def _folded(commands: Sequence[Sequence[str]]) -> list[Any]:
    """Return commands as YAML shows them best: one line for every part."""
    from ruamel.yaml.scalarstring import FoldedScalarString

    found = []
    for parts in commands:
        content = FoldedScalarString(" ".join(parts))
        positions = [len(" ".join(parts[: index + 1])) for index in range(len(parts) - 1)]
        content.fold_pos = positions
        found.append(content)
    return found


START = """\
A cluster of Gridray in AWS, for `ray up`. It is yours to edit: `gridray clusters edit NAME` opens
it and checks it, and `gridray clusters up NAME` applies it. One group of workers an instance type
and market, from no worker at all.
"""
COMMENTS = {
    "max_workers": "How many workers there are at most, all groups together.",
    "idle_timeout_minutes": "A worker that has had nothing to do for so long is terminated.",
    "upscaling_speed": "How many times the workers that run may be launched at once.",
    "auth": "The key that was made for this cluster.",
    "file_mounts": "Gridray, the scripts that set a node up, and the cluster's token.",
    "initialization_commands": "An empty list keeps out what Ray would do by itself.",
    "setup_commands": "Installs Gridray and Ray on a node. Add your own commands below.",
    "head_start_ray_commands": "Ray asks for a token, and its dashboard listens on loopback only.",
    "worker_start_ray_commands": "A worker that cannot reach the head for long terminates itself.",
}
PROVIDER_COMMENTS = {
    "cache_stopped_nodes": "Nodes are terminated, not stopped: a stopped node costs its disk.",
    "use_internal_ips": "Whether the nodes are reached at their private addresses.",
}
