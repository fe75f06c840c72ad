"""`artifacts`: the files that experiments have created."""

import typer

from gridray.cli import options, panels
from gridray.cli.command import command
from gridray.cli.output import Output


def register(app: typer.Typer) -> None:
    command(app, "artifacts", rich_help_panel=panels.FOLLOW)(artifacts)


def artifacts(
    out: Output,
    names: options.RunsAndExperiments,
    download_dir: options.DownloadDir = None,
    match: options.Match = None,
    list_only: options.ListOnly = False,
    bucket_path: options.BucketPath = False,
) -> None:
    """Download the files that experiments have created, or list them.

    A run's files land in DIR/RUN/EXPERIMENT, an experiment's in DIR/EXPERIMENT.
    """
    from gridray.cli import downloads
    from gridray.cli.names import open_store

    store = open_store()
    wanted = downloads.chosen(store, names)
    if bucket_path:
        out.show(downloads.locations(store, wanted), downloads.show_locations)
        return
    found = downloads.find(store, wanted, match)
    if list_only:
        out.show(downloads.listing(found), downloads.show_listing)
        return
    directory = downloads.directory(download_dir)
    out.show(downloads.bring(out, store, wanted, found, directory), downloads.show_directories)
