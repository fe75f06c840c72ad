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

# What a cloud has to offer.
MadeCluster = Annotated[
    str | None,
    typer.Option(
        "--cluster", metavar="NAME", help="Only the worker groups of this cluster in AWS."
    ),
]
ExactGpus = Annotated[
    int | None, typer.Option("--gpus", metavar="N", min=0, help="Only types with so many GPUs.")
]
Region = Annotated[
    str | None,
    typer.Option(
        "--region",
        metavar="REGION",
        help="The region of AWS, as us-east-1; by default the one of the cluster, of AWS_REGION or "
        "of the profile.",
    ),
]
Profile = Annotated[
    str | None,
    typer.Option(
        "--profile",
        metavar="PROFILE",
        help="The profile of ~/.aws; by default the environment's credentials.",
    ),
]
Refresh = Annotated[
    bool,
    typer.Option("--refresh", help="Ask AWS anew, also for what it has answered within a day."),
]
