"""The environment of a script: found on this node, or built by the first that needs it."""

import hashlib
import hmac
import json
import os
import platform
import secrets
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from gridray import dependencies
from gridray.errors import BuildError, GridrayError, StoreError
from gridray.layout import AttemptName
from gridray.records import RunRecord
from gridray.runner import indexes, overlay
from gridray.runner.builder import Builder
from gridray.runner.buildlog import BuildLog
from gridray.runner.environment import Environment
from gridray.runner.periodic import attended
from gridray.runner.shelf import ENVIRONMENT, SOURCE, Place
from gridray.runner.workspace import Workspace
from gridray.scratch import private_directory
from gridray.store import Store

# Part of every key: another number where the same needs are to give another environment.
FORMAT = 1


def provide(
    store: Store,
    name: AttemptName,
    record: RunRecord,
    workspace: Workspace,
    env: Mapping[str, str],
    stack: ExitStack,
    heed: Callable[[], None],
) -> Environment:
    """Return what a run's scripts run in; it stays on the node until the stack is closed.

    Files that the build has created are put into the working directory.

    Args:
        env: the variables that the script is going to see.

    Raises:
        BuildError: it cannot be built; the message has the last lines of the log.
        GridrayError, OSError: this node cannot, as when its disk is full.
        StoreError: the store stays out of reach.
    """
    needs = record.environment
    shelf = private_directory(Path(tempfile.gettempdir())) / "environments"
    shelf.mkdir(mode=0o700, exist_ok=True)
    place = Place(shelf, key(shelf, record, workspace.root, env))
    with BuildLog(store, name, heed) as log:
        try:
            kept = place.take(stack, heed)
        except BuildError:
            log.replay(place.log, "another attempt on this node has just failed to build it:")
            raise
        if kept is None:
            kept = _build(Builder(store, record, workspace, place, env, log, heed), place)
        else:
            log.replay(place.log, "built before on this node; the build had printed:")
    made = place.home / SOURCE
    attended(lambda check: workspace.add(made, kept["files"], check), heed)
    file, home = needs.dependency_file, place.home / ENVIRONMENT
    imports = [] if file is None else dependencies.import_paths(workspace.root, file)
    return Environment(home if kept["has_environment"] else None, tuple(imports))


def key(shelf: Path, record: RunRecord, root: Path, env: Mapping[str, str]) -> str:
    """Return the name of an environment: the same needs on the same node have the same one."""
    needs, has_commands = record.environment, bool(record.environment.commands)
    file = needs.dependency_file
    files = [] if file is None else dependencies.belonging(root, file)
    is_of_source = has_commands or (file is not None and dependencies.needs_source(root, file))
    told = {
        "format": FORMAT,
        "files": [[each, hashlib.sha256((root / each).read_bytes()).hexdigest()] for each in files],
        "commands": [needs.on_build_start, needs.on_build, needs.on_build_end],
        "python": [sys.executable, sys.version, platform.machine()],
        "packages": overlay.node_packages(),
        "indexes": indexes.meant(env),
        "source": record.source.digest if is_of_source else None,
        "env": sorted(record.env.items()) if has_commands else None,
        "secrets": _sealed(shelf, record, env) if has_commands else None,
    }
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:24]


def _sealed(shelf: Path, record: RunRecord, env: Mapping[str, str]) -> list[list[str]]:
    """Return what changes with the values of a run's secrets, and tells nothing of them.

    The name of an environment stands in logs; without the node's salt, a short secret could be
    guessed from it.
    """
    if not record.secrets:
        return []
    salt = _salt(shelf / "salt")
    values = ((name, env.get(name, "").encode()) for name in sorted(record.secrets))
    return [[name, hmac.new(salt, value, "sha256").hexdigest()] for name, value in values]


def _salt(path: Path) -> bytes:
    """Return the salt of this node; the first who needs it makes it."""
    if not path.exists():
        partial = path.with_name(f"salt.{os.getpid()}")
        partial.touch(mode=0o600)
        partial.write_bytes(secrets.token_bytes(32))
        try:
            os.link(partial, path)
        except FileExistsError:
            pass
        finally:
            partial.unlink()
    return path.read_bytes()


def _build(builder: Builder, place: Place) -> dict[str, Any]:
    try:
        kept = builder.build()
        place.keep(kept)
    except BuildError as error:
        place.fail(str(error))
        raise
    except StoreError:
        raise
    except (GridrayError, OSError):
        # Not what the file says, but this node: who waits here may try for itself.
        place.leave()
        raise
    return kept
