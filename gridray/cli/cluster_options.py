"""The options and arguments of `clusters`, each declared once."""

from typing import Annotated, Literal

import typer

LocalOnly = Annotated[
    Literal["local"],
    typer.Argument(metavar="local", help="The cluster: `local`, which is this machine's own."),
]
AnyCluster = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="The cluster: `local`, which is this machine's own, or the name or address of "
        "another one.",
    ),
]
