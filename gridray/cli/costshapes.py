"""What `gridray cost --output json` prints; all amounts are US dollars, null: not known."""

from dataclasses import dataclass
from datetime import datetime

from gridray.cli.shape import Shape


@dataclass(frozen=True)
class AttemptCost(Shape):
    attempt: int
    """Its number, from 0."""
    instance_id: str
    instance_type: str
    market: str
    """`spot` or `on-demand`."""
    zone: str
    share: float
    """What of the machine it had, up to 1."""
    price: float | None
    """Of the whole machine, an hour, when the attempt began."""
    since: datetime
    until: datetime
    hours: float
    """Between the two."""
    cost: float | None
    """Its share of the machine for this time."""
    saved: float | None
    """What more it had cost on demand."""
    lost: bool
    """Whether it was interrupted."""


@dataclass(frozen=True)
class ExperimentCost(Shape):
    name: str
    attempts: tuple[AttemptCost, ...]
    """Those whose machine is known."""
    cost: float | None
    saved: float | None
    lost: float | None
    """What of the cost was of attempts that were interrupted."""


@dataclass(frozen=True)
class RunCost(Shape):
    name: str
    cluster: str
    since: datetime | None
    """From when on cost counts; null: all of it."""
    max_cost: float | None
    """What it may cost at most."""
    cost: float | None
    saved: float | None
    """What more it had cost on demand."""
    lost: float | None
    """What of the cost was of attempts that were interrupted."""
    experiments: tuple[ExperimentCost, ...]
    """Those of which anything is known; what deleted ones have cost is in the sums only."""


@dataclass(frozen=True)
class RunSum(Shape):
    name: str
    cluster: str
    cost: float | None
    saved: float | None
    """What more it had cost on demand."""
    lost: float | None
    """What of the cost was of attempts that were interrupted."""


@dataclass(frozen=True)
class ClusterCost(Shape):
    name: str
    head: float | None
    """What its head has cost."""
    workers: float | None
    """What its other machines have cost."""
    used: float | None
    """What of that the runs in the store have cost."""
    idle: float | None
    """The rest: machines that start, wait or stop, free shares of them, and deleted runs."""
    machines: int
    """How many there have been, with the head."""
    unpriced: int
    """How many of these have no known price, and count for nothing."""


@dataclass(frozen=True)
class Costs(Shape):
    since: datetime | None
    """From when on cost counts; null: all of it."""
    runs: tuple[RunSum, ...]
    """Those whose cost is known, the newest first."""
    clusters: tuple[ClusterCost, ...]
    """Those that Gridray has made, and that have had machines."""
    cost: float | None
    """Of all machines of these clusters, and of the runs on others."""
