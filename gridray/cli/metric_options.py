"""Options of commands that are about metrics."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from gridray.cli.completion import complete_names, complete_runs

Mode = Literal["min", "max"]

Printed = Annotated[
    list[str] | None,
    typer.Option(
        "--metric",
        metavar="NAME[=REGEX]",
        help="A metric that the script prints, as `NAME: 1.2` or `NAME=1.2`, or as a regular "
        "expression finds it; repeatable. Files of metrics need no option.",
    ),
]
Name = Annotated[
    str,
    typer.Argument(
        metavar="RUN|EXPERIMENT",
        help="The name of a run or an experiment.",
        autocompletion=complete_names,
    ),
]
Names = Annotated[
    list[str] | None,
    typer.Option("--name", "-n", metavar="METRIC", help="Only this metric; repeatable."),
]
Plot = Annotated[bool, typer.Option("--plot", help="Draw the curves.")]
Runs = Annotated[
    list[str],
    typer.Argument(metavar="RUN...", help="The names of runs.", autocompletion=complete_runs),
]
Metric = Annotated[
    str | None,
    typer.Option(
        "--metric",
        "-m",
        metavar="NAME",
        help="What the experiments are sorted by; by default the first that looks like it.",
    ),
]
ModeOption = Annotated[
    Mode | None,
    typer.Option(
        "--mode",
        help="Whether its smallest or its greatest value is the best; by default that goes by its "
        "name.",
    ),
]
Top = Annotated[
    int | None, typer.Option("--top", metavar="N", min=1, help="Only the best N experiments.")
]
File = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="A .csv or .parquet file to write."),
]
Overwrite = Annotated[bool, typer.Option("--yes", "-y", help="Replace a file that is there.")]
Directory = Annotated[
    Path | None,
    typer.Option(
        "--logdir",
        metavar="DIR",
        help="Where the event files are kept; others that are there are shown, too.",
        show_default="~/.gridray/tensorboard/RUN/IDENTITY",
    ),
]
Port = Annotated[
    int | None,
    typer.Option("--port", metavar="PORT", min=1, max=65535, help="Where TensorBoard listens."),
]
