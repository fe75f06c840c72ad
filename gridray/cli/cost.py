"""`cost`: what runs and clusters have cost."""

import typer

from gridray.cli import cost_options, options, panels
from gridray.cli.command import command
from gridray.cli.output import Output


def register(app: typer.Typer) -> None:
    command(app, "cost", rich_help_panel=panels.FOLLOW)(cost)


def cost(
    out: Output,
    name: options.OptionalName = None,
    cluster: cost_options.Cluster = None,
    since: cost_options.Since = None,
) -> None:
    """Show what a run has cost, or all runs and clusters.

    That is known of machines in AWS, on clusters that Gridray has made.
    """
    from gridray.cli import costing
    from gridray.cli.names import open_store

    store, start = open_store(), costing.start(since)
    if name is None:
        out.show(costing.overview(out, store, cluster, start), costing.show_overview)
    else:
        out.show(costing.run(store, name, cluster, start), costing.show_run)
