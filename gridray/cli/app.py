"""The whole command line: its commands, and the one place where errors become messages."""

import copy
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import typer
from typer.main import get_command

from gridray.cli import (
    artifacts,
    clusters,
    config,
    cost,
    datastore,
    delete,
    doctor,
    instance_types,
    logs,
    metrics,
    options,
    other,
    retry,
    run,
    status,
    stop,
    sync_env,
    ui,
    user,
    view,
    why,
)
from gridray.cli.output import Output
from gridray.cli.plain import PlainGroup
from gridray.errors import GridrayError

INTERRUPTED = 130
NOT_SUCCEEDED = 1


app = typer.Typer(
    cls=PlainGroup,
    invoke_without_command=True,
    rich_markup_mode=None,
    # Grid spelled options with underscores, everybody else with hyphens: both are taken.
    context_settings={
        "token_normalize_func": lambda name: name.replace("_", "-"),
        "help_option_names": ["--help", "-h"],
        "max_content_width": 100,
    },
)
for module in (
    run,
    config,
    sync_env,
    retry,
    status,
    logs,
    metrics,
    artifacts,
    why,
    cost,
    ui,
    view,
    stop,
    delete,
    datastore,
    clusters,
    instance_types,
    doctor,
    user,
    other,
):
    module.register(app)


@app.callback()
def gridray(
    ctx: typer.Context,
    output: options.OutputFormat = None,
    debug: options.Debug = False,
    version: options.Version = False,
) -> None:
    """Run sweeps of machine-learning experiments as Ray jobs."""
    out: Output = ctx.obj
    out.choose(output, debug)
    if version:
        other.version(out)
    elif ctx.invoked_subcommand is None:
        out.line(ctx.get_help())


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run one command and end the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # Python's own streams are TextIOWrappers, which typeshed does not promise.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    out = Output()
    try:
        code = _run(out, sys.argv[1:] if args is None else args)
        out.flush()
    except BrokenPipeError:
        # Whoever read has seen enough; nothing may be flushed to them when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = NOT_SUCCEEDED
    sys.exit(code)


def _run(out: Output, args: Sequence[str]) -> int:
    try:
        code = get_command(_named(args)).main(args, standalone_mode=False, obj=out)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except typer.Abort:
        out.note("nothing has been changed")
        return NOT_SUCCEEDED
    except typer.TyperException as error:
        message = error.format_message().replace("Value error, ", "")
        out.error(message, _usage_hint(error))
        return error.exit_code
    except GridrayError as error:
        if out.debug:
            traceback.print_exc()
        out.error(error.message, error.hint)
        return error.exit_code
    if code == INTERRUPTED and out.on_interrupt:
        out.note(out.on_interrupt)
    return code or 0


def _named(args: Sequence[str]) -> typer.Typer:
    """Return the application with no command but the one that comes first, if there is such a one.

    Typer makes a parser of each that there is, which takes longer than most of what is asked for.
    """
    name = next(iter(args), None)
    commands = [each for each in app.registered_commands if each.name == name]
    groups = [each for each in app.registered_groups if each.name == name]
    if not commands and not groups:
        return app
    lean = copy.copy(app)
    lean.registered_commands, lean.registered_groups = commands, groups
    return lean


def _usage_hint(error: typer.TyperException) -> str | None:
    context = getattr(error, "ctx", None)
    return None if context is None else f"`{context.command_path} --help` lists what there is"
