"""The options that say on which of a cluster's nodes a run may be, and what it may cost."""

from typing import Annotated

import typer

InstanceType = Annotated[
    str | None,
    typer.Option(
        "--instance_type",
        metavar="TYPE",
        help="The nodes that experiments run on, as g4dn.xlarge or 1_t4_16gb. Without --gpus and "
        "--cpus each has a whole one; --gpus K of N has that share of its CPUs and memory.",
    ),
]
UseSpot = Annotated[bool, typer.Option("--use_spot", help="Run on spot instances.")]
DiskSize = Annotated[
    str | None,
    typer.Option(
        "--disk_size",
        metavar="SIZE",
        help="Run on nodes whose disk has at least this, as 200GB, or 200, which are GB.",
    ),
]
SpotFallback = Annotated[
    str | None,
    typer.Option(
        "--spot-fallback",
        metavar="TIME",
        help="Give an experiment that has waited so long for a spot instance, as 10m, an on-demand "
        "one.",
    ),
]
MaxCost = Annotated[
    float | None,
    typer.Option(
        "--max_cost",
        metavar="USD",
        help="At this cost start nothing more of the run, and end what runs of it.",
    ),
]
