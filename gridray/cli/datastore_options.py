"""The arguments and options that are about datastores, declared once."""

from typing import Annotated

import typer

from gridray.cli.completion import complete_datastores

Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A directory, a file, s3://bucket/prefix, or the http(s):// address of an archive "
        "(.zip, .tar, .tar.gz, ...), which is extracted.",
    ),
]
NewName = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="The datastore's name: lower-case letters, digits and '-'. By default the last part "
        "of the source, in lower case, with '-' in place of all else.",
    ),
]
NoCopy = Annotated[
    bool,
    typer.Option("--no-copy", help="Only for S3: leave the files there, and remember which."),
]
Name = Annotated[
    str,
    typer.Option(
        "--name",
        metavar="NAME",
        help="The name of a datastore.",
        autocompletion=complete_datastores,
    ),
]
OneVersion = Annotated[
    int, typer.Option("--version", metavar="N", min=1, help="Which version of it.")
]
ResumeNames = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME", help="Only the uploads to these datastores."),
]
ListUploads = Annotated[bool, typer.Option("--list", help="Only list them.")]

# What a run mounts.
Names = Annotated[
    list[str] | None,
    typer.Option(
        "--datastore_name",
        metavar="NAME[:VERSION]",
        help="A datastore that the script finds at /datastores/NAME; the newest version without "
        "one; repeatable.",
        autocompletion=complete_datastores,
    ),
]
Version = Annotated[
    int | None,
    typer.Option(
        "--datastore_version", metavar="N", min=1, help="The version of the one --datastore_name."
    ),
]
MountDir = Annotated[
    str | None,
    typer.Option(
        "--datastore_mount_dir",
        metavar="DIR",
        help="Where the script finds the one --datastore_name; an absolute path.",
    ),
]
