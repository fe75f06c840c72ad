"""The options of `cost`, each declared once."""

from typing import Annotated

import typer

Cluster = Annotated[
    str | None,
    typer.Option("--cluster", metavar="NAME", help="Only this cluster, and the runs on it."),
]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="Only what the last 7d, 12h or 90m have cost."),
]
