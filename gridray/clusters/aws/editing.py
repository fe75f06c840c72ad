"""A cluster's file as its user edits it: nothing takes effect that Ray would not understand."""

import importlib.util
import json
import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from gridray.clusters.aws import launches, made, promises
from gridray.clusters.aws.account import CLUSTER_FILE
from gridray.clusters.aws.made import Made
from gridray.clusters.aws.session import Account
from gridray.errors import ConfigError, UsageError

REJECTED = "rejected.yaml"
EDITOR = "vi"


def edit(home: Path, name: str) -> bool:
    """Let the user edit a cluster's file; return whether it is another one then.

    Raises:
        NotFoundError: Gridray has made no cluster of this name.
        UsageError: there is no editor, or it fails.
        ConfigError: the file would not do; the old one stays, and the new one beside it.
    """
    what = Made.load(home, name)
    file = made.directory(home, name) / CLUSTER_FILE
    rejected = file.with_name(REJECTED)
    if not file.exists():
        raise UsageError(
            f"the making of {name} was cut off before its file was written",
            hint=f"`gridray clusters up {name}` goes on with it",
        )
    old = file.read_bytes()
    new = _edited(rejected.read_bytes() if rejected.exists() else old)
    if new == old:
        rejected.unlink(missing_ok=True)
        return False
    try:
        check(new.decode("utf-8", "replace"), what)
    except ConfigError as error:
        made.write_private(rejected, new)
        raise ConfigError(
            f"{error.message}; the cluster's file stays as it was",
            hint=f"what you wrote is in {rejected}: `gridray clusters edit {name}` opens it again",
        ) from error
    made.write_private(file, new)
    rejected.unlink(missing_ok=True)
    return True


def _edited(text: bytes) -> bytes:
    """Return what the user's editor makes of a text."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or EDITOR
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / CLUSTER_FILE
        path.write_bytes(text)
        try:
            answer = subprocess.run([*shlex.split(editor), str(path)])
        except (OSError, ValueError) as error:
            raise UsageError(
                f"the editor {editor!r} cannot be started: {error}", hint="set EDITOR to yours"
            ) from error
        if answer.returncode != 0:
            raise UsageError(f"the editor {editor!r} ended with {answer.returncode}")
        return path.read_bytes()


def check_file(home: Path, what: Made) -> None:
    """Check a cluster's file as it is, if there is one: not every editor is called by Gridray.

    Raises:
        ConfigError: it would not do.
    """
    file = made.directory(home, what.name) / CLUSTER_FILE
    if not file.exists():
        return
    try:
        check(file.read_text("utf-8", "replace"), what)
    except ConfigError as error:
        raise ConfigError(
            f"{file}: {error.message}", hint=f"`gridray clusters edit {what.name}` mends it"
        ) from error


def check(text: str, what: Made) -> None:
    """Check a cluster's file by Ray's own schema, by EC2's, and by what Gridray promises.

    Raises:
        ConfigError: it would not do.
    """
    import jsonschema
    import yaml

    try:
        read = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"this is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(read, dict):
        raise ConfigError("the file has to have keys and values")
    try:
        jsonschema.validate(read, json.loads(_schema().read_text()))
    except jsonschema.ValidationError as error:
        raise ConfigError(f"Ray does not take {error.json_path}: {error.message}") from error
    _check_ours(read, what)


def _schema() -> Path:
    """Return Ray's schema of cluster files; Ray itself takes long to import."""
    found = importlib.util.find_spec("ray")
    assert found is not None and found.origin is not None
    return Path(found.origin).parent / "autoscaler" / "ray-schema.json"


def _check_ours(read: dict[str, Any], what: Made) -> None:
    provider = read.get("provider", {})
    for key, now, meant in (
        ("cluster_name", read.get("cluster_name"), what.name),
        ("provider.type", provider.get("type"), "aws"),
        ("provider.region", provider.get("region"), what.region),
    ):
        if now != meant:
            raise ConfigError(f"{key} is {now!r}, but has to stay {meant!r}")
    types = read.get("available_node_types", {})
    if read.get("head_node_type") not in types:
        raise ConfigError(f"head_node_type {read.get('head_node_type')!r} is no node type")
    for name, kind in types.items():
        launch = kind.get("node_config", {})
        missing = [key for key in ("InstanceType", "ImageId", "KeyName") if not launch.get(key)]
        if missing:
            raise ConfigError(f"available_node_types.{name}.node_config lacks {', '.join(missing)}")
    promises.check(read, what.name)
    launches.check(Account(what.region, what.profile), types)
