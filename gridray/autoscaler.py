"""What Ray's autoscaler (v2) tells over REST: in words only, and here they are understood.

Source: ClusterStatusFormatter in ray/autoscaler/v2/utils.py, autoscaler.py beside it, and
instance_manager/node_provider.py, of Ray 2.60.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

# Its number counts calls to the cloud, each of which may be for many nodes.
PENDING_LAUNCH = re.compile(r" (?P<type>[^:]+), \d+ launching")
PENDING_NODE = re.compile(r" [^:]+: (?P<type>[^,]+), .*")
FAILED_LAUNCH = re.compile(r" (?P<type>[^:]+): LaunchFailed .*")
LAUNCH_FAILURE = re.compile(r"Failed to launch \d+ nodes of type (?P<type>[^:]+): (?P<cause>.*)")
# EC2's own words; the one that Ray's log ends with is of the last zone that was tried only.
ZONE = re.compile(
    r"sufficient (?P<type>\S+) capacity in the Availability Zone you requested \((?P<zone>[^)]+)\)"
)
CONFIG = "Using Autoscaling Config: \n"
# A line of the log, where the YAML before it ends.
LOG_LINE = re.compile(r"^\d{4}-\d\d-\d\d ", re.MULTILINE)


@dataclass(frozen=True)
class NodeType:
    """A kind of node that can be launched: what each has, and how many there may be."""

    name: str
    resources: Mapping[str, float]
    max_nodes: int
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Launches:
    """The node types of which nodes are to come, and of which launches have failed lately.

    `failed` says why by the node type; nothing where that is not known. `zones` are those of AWS
    that have not had an instance type lately, by the type.
    """

    pending: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    zones: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, names: Collection[str] | None) -> "Launches":
        """Return those of some node types; None: of any."""
        if names is None:
            return self
        return Launches(
            tuple(each for each in self.pending if each in names),
            {each: cause for each, cause in self.failed.items() if each in names},
            self.zones,
        )


@dataclass(frozen=True)
class Limits:
    """What the autoscaler may launch, and how many workers there may be in all."""

    node_types: tuple[NodeType, ...]
    max_workers: int | None = None


def launches(report: str, log: str = "") -> Launches:
    """Return what the report of `ray status` says of launches.

    Args:
        log: the last of `monitor.log`, where alone the causes of failures are, and of
            `monitor.out`, which has more of their zones.
    """
    pending = _types(_section(report, "Pending:"), PENDING_LAUNCH, PENDING_NODE)
    failed = _types(_section(report, "Recent failures:"), FAILED_LAUNCH)
    causes = {match["type"]: match["cause"].strip() for match in LAUNCH_FAILURE.finditer(log)}
    zones: dict[str, set[str]] = {}
    for match in ZONE.finditer(log) if failed else ():
        zones.setdefault(match["type"], set()).add(match["zone"])
    return Launches(
        pending,
        {each: causes.get(each, "") for each in failed},
        {each: tuple(sorted(found)) for each, found in zones.items()},
    )


def limits(log: str) -> Limits | None:
    """Return what the configuration in the beginning of `monitor.log` says; None: nothing."""
    # Ray depends on it.
    import yaml

    _, marker, rest = log.partition(CONFIG)
    end = LOG_LINE.search(rest)
    if not marker or end is None:
        return None
    try:
        config = yaml.safe_load(rest[: end.start()])
        found = tuple(
            NodeType(
                name,
                kind.get("resources") or {},
                kind.get("max_workers", 0),
                kind.get("labels") or {},
            )
            for name, kind in config["available_node_types"].items()
        )
        most = config.get("max_workers")
        return Limits(found, most if isinstance(most, int) else None)
    except (yaml.YAMLError, AttributeError, KeyError, TypeError):
        return None


def _types(lines: Iterable[str], *forms: re.Pattern[str]) -> tuple[str, ...]:
    """Return the node types that lines of these forms name, each once."""
    found = (form.fullmatch(line) for line in lines for form in forms)
    return tuple(dict.fromkeys(match["type"] for match in found if match))


def _section(report: str, title: str) -> Iterator[str]:
    """Yield the indented lines below a title."""
    lines = iter(report.splitlines())
    for line in lines:
        if line == title:
            break
    for line in lines:
        if not line.startswith(" "):
            return
        yield line
