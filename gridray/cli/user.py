"""`user`: Grid's way of saying which cluster runs go to."""

import typer

from gridray.cli import cluster_options, panels
from gridray.cli.command import command
from gridray.cli.output import Output
from gridray.cli.plain import PlainGroup


def register(app: typer.Typer) -> None:
    group = typer.Typer(cls=PlainGroup, help="Set what holds for all of your runs.")
    command(group, "set-cluster-context")(set_cluster_context)
    app.add_typer(group, name="user", rich_help_panel=panels.CLUSTERS)


def set_cluster_context(out: Output, name: cluster_options.KnownCluster) -> None:
    """Let runs go to this cluster from here on, as `gridray clusters use` does."""
    from gridray.cli import aws_changes

    out.show(aws_changes.use(out, name), aws_changes.show_context)
