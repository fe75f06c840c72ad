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

# A cluster of one's own in a cloud.
NewCluster = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="The new cluster's name: lower-case letters, digits and '-'."
    ),
]
OwnCluster = Annotated[
    str,
    typer.Argument(metavar="NAME", help="A cluster that `gridray clusters aws` has made."),
]
OwnOrLocal = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="The cluster: `local`, which is this machine's own, or one made in AWS.",
    ),
]
KnownCluster = Annotated[
    str,
    typer.Argument(metavar="NAME", help="`local`, a cluster made in AWS, or one of the settings."),
]
InstanceTypes = Annotated[
    str | None,
    typer.Option(
        "--instance-types",
        metavar="A,B,…",
        help="The types of the workers, as g4dn.xlarge,m5.large; or their nicknames. One group "
        "for each of them and each market.",
    ),
]
Spot = Annotated[bool, typer.Option("--spot", help="Only groups of spot instances.")]
OnDemand = Annotated[bool, typer.Option("--on-demand", help="Only groups of on-demand instances.")]
Both = Annotated[bool, typer.Option("--both", help="Groups of both, which is the default.")]
MaxWorkers = Annotated[
    int, typer.Option("--max-workers", metavar="N", min=1, help="How many workers at most.")
]
IdleTimeout = Annotated[
    float,
    typer.Option(
        "--idle-timeout",
        metavar="MINUTES",
        help="A worker that has had nothing to do for so long is terminated.",
    ),
]
HeadType = Annotated[
    str, typer.Option("--head-type", metavar="TYPE", help="The instance type of the head.")
]
DiskSize = Annotated[
    int, typer.Option("--disk-size", metavar="GB", min=1, help="The disk of each worker.")
]
S3Store = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="s3://BUCKET/PREFIX",
        help="Where runs are kept; by default the store of the settings, if that is in S3, or a "
        "new bucket. One that does not exist is made.",
    ),
]
SshFrom = Annotated[
    str | None,
    typer.Option(
        "--ssh-from",
        metavar="CIDR",
        help="The addresses that may reach the head's SSH, as 203.0.113.7/32; by default this "
        "machine's.",
    ),
]
Private = Annotated[
    bool,
    typer.Option(
        "--private",
        help="Reach the nodes at their private addresses, as through a VPN; needs --ssh-from.",
    ),
]
Subnets = Annotated[
    str | None,
    typer.Option(
        "--subnets", metavar="ID,…", help="The subnets; by default those of the default VPC."
    ),
]
HeadIdle = Annotated[
    str | None,
    typer.Option(
        "--head-idle",
        metavar="TIME",
        help="The head terminates itself after this without a run, as 2h; by default never.",
    ),
]
HeadTimeout = Annotated[
    str,
    typer.Option(
        "--head-timeout",
        metavar="TIME",
        help="A worker that cannot reach the head for this long terminates itself.",
    ),
]
Ami = Annotated[
    str | None,
    typer.Option(
        "--ami",
        metavar="ID,…",
        help="Images for the workers, one for each architecture; by default Ubuntu's, or AWS's "
        "with GPU drivers.",
    ),
]
HeadAmi = Annotated[
    str | None, typer.Option("--head-ami", metavar="ID", help="The image of the head.")
]
WaitUp = Annotated[
    bool,
    typer.Option("--wait", help="Wait until the cluster takes runs, which is what happens anyway."),
]
DryRunCluster = Annotated[
    bool, typer.Option("--dry-run", help="Only tell what would be made, and its price.")
]
PurgeStore = Annotated[
    bool,
    typer.Option(
        "--purge-store",
        help="Delete the bucket that was made for the cluster, with all runs in it.",
    ),
]
FollowLog = Annotated[
    bool, typer.Option("--follow", "-f", help="Go on with new lines until Ctrl-C.")
]
SshCommand = Annotated[
    list[str] | None,
    typer.Argument(metavar="COMMAND", help="What to do there, after --; without it, a shell."),
]
Regions = Annotated[
    list[str] | None,
    typer.Option(
        "--region",
        metavar="REGION",
        help="A region of AWS to look at; repeatable. By default those of the clusters and the "
        "one that is configured.",
    ),
]
EndStrays = Annotated[
    bool,
    typer.Option(
        "--end",
        help="Terminate the instances, and delete the disks, of a cluster that is found. Where "
        "there are several, and where it has a head, it has to be named.",
    ),
]
StrayClusters = Annotated[
    list[str] | None,
    typer.Argument(metavar="CLUSTER", help="Which clusters --end is to end."),
]
