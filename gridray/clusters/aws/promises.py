"""What the documentation promises of every cluster in AWS, looked for in its file.

That its machines can be found and end by themselves (docs/aws-safety.md), and that nobody else gets
in (docs/security.md).
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gridray.clusters.aws import blueprint, nodecommands
from gridray.clusters.aws.tags import cluster_of
from gridray.clusters.rayenvironment import VARIABLES
from gridray.errors import ConfigError
from gridray.node import fuse

LOOPBACK = ("127.0.0.1", "localhost", "::1")
DASHBOARD = re.compile(r"--dashboard-host[=\s]+(\S+)")
TOKEN = "RAY_AUTH_MODE"
WATCH = ["-m", "gridray.node", "watch"]
TERMINATE = "terminate"
Config = Mapping[str, Any]


def check(read: Config, cluster: str) -> None:
    """Check that a cluster's file leaves everything in that is promised.

    Raises:
        ConfigError: something is missing; all of it is told at once.
    """
    missing = [*_of_cluster(read)]
    for name, kind in read["available_node_types"].items():
        launch = kind.get("node_config", {})
        missing += [f"{name}.node_config.{each}" for each in _of_launch(launch, cluster)]
    if missing:
        lines = "".join(f"\n  - {each}" for each in dict.fromkeys(missing))
        raise ConfigError(f"the file lacks what keeps a cluster safe:{lines}")


def _of_cluster(read: Config) -> Iterator[str]:
    if read["provider"].get("cache_stopped_nodes", True):
        yield "provider.cache_stopped_nodes: False, since a stopped node costs its disk"
    for key in ("head_start_ray_commands", "worker_start_ray_commands"):
        commands = read.get(key) or []
        if not any(_starts_ray(each) for each in commands):
            yield (
                f"{key}: {nodecommands.START} with {TOKEN}={VARIABLES[TOKEN]}, without which Ray "
                "asks nobody for a token"
            )
        for each in commands:
            for host in DASHBOARD.findall(each):
                if host.strip("'\"") not in LOOPBACK:
                    yield f"{key}: --dashboard-host=127.0.0.1, and not {host}"
    yield from _watch(read.get("worker_start_ray_commands") or [])


def _starts_ray(command: str) -> bool:
    return f"{TOKEN}={VARIABLES[TOKEN]}" in _words(command) and nodecommands.START in command


def _watch(commands: Sequence[str]) -> Iterator[str]:
    watches = [words for words in map(_words, commands) if _has(words, WATCH)]
    if not any(_has(words, ["--role", "worker"]) for words in watches):
        yield (
            "worker_start_ray_commands: `gridray.node watch --role worker`, which ends a worker "
            "whose head is gone"
        )
    for words in watches:
        timeout = words[words.index("--timeout") + 1 :][:1] if "--timeout" in words else []
        if not timeout or not timeout[0].isdecimal() or int(timeout[0]) < blueprint.LEAST_TIMEOUT:
            yield (
                "worker_start_ray_commands: the watch's --timeout in seconds, at least "
                f"{blueprint.LEAST_TIMEOUT}"
            )


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command, comments=True)
    except ValueError:
        return []


def _has(words: Sequence[str], wanted: Sequence[str]) -> bool:
    size = len(wanted)
    return any(list(words[at : at + size]) == list(wanted) for at in range(len(words)))


def _of_launch(launch: Config, cluster: str) -> Iterator[str]:
    shutdown = launch.get("InstanceInitiatedShutdownBehavior")
    tokens = _part(launch, "MetadataOptions").get("HttpTokens")
    for is_kept, told in (
        (shutdown == TERMINATE, SHUTDOWN),
        (tokens == "required", TOKENS),
        (_has_fuse(str(launch.get("UserData", ""))), FUSE),
        (bool(launch.get("SecurityGroupIds")), GROUPS),
        (bool(_part(launch, "IamInstanceProfile")), PROFILE),
        (_disks_end(launch), DISKS),
        (_interrupted(launch) in (None, TERMINATE), SPOT),
    ):
        if not is_kept:
            yield told
    for kind in ("instance", "volume"):
        if not _is_tagged(launch, kind, cluster):
            yield (
                f"TagSpecifications: the {kind}'s tag gridray-cluster: {cluster}, and gridray, by "
                "which it is found when it has to end"
            )


def _part(launch: Config, key: str) -> Config:
    found = launch.get(key)
    return found if isinstance(found, Mapping) else {}


def _has_fuse(data: str) -> bool:
    return "shutdown -h" in data and str(fuse.FUSE) in data


def _disks_end(launch: Config) -> bool:
    disks = [each.get("Ebs") for each in launch.get("BlockDeviceMappings") or ()]
    return all(disk.get("DeleteOnTermination", True) for disk in disks if disk)


def _interrupted(launch: Config) -> Any:
    options = _part(launch, "InstanceMarketOptions").get("SpotOptions") or {}
    return options.get("InstanceInterruptionBehavior")


def _is_tagged(launch: Config, kind: str, cluster: str) -> bool:
    specifications = launch.get("TagSpecifications") or []
    return any(
        each.get("ResourceType") == kind and cluster_of(each.get("Tags")) == cluster
        for each in specifications
    )


SHUTDOWN = (
    "InstanceInitiatedShutdownBehavior: terminate, without which an instance that ends itself is "
    "only stopped, and its disk goes on costing"
)
TOKENS = "MetadataOptions: HttpTokens: required, which keeps its role's credentials to itself"
FUSE = (
    f"UserData: `shutdown -h +{nodecommands.SETUP_MINUTES} && touch {fuse.FUSE}`, which ends an "
    "instance that is never set up"
)
GROUPS = "SecurityGroupIds, without which Ray makes a group that lets SSH in from everywhere"
PROFILE = (
    "IamInstanceProfile, by which a node uses the store; for a head without one Ray makes a role "
    "that may do everything in EC2"
)
DISKS = "BlockDeviceMappings: Ebs: DeleteOnTermination: true, without which a disk goes on costing"
SPOT = "InstanceMarketOptions: SpotOptions: InstanceInterruptionBehavior: terminate"
