"""`datastore`: data sets that are taken in once, and found by every experiment."""

import typer

from gridray.cli import datastore_options as given
from gridray.cli import options, panels
from gridray.cli.command import command, with_output
from gridray.cli.output import Output
from gridray.cli.plain import PlainGroup


def register(app: typer.Typer) -> None:
    group = typer.Typer(cls=PlainGroup)
    group.callback(invoke_without_command=True)(with_output(list_datastores))
    command(group, "create")(create)
    command(group, "delete")(delete)
    command(group, "resume")(resume)
    command(group, "clearcache")(clear_cache)
    app.add_typer(group, name="datastore", rich_help_panel=panels.DATA)


def list_datastores(out: Output, ctx: typer.Context) -> None:
    """List the datastores with all their versions, or create and delete them."""
    from gridray.cli import datasets, names

    if ctx.invoked_subcommand is None:
        out.show(datasets.overview(names.open_store()), datasets.show_overview)


def create(
    out: Output,
    source: given.Source,
    name: given.NewName = None,
    no_copy: given.NoCopy = False,
) -> None:
    """Make a new version of a datastore, of which only what is new is uploaded.

    The same command goes on where it was if it is interrupted.
    """
    from gridray.cli import datasets, names

    made = datasets.create(out, names.open_store(), source, name, copy=not no_copy)
    out.show(made, datasets.show_created)


def delete(
    out: Output, name: given.Name, version: given.OneVersion, yes: options.Yes = False
) -> None:
    """Delete a version of a datastore that no active run uses; its number is not used again."""
    from gridray.cli import datasets, names
    from gridray.datastores import deletion

    store = names.open_store()
    deletion.check_deletable(store, name, version)
    out.confirm(f"Delete version {version} of the datastore {name}?", yes=yes)
    out.show(datasets.delete(store, name, version), datasets.show_deleted)


def resume(
    out: Output, name: given.ResumeNames = None, only_list: given.ListUploads = False
) -> None:
    """Go on with the uploads of this machine that were interrupted."""
    from gridray.cli import datasets, names

    store = names.open_store()
    if only_list:
        out.show(datasets.uploads(store, name or []), datasets.show_uploads)
    else:
        out.show(datasets.resume(out, store, name or []), datasets.show_resumed)


def clear_cache(out: Output) -> None:
    """Remove what this machine keeps of datastores: downloads, hashes, interrupted uploads."""
    from gridray.cli import datasets

    out.show(datasets.clear_cache(), datasets.show_cleared)
