"""What `run` is asked for: what was typed, on top of what the file of --config says."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from gridray.cli.output import Output
from gridray.errors import UsageError
from gridray.spec import RunSpec, make_spec, parse_env, parse_secrets

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


def _holding(typed: Typed) -> Typed:
    return {"hold_after": None} if typed.get("keep_going") else {}


def _roots(typed: Typed) -> Typed:
    return {"any_root": typed["yes"]} if "yes" in typed else {}


# An option that has the name of a field is that field. These say what the others mean; each gets
# all options that were typed.
MEANINGS: tuple[Callable[[Typed], Typed], ...] = (_variables, _secrets, _holding, _roots)


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
