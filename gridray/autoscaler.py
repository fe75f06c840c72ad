"""What Ray's autoscaler (v2) tells over REST: in words only, and here they are understood.

Source: ClusterStatusFormatter in ray/autoscaler/v2/utils.py, autoscaler.py beside it, and
instance_manager/node_provider.py, of Ray 2.60.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

# Its number counts calls to the cloud, each of which may be for many nodes.
PENDING_LAUNCH = re.compile(r" (?P<type>[^:]+), \d+ launching")
PENDING_NODE = re.compile(r" [^:]+: (?P<type>[^,]+), .*")
FAILED_LAUNCH = re.compile(r" (?P<type>[^:]+): LaunchFailed .*")
LAUNCH_FAILURE = re.compile(r"Failed to launch \d+ nodes of type (?P<type>[^:]+): (?P<cause>.*)")
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

    `failed` says why by the node type; nothing where that is not known.
    """

    pending: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)


def launches(report: str, log: str = "") -> Launches:
    """Return what the report of `ray status` says of launches.

    Args:
        log: the last of `monitor.log`, where alone the causes of failures are.
    """
    pending = _types(_section(report, "Pending:"), PENDING_LAUNCH, PENDING_NODE)
    failed = _types(_section(report, "Recent failures:"), FAILED_LAUNCH)
    causes = {match["type"]: match["cause"].strip() for match in LAUNCH_FAILURE.finditer(log)}
    return Launches(pending, {each: causes.get(each, "") for each in failed})


def node_types(log: str) -> tuple[NodeType, ...] | None:
    """Return the node types of the configuration in the beginning of `monitor.log`; None: none."""
    # Ray depends on it.
    import yaml

    _, marker, rest = log.partition(CONFIG)
    end = LOG_LINE.search(rest)
    if not marker or end is None:
        return None
    try:
        config = yaml.safe_load(rest[: end.start()])
        return tuple(
            NodeType(
                name,
                kind.get("resources") or {},
                kind.get("max_workers", 0),
                kind.get("labels") or {},
            )
            for name, kind in config["available_node_types"].items()
        )
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
