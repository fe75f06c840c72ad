"""Which instance types the worker groups of a cluster have, as its file says."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridray import settings
from gridray.errors import ConfigError, NotFoundError
from gridray.labels import INSTANCE_TYPE


@dataclass(frozen=True)
class Groups:
    """The instance types of a cluster's worker groups, and where and as whom it was made."""

    instance_types: tuple[str, ...]
    region: str | None
    profile: str | None


def groups(name: str) -> Groups:
    """Read the file of a cluster that Gridray has made.

    Raises:
        NotFoundError: there is none of this name.
        ConfigError: its file cannot be understood.
    """
    clusters = settings.home() / "clusters"
    home = clusters / name
    path = home / "cluster.yaml"
    if not settings.CLUSTER_NAME.fullmatch(name) or not path.is_file():
        known = sorted(each.parent.name for each in clusters.glob("*/cluster.yaml"))
        raise NotFoundError(
            f"Gridray has made no cluster {name!r} in AWS",
            hint=f"it has made: {', '.join(known)}"
            if known
            else "`gridray clusters aws` makes one",
        )
    read = _read(path)
    try:
        head = read["head_node_type"]
        nodes = [kind for each, kind in read["available_node_types"].items() if each != head]
        types = [_instance_type(kind) for kind in nodes]
        region = read["provider"]["region"]
    except (KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{path} has no worker groups that can be understood: {error!r}",
            hint=f"`gridray clusters edit {name}` opens and checks it",
        ) from error
    return Groups(tuple(dict.fromkeys(types)), region, _profile(home / "made.json"))


def _instance_type(kind: dict[str, Any]) -> str:
    labels = kind.get("labels") or {}
    return str(labels.get(INSTANCE_TYPE) or kind["node_config"]["InstanceType"])


def _read(path: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error


def _profile(path: Path) -> str | None:
    try:
        profile = json.loads(path.read_bytes()).get("profile")
    except (OSError, ValueError, AttributeError):
        return None
    return profile if isinstance(profile, str) else None
