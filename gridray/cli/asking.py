"""What `run` is asked for: what was typed, on top of what the file of --config says."""

from collections.abc import Iterator
from typing import Any

import typer

from gridray import asked
from gridray.cli import running
from gridray.cli.output import Output
from gridray.errors import UsageError
from gridray.spec import RunSpec, make_spec


def spec(out: Output, ctx: typer.Context) -> RunSpec:
    """Return what is asked for; what is remarkable in the file is told.

    Raises:
        UsageError: something of it cannot be meant.
        NotFoundError: a file of settings or variables does not exist.
    """
    typed = dict(_typed(ctx))
    fields = asked.fields(typed)
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
