"""`view` and `dashboard`: an experiment, or a whole cluster, in the Ray dashboard."""

import typer

from gridray.cli import options, panels
from gridray.cli.command import command
from gridray.cli.output import Output


def register(app: typer.Typer) -> None:
    command(app, "view", rich_help_panel=panels.FOLLOW)(view)
    command(app, "dashboard", rich_help_panel=panels.CLUSTERS)(show_dashboard)


def view(out: Output, name: options.RunOrExperiment, no_browser: options.NoBrowser = False) -> None:
    """Open the Ray dashboard at an experiment's job.

    Of a cluster in AWS the way there stays open until Ctrl-C.
    """
    from gridray.cli import dashboard
    from gridray.cli.names import experiment, open_store

    link = dashboard.find(out, open_store(), experiment(name))
    out.show(link, dashboard.show)
    dashboard.open_browser(link, wanted=not no_browser)
    dashboard.hold(out, link)


def show_dashboard(
    out: Output, cluster: options.Cluster = None, no_browser: options.NoBrowser = False
) -> None:
    """Open the Ray dashboard of a cluster; the way to one in AWS stays open until Ctrl-C."""
    from gridray.cli import dashboard

    link = dashboard.of_cluster(out, cluster)
    out.show(link, dashboard.show)
    dashboard.open_browser(link, wanted=not no_browser)
    dashboard.hold(out, link)
