"""The options that say what a script needs: installed, run around it, and of its node's disk."""

from typing import Annotated

import typer

DependencyFile = Annotated[
    str | None,
    typer.Option(
        "--dependency_file",
        metavar="PATH",
        help="What to install: a requirements.txt, pyproject.toml, uv.lock or environment.yml. "
        "By default the one in this directory, if there is one.",
    ),
]
WrittenFile = Annotated[
    str | None,
    typer.Option(
        "--dependency_file",
        metavar="FILE",
        help="What to write: a requirements.txt or an environment.yml. By default the one in this "
        "directory.",
    ),
]
NoDependencies = Annotated[
    bool,
    typer.Option("--no-dependencies", help="Install nothing, whatever files are here."),
]
Image = Annotated[
    str | None,
    typer.Option(
        "--image",
        metavar="REF",
        help="A container image, with Ray in it, that the experiments run in.",
    ),
]
Dockerfile = Annotated[
    str | None,
    typer.Option(
        "--dockerfile",
        "-d",
        metavar="PATH",
        help="Build the image from this file, and push it to the cluster's registry.",
    ),
]

# Commands for bash.
OnBuildStart = Annotated[
    list[str] | None,
    typer.Option(
        "--on_build_start",
        metavar="COMMAND",
        help="Run by bash before the dependencies are installed, once a node; repeatable.",
    ),
]
OnBuild = Annotated[
    list[str] | None,
    typer.Option(
        "--on_build",
        metavar="COMMAND",
        help="Run by bash after the dependencies are installed, once a node; repeatable.",
    ),
]
OnBuildEnd = Annotated[
    list[str] | None,
    typer.Option(
        "--on_build_end",
        metavar="COMMAND",
        help="Run by bash after the commands of --on_build; repeatable.",
    ),
]
OnExperimentStart = Annotated[
    list[str] | None,
    typer.Option(
        "--on_experiment_start",
        metavar="COMMAND",
        help="Run by bash before each script; one that fails ends its experiment. Repeatable.",
    ),
]
OnExperimentEnd = Annotated[
    list[str] | None,
    typer.Option(
        "--on_experiment_end",
        metavar="COMMAND",
        help="Run by bash after each script, however it has ended; repeatable.",
    ),
]
ScratchSize = Annotated[
    str | None,
    typer.Option(
        "--scratch_size",
        metavar="SIZE",
        help="Give each experiment a private directory, on a node that has this much free: "
        "as 100GB, or 100, which are GB.",
    ),
]
ScratchMountPath = Annotated[
    str | None,
    typer.Option(
        "--scratch_mount_path",
        metavar="PATH",
        help="Where the script finds it, besides in GRIDRAY_SCRATCH. By default at /tmp/scratch, "
        "on nodes that can do that.",
    ),
]
