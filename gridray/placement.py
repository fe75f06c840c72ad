"""Which nodes experiments are for, and which they were on, as the store keeps it."""

from dataclasses import dataclass, replace

from gridray import labels


@dataclass(frozen=True)
class PlacementRecord:
    """On which nodes the experiments of a run may be; None: on any.

    Without `use_spot` an instance type means on-demand nodes. `disk_gb` is the least that a node's
    disk has, in GB; `disks` are the sizes that will do, where the cluster has others too. After
    `spot_fallback` seconds of waiting for spot, on-demand nodes will do.
    """

    instance_type: str | None = None
    use_spot: bool = False
    disk_gb: int | None = None
    spot_fallback: float | None = None
    disks: tuple[int, ...] = ()

    def labels(self, *, fallen_back: bool = False) -> dict[str, str]:
        """Return the labels that a node has to have, by Ray's names.

        Args:
            fallen_back: whether the experiment does not wait for spot any longer.
        """
        found = {} if self.instance_type is None else {labels.INSTANCE_TYPE: self.instance_type}
        if self.use_spot and not fallen_back:
            found[labels.MARKET] = labels.SPOT
        elif self.use_spot or self.instance_type is not None:
            found[labels.MARKET] = labels.ON_DEMAND
        if self.disks:
            found[labels.DISK] = labels.one_of(map(str, self.disks))
        return found

    def words(self, *, fallen_back: bool = False) -> str:
        """Return what these nodes are called, as `spot g4dn.xlarge nodes with 200 GB of disk`."""
        kind = labels.words(replace(self, disks=()).labels(fallen_back=fallen_back))
        disk = "" if self.disk_gb is None else f" with {self.disk_gb:,} GB of disk"
        return f"{kind} nodes{disk}".strip()


def selector(placement: PlacementRecord | None, *, fallen_back: bool = False) -> dict[str, str]:
    """Return the labels that a node has to have; none where any node will do."""
    return {} if placement is None else placement.labels(fallen_back=fallen_back)


@dataclass(frozen=True)
class InstanceRecord:
    """The cloud's machine that an attempt runs on.

    `market` is `spot` or `on-demand`; `share` is what of the machine the attempt has, above 0 and
    up to 1; `price` is what the whole machine cost an hour when the attempt began, in USD, and
    `on_demand` what one costs that is not spot; None: not known. The attempt has had its place
    there since `since` (Unix, s).
    """

    instance_id: str
    instance_type: str
    market: str
    zone: str
    share: float = 1.0
    price: float | None = None
    on_demand: float | None = None
    since: float | None = None

    @property
    def rate(self) -> float | None:
        """What the attempt costs an hour, in USD."""
        return None if self.price is None else self.price * self.share
