"""`instance-types`: what a cloud has to offer, at what price, and how much of it."""

import typer

from gridray.cli import cluster_options, panels
from gridray.cli.command import command
from gridray.cli.output import Output


def register(app: typer.Typer) -> None:
    command(app, "instance-types", rich_help_panel=panels.CLUSTERS)(instance_types)


def instance_types(
    out: Output,
    cluster: cluster_options.MadeCluster = None,
    gpus: cluster_options.ExactGpus = None,
    region: cluster_options.Region = None,
    profile: cluster_options.Profile = None,
    refresh: cluster_options.Refresh = False,
) -> None:
    """List the instance types of AWS, with their prices and what the account's quotas leave.

    Those with GPUs, and the usual ones without. Prices are US dollars an hour.
    """
    from gridray.cli import offer_work

    found = offer_work.offers(out, cluster, gpus, region, profile, refresh=refresh)
    out.show(found, offer_work.show)
