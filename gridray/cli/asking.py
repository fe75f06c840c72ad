"""What `run` is asked for: what was typed, on top of what the file of --config says."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from gridray import repository
from gridray.archive import shown
from gridray.cli import running, text
from gridray.cli.output import Output
from gridray.errors import UsageError
from gridray.git import without_credentials
from gridray.spec import (
    Actions,
    RunSpec,
    make_scratch,
    make_spec,
    parse_env,
    parse_metrics,
    parse_secrets,
)

Typed = Mapping[str, Any]


def _variables(typed: Typed) -> Typed:
    files: list[Path] = typed.get("env_file", [])
    if not files and "env" not in typed:
        return {}
    from gridray import dotenvfile

    env: dict[str, str] = {}
    for path in files:
        env |= dotenvfile.read(path, os.environ)
    return {"env": env | parse_env(typed.get("env", []), os.environ)}


def _secrets(typed: Typed) -> Typed:
    return {"secrets": parse_secrets(typed["secret"])} if "secret" in typed else {}


def _metrics(typed: Typed) -> Typed:
    return {"metrics": parse_metrics(typed["metric"])} if "metric" in typed else {}


def _holding(typed: Typed) -> Typed:
    if typed.get("keep_going") and "hold_after" in typed:
        raise UsageError(
            f"--hold_after {typed['hold_after']} and --keep-going cannot both be meant",
            hint="--keep-going never holds the rest; leave out one of the two",
        )
    return {"hold_after": None} if typed.get("keep_going") else {}


def _roots(typed: Typed) -> Typed:
    return {"any_root": typed["yes"]} if "yes" in typed else {}


def _source(typed: Typed) -> Typed:
    """Take apart what stands in the place of the script: a repository comes before it.

    Raises:
        UsageError: no script comes behind a repository.
    """
    address, words = typed.get("script", ""), typed.get("args", [])
    if not repository.is_address(address) or Path(address).is_file():
        return {}
    told = shown(without_credentials(address))
    if not words:
        raise UsageError(
            f"no script is named behind {told}",
            hint=f"`gridray run {text.command_line([told])} script.py`, with the script's path in "
            "the repository",
        )
    if words[0].startswith("-"):
        raise UsageError(
            f"{words[0]!r} stands where the script in {told} is named",
            hint="gridray's options come before the address, the script's behind the script",
        )
    return {"repository": address, "script": words[0], "args": words[1:]}


def _scratch(typed: Typed) -> Typed:
    found = make_scratch(typed.get("scratch_size"), typed.get("scratch_mount_path"))
    return {} if found is None else {"scratch": found}


def _dependencies(typed: Typed) -> Typed:
    return {"dependencies": False} if typed.get("no_dependencies") else {}


def _actions(typed: Typed) -> Typed:
    found = {name: typed[name] for name in Actions.model_fields if name in typed}
    return {"actions": found} if found else {}


def _datastores(typed: Typed) -> Typed:
    asked = [typed.get(f"datastore_{name}") for name in ("name", "version", "mount_dir")]
    if not any(each is not None for each in asked):
        return {}
    from gridray.datastores import names

    return {"datastores": names.parse_mounts(asked[0] or [], asked[1], asked[2])}


# An option that has the name of a field is that field. These say what the others mean; each gets
# all options that were typed.
MEANINGS: tuple[Callable[[Typed], Typed], ...] = (
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


def spec(out: Output, ctx: typer.Context) -> RunSpec:
    """Return what is asked for; what is remarkable in the file is told.

    Raises:
        UsageError: something of it cannot be meant.
        NotFoundError: a file of settings or variables does not exist.
    """
    typed = dict(_typed(ctx))
    fields = {name: value for name, value in typed.items() if name in RunSpec.model_fields}
    for meaning in MEANINGS:
        fields |= meaning(typed)
    running.tell_misplaced(out, ctx, fields.get("script"), fields.get("args", ()))
    if "config" in typed:
        from gridray import config

        found = config.read(typed["config"])
        for warning in found.warnings:
            out.warn(warning)
        fields = config.merged(found, fields)
    if "script" not in fields:
        raise UsageError(
            "no SCRIPT is named", hint="name one after the options, or in the file of --config"
        )
    return make_spec(fields)


def _typed(ctx: typer.Context) -> Iterator[tuple[str, Any]]:
    """Yield the options and arguments that were typed: a default must not win over a file."""
    for name, value in ctx.params.items():
        source = ctx.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            yield name, value
