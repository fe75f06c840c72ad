"""`clusters`: which there are, making them in a cloud, and taking them up and down."""

import typer

from gridray.cli import aws, cluster_options, options, panels
from gridray.cli.command import command, with_output
from gridray.cli.output import Output
from gridray.cli.plain import PlainGroup


def register(app: typer.Typer) -> None:
    group = typer.Typer(cls=PlainGroup)
    group.callback(invoke_without_command=True)(with_output(list_clusters))
    command(group, "aws")(aws.create)
    command(group, "up")(up)
    command(group, "down")(down)
    command(group, "status")(aws.status)
    command(group, "edit")(aws.edit)
    command(group, "logs")(aws.logs)
    command(group, "ssh")(aws.ssh)
    command(group, "use")(use)
    app.add_typer(group, name="clusters", rich_help_panel=panels.CLUSTERS)


def list_clusters(out: Output, ctx: typer.Context) -> None:
    """List the clusters, make one in AWS, or take one up and down."""
    from gridray.cli import cluster_work

    if ctx.invoked_subcommand is None:
        out.show(cluster_work.overview(), cluster_work.show_overview)


def up(out: Output, name: cluster_options.AnyCluster, yes: options.Yes = False) -> None:
    """Start a cluster, or the controller on one of others.

    The first run starts this machine's by itself. In AWS this also goes on with what was cut off,
    and applies what `gridray clusters edit` has changed, which interrupts what runs.
    """
    from gridray.cli import cluster_work

    out.show(cluster_work.up(out, name, yes=yes), cluster_work.show_up)


def down(
    out: Output,
    name: cluster_options.OwnOrLocal,
    purge_store: cluster_options.PurgeStore = False,
    yes: options.Yes = False,
) -> None:
    """Stop the cluster of this machine, or one in AWS.

    All runs stay readable, and `gridray clusters up` starts it again.
    """
    from gridray.cli import cluster_work

    cluster_work.down(out, name, purge_store=purge_store, yes=yes)


def use(out: Output, name: cluster_options.KnownCluster) -> None:
    """Let runs go to this cluster from here on.

    One in AWS brings its store along.
    """
    from gridray.cli import aws_changes

    out.show(aws_changes.use(out, name), aws_changes.show_context)
