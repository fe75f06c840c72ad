"""`doctor`: what is wrong here, and what is left over in a cloud."""

import typer

from gridray.cli import cluster_options, options, panels
from gridray.cli.command import command
from gridray.cli.output import Output
from gridray.errors import UsageError


def register(app: typer.Typer) -> None:
    command(app, "doctor", rich_help_panel=panels.CLUSTERS)(doctor)


def doctor(
    out: Output,
    clusters: cluster_options.StrayClusters = None,
    region: cluster_options.Regions = None,
    profile: cluster_options.Profile = None,
    end: cluster_options.EndStrays = False,
    yes: options.Yes = False,
) -> None:
    """Look whether all is well on this machine, and whether anything in AWS was left over.

    That is what carries Gridray's tags and belongs to no cluster that this machine knows. Clusters
    with a head, which another machine may use, are told apart.
    """
    from gridray.cli import diagnosis

    ended = diagnosis.Ending(tuple(clusters or ()), yes) if end else None
    if clusters and not end:
        raise UsageError("clusters are named to be ended", hint="add --end")
    found = diagnosis.diagnose(out, region or [], profile, ended)
    out.show(found, diagnosis.show)
    diagnosis.check(found)
