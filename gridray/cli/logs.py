"""`logs`: what experiments have written."""

import typer

from gridray.cli import options, panels
from gridray.cli.command import command
from gridray.cli.output import Output


def register(app: typer.Typer) -> None:
    command(app, "logs", rich_help_panel=panels.FOLLOW)(logs)


def logs(
    out: Output,
    name: options.RunOrExperiment,
    follow: options.Follow = False,
    lines: options.Lines = None,
    attempt: options.Attempt = None,
    raw: options.Raw = False,
    show_build_logs: options.BuildLogs = False,
) -> None:
    """Print what an experiment's script has written, line by line."""
    from gridray.cli import loglines
    from gridray.cli.names import experiment, open_store

    log = loglines.Log(open_store(), experiment(name), lines, attempt)
    log.check()
    write = loglines.printer(out, raw=raw)
    if show_build_logs and not follow:
        log.write(write, "build")
    if follow:
        log.follow(out, write, with_build=show_build_logs)
    elif not log.write(write, "stdout"):
        log.tell_missing(out)
