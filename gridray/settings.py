"""Where Gridray keeps its things on this machine, and what the user has set once and for all."""

import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gridray.errors import UsageError

LOCAL = "local"
CLUSTER_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


@dataclass(frozen=True)
class ClusterSettings:
    """An existing Ray cluster that the user has given a name.

    `registry` is where its nodes pull container images from, as `host/path`.
    """

    address: str
    token: str | None = None
    registry: str | None = None


@dataclass(frozen=True)
class Settings:
    """`settings.toml` in the home, with the environment on top of it."""

    home: Path
    store: str
    cluster: str = LOCAL
    clusters: dict[str, ClusterSettings] = field(default_factory=dict)


def home() -> Path:
    """Return `GRIDRAY_HOME`, by default `~/.gridray`; it need not exist."""
    return Path(os.environ.get("GRIDRAY_HOME") or Path.home() / ".gridray").expanduser().absolute()


def load() -> Settings:
    """Read the settings.

    Raises:
        UsageError: the file is not TOML, or has a key or a type that means nothing.
    """
    path = home() / "settings.toml"
    raw = _read(path)
    unknown = sorted(set(raw) - {"store", "cluster", "clusters"})
    if unknown:
        raise UsageError(
            f"{path}: unknown setting {unknown[0]!r}",
            hint="the settings are: store, cluster, and tables [clusters.NAME]",
        )
    default_store = str(home() / "store")
    return Settings(
        home=home(),
        store=os.environ.get("GRIDRAY_STORE") or _text(path, raw, "store") or default_store,
        cluster=_text(path, raw, "cluster") or LOCAL,
        clusters=_clusters(path, raw.get("clusters", {})),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        table: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from error
    return table


def _text(path: Path, table: dict[str, Any], key: str) -> str | None:
    value = table.get(key)
    if value is not None and not isinstance(value, str):
        raise UsageError(f"{path}: {key} is {value!r}, but has to be a text")
    return value


def _clusters(path: Path, tables: object) -> dict[str, ClusterSettings]:
    if not isinstance(tables, dict):
        raise UsageError(f"{path}: clusters has to be tables [clusters.NAME]")
    clusters = {}
    for name, table in tables.items():
        if (
            not isinstance(table, dict)
            or set(table) - {"address", "token", "registry"}
            or "address" not in table
        ):
            raise UsageError(
                f"{path}: [clusters.{name}] has to have an address, and may have a token "
                "and a registry",
                hint=f'[clusters.{name}]\naddress = "http://host:8265"',
            )
        if not CLUSTER_NAME.fullmatch(name):
            raise UsageError(
                f"{path}: {name!r} is no name for a cluster",
                hint="a name is made of lower-case letters, digits and '-'",
            )
        if name == LOCAL:
            raise UsageError(f"{path}: the name {LOCAL!r} is taken by this machine's own cluster")
        address = _text(path, table, "address")
        assert address is not None
        clusters[name] = ClusterSettings(
            address, _text(path, table, "token"), _text(path, table, "registry")
        )
    return clusters
