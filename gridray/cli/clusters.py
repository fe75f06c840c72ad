"""`clusters`: which there are, what makes runs on them go on, and this machine's own down."""

import typer

from gridray.cli import cluster_options, options, panels
from gridray.cli.command import command, with_output
from gridray.cli.output import Output
from gridray.cli.plain import PlainGroup


def register(app: typer.Typer) -> None:
    group = typer.Typer(cls=PlainGroup)
    group.callback(invoke_without_command=True)(with_output(list_clusters))
    command(group, "up")(up)
    command(group, "down")(down)
    app.add_typer(group, name="clusters", rich_help_panel=panels.CLUSTERS)


def list_clusters(out: Output, ctx: typer.Context) -> None:
    """List the clusters, or take this machine's own up and down."""
    from gridray.cli import cluster_work

    if ctx.invoked_subcommand is None:
        out.show(cluster_work.overview(), cluster_work.show_overview)


def up(out: Output, name: cluster_options.AnyCluster) -> None:
    """Start the Ray cluster of this machine, or the controller on another one.

    The first run does that by itself.
    """
    from gridray.cli import cluster_work

    out.show(cluster_work.up(out, name), cluster_work.show_up)


def down(out: Output, name: cluster_options.LocalOnly, yes: options.Yes = False) -> None:
    """Stop the Ray cluster of this machine; all runs stay readable."""
    from gridray.cli import cluster_work

    out.show(cluster_work.down(out, yes=yes), cluster_work.show_down)
