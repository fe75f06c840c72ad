"""The commands about clusters in AWS."""

import typer

from gridray.cli import cluster_options, options
from gridray.cli.output import Output


def create(
    out: Output,
    name: cluster_options.NewCluster,
    instance_types: cluster_options.InstanceTypes = None,
    region: cluster_options.Region = None,
    profile: cluster_options.Profile = None,
    spot: cluster_options.Spot = False,
    on_demand: cluster_options.OnDemand = False,
    both: cluster_options.Both = False,
    max_workers: cluster_options.MaxWorkers = 8,
    idle_timeout: cluster_options.IdleTimeout = 5.0,
    disk_size: cluster_options.DiskSize = 100,
    head_type: cluster_options.HeadType = "m5.large",
    store: cluster_options.S3Store = None,
    ssh_from: cluster_options.SshFrom = None,
    private: cluster_options.Private = False,
    subnets: cluster_options.Subnets = None,
    head_idle: cluster_options.HeadIdle = None,
    head_timeout: cluster_options.HeadTimeout = "15m",
    ami: cluster_options.Ami = None,
    head_ami: cluster_options.HeadAmi = None,
    wait: cluster_options.WaitUp = False,
    dry_run: cluster_options.DryRunCluster = False,
    yes: options.Yes = False,
) -> None:
    """Make a cluster in your AWS account.

    It grows and shrinks by itself, and is closed to everybody but you. What would be in its way is
    told before anything is made, and so is its price.
    """
    from gridray.cli import aws_changes, aws_work

    asked = aws_work.Asked(
        name=name,
        region=region,
        profile=profile,
        instance_types=instance_types,
        spot=spot,
        on_demand=on_demand,
        both=both,
        store=store,
        ssh_from=ssh_from,
        private=private,
        head_idle=head_idle,
        head_timeout=head_timeout,
        ami=ami,
        subnets=subnets,
        rest={
            "max_workers": max_workers,
            "idle_timeout": idle_timeout,
            "disk_gb": disk_size,
            "head_type": head_type,
            "head_ami": head_ami,
        },
    )
    plan = aws_work.create(out, asked, dry_run=dry_run, yes=yes)
    if plan.made:
        aws_changes.tell_store(out, name)
    out.show(plan, aws_work.show)


def status(out: Output, name: cluster_options.OwnCluster) -> None:
    """Show what a cluster in AWS has, costs and does."""
    from gridray.cli import aws_status

    out.show(aws_status.status(name), aws_status.show)


def edit(out: Output, name: cluster_options.OwnCluster) -> None:
    """Edit the file of a cluster in AWS.

    What your editor leaves is checked before it counts. `gridray clusters up` applies it.
    """
    from gridray.cli import aws_changes

    out.show(aws_changes.edit(out, name), aws_changes.show_edited)


def logs(
    out: Output, name: cluster_options.OwnCluster, follow: cluster_options.FollowLog = False
) -> None:
    """Print the log of the autoscaler of a cluster in AWS."""
    from gridray.cli import aws_changes

    raise typer.Exit(aws_changes.logs(name, follow=follow))


def ssh(
    out: Output, name: cluster_options.OwnCluster, command: cluster_options.SshCommand = None
) -> None:
    """Log in to the head of a cluster in AWS.

    `gridray clusters ssh NAME -- COMMAND` does something there.
    """
    from gridray.cli import aws_changes

    raise typer.Exit(aws_changes.ssh(name, command or []))
