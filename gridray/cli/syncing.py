"""What `sync-env` asks and tells."""

import os
from pathlib import Path

from gridray import installed
from gridray.archive import shown
from gridray.cli import settingshapes, text
from gridray.cli.output import Output
from gridray.errors import UsageError
from gridray.installed import Listing


def find(dependency_file: str | None) -> Listing:
    return installed.listing(Path.cwd(), dependency_file, os.environ)


def question(found: Listing) -> str:
    count = text.count(found.packages, "package")
    return f"Overwrite {shown(found.path.name)} with the {count} of {found.python}?"


def write(found: Listing) -> settingshapes.Synced:
    """Write the file if it says something else.

    Raises:
        UsageError: it cannot be written.
    """
    changed = found.changes
    if changed:
        try:
            installed.write(found)
        except OSError as error:
            raise UsageError(f"{shown(str(found.path))} cannot be written: {error}") from error
    path = os.path.relpath(found.path)
    return settingshapes.Synced(path, found.python, found.packages, changed, found.left_out)


def show(out: Output, synced: settingshapes.Synced) -> None:
    for line in synced.left_out:
        out.warn(f"{shown(line)} is left out: only this machine has it")
    count = text.count(synced.packages, "package")
    told = "has the" if synced.changed else "already has the"
    out.line(f"{shown(synced.path)} {told} {count} of {shown(synced.environment)}")
