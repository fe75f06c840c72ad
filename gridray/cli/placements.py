"""Which nodes a run is for, as commands tell it."""

from dataclasses import dataclass

from gridray.cli import text
from gridray.cli.shape import Shape
from gridray.placement import PlacementRecord


@dataclass(frozen=True)
class Placement(Shape):
    instance_type: str | None
    """EC2's name of it; null: any."""
    use_spot: bool
    disk_gb: int | None
    """What the disk of a node has at least."""
    spot_fallback: float | None
    """Seconds of waiting for a spot node after which an on-demand one will do; null: never."""


def of(record: PlacementRecord | None) -> Placement | None:
    if record is None:
        return None
    return Placement(record.instance_type, record.use_spot, record.disk_gb, record.spot_fallback)


def words(placement: Placement) -> str:
    """Return what the nodes are called, as `spot g4dn.xlarge`, and what will do later."""
    record = PlacementRecord(placement.instance_type, placement.use_spot, placement.disk_gb)
    if placement.spot_fallback is None:
        return record.words()
    later = text.duration(placement.spot_fallback)
    return f"{record.words()}, and on-demand ones after waiting for {later}"


def resources(cpus: float, gpus: float, memory: int | None, placement: Placement | None) -> str:
    """Return what each experiment gets; 0 CPUs are a share of a machine that is not known here."""
    if cpus or placement is None:
        return text.resources(cpus, gpus, memory)
    kind = placement.instance_type
    return f"its share of a {kind} ({gpus:g} of its GPUs)" if gpus else f"a whole {kind}"
