"""What a run is asked for by, options of a command line or fields of a form, as a spec's fields."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gridray import repository
from gridray.archive import shown
from gridray.errors import UsageError
from gridray.git import without_credentials
from gridray.spec import (
    Actions,
    RunSpec,
    make_scratch,
    parse_env,
    parse_metrics,
    parse_secrets,
)
from gridray.wording import command_line

Asked = Mapping[str, Any]


def fields(asked: Asked) -> dict[str, Any]:
    """Return the fields of a spec.

    Args:
        asked: the options of `run` that are given, by their names with `_`.

    Raises:
        UsageError: something of it cannot be meant.
        NotFoundError: a file of variables does not exist.
    """
    found = {name: value for name, value in asked.items() if name in RunSpec.model_fields}
    for meaning in MEANINGS:
        found |= meaning(asked)
    return found


def _variables(asked: Asked) -> Asked:
    files: list[Path] = asked.get("env_file", [])
    if not files and "env" not in asked:
        return {}
    from gridray import dotenvfile

    env: dict[str, str] = {}
    for path in files:
        env |= dotenvfile.read(path, os.environ)
    return {"env": env | parse_env(asked.get("env", []), os.environ)}


def _secrets(asked: Asked) -> Asked:
    return {"secrets": parse_secrets(asked["secret"])} if "secret" in asked else {}


def _metrics(asked: Asked) -> Asked:
    return {"metrics": parse_metrics(asked["metric"])} if "metric" in asked else {}


def _holding(asked: Asked) -> Asked:
    if asked.get("keep_going") and "hold_after" in asked:
        raise UsageError(
            f"--hold_after {asked['hold_after']} and --keep-going cannot both be meant",
            hint="--keep-going never holds the rest; leave out one of the two",
        )
    return {"hold_after": None} if asked.get("keep_going") else {}


def _roots(asked: Asked) -> Asked:
    return {"any_root": asked["yes"]} if "yes" in asked else {}


def _source(asked: Asked) -> Asked:
    """Take apart what stands in the place of the script: a repository comes before it.

    Raises:
        UsageError: no script comes behind a repository.
    """
    address, words = asked.get("script", ""), asked.get("args", [])
    if not repository.is_address(address) or Path(asked.get("root", ""), address).is_file():
        return {}
    told = shown(without_credentials(address))
    if not words:
        raise UsageError(
            f"no script is named behind {told}",
            hint=f"`gridray run {command_line([told])} script.py`, with the script's path in "
            "the repository",
        )
    if words[0].startswith("-"):
        raise UsageError(
            f"{words[0]!r} stands where the script in {told} is named",
            hint="gridray's options come before the address, the script's behind the script",
        )
    return {"repository": address, "script": words[0], "args": words[1:]}


def _scratch(asked: Asked) -> Asked:
    found = make_scratch(asked.get("scratch_size"), asked.get("scratch_mount_path"))
    return {} if found is None else {"scratch": found}


def _dependencies(asked: Asked) -> Asked:
    return {"dependencies": False} if asked.get("no_dependencies") else {}


def _actions(asked: Asked) -> Asked:
    found = {name: asked[name] for name in Actions.model_fields if name in asked}
    return {"actions": found} if found else {}


def _datastores(asked: Asked) -> Asked:
    known, version, mount_dir = (
        asked.get(f"datastore_{name}") for name in ("name", "version", "mount_dir")
    )
    if known is None and version is None and mount_dir is None:
        return {}
    from gridray.datastores import names

    return {"datastores": names.parse_mounts(known or [], version, mount_dir)}


# An option that has the name of a field is that field. These say what the others mean; each gets
# all that are given.
MEANINGS: tuple[Callable[[Asked], Asked], ...] = (
    _variables,
    _secrets,
    _metrics,
    _holding,
    _roots,
    _source,
    _scratch,
    _dependencies,
    _actions,
    _datastores,
)
