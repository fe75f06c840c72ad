"""`retry` and `rerun`: what has run runs again, in part or anew."""

import typer

from gridray.cli import options, panels
from gridray.cli.command import command
from gridray.cli.output import Output


def register(app: typer.Typer) -> None:
    command(app, "retry", rich_help_panel=panels.RUN)(retry)
    command(app, "rerun", rich_help_panel=panels.RUN)(rerun)


def retry(
    out: Output,
    name: options.RetryNames,
    failed: options.FailedOnly = False,
    held: options.HeldOnly = False,
    wait: options.Wait = False,
) -> None:
    """Try again what did not succeed, in the same run.

    The next attempts find the files that the ones before have left. What is held goes on.
    """
    from gridray.cli import repeating, running
    from gridray.cli.names import open_store

    store = open_store()
    retried = repeating.retry(out, store, name, failed_only=failed, held_only=held)
    out.show(retried, repeating.show_retries)
    if wait:
        for each in retried.retried:
            running.wait(out, each.name)


def rerun(
    out: Output,
    run: options.OneRun,
    name: options.Name = None,
    cluster: options.Cluster = None,
    wait: options.Wait = False,
) -> None:
    """Start all of a run anew, as a new one.

    It has the source, the sweep and the options of the old one.
    """
    from gridray import again
    from gridray.cli import running
    from gridray.cli.names import open_store, runs

    (old,) = runs([run])
    record = again.rerun(open_store(), old, name=name, cluster=cluster, progress=out.note)
    running.show_submitted(out, record)
    if wait:
        running.wait(out, record.name)
