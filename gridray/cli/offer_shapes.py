"""What `instance-types` prints with `--output json`."""

from dataclasses import dataclass

from gridray.cli.shape import Shape


@dataclass(frozen=True)
class InstanceType(Shape):
    name: str
    nickname: str | None
    """Grid's way of saying it, if that means this one."""
    vcpus: int
    memory: int
    """In bytes."""
    architecture: str
    """`x86_64` or `arm64`."""
    gpu: str | None
    """The kind of its GPUs; with a fraction before it: a part of one."""
    gpus: int
    gpu_memory: int | None
    """Of each GPU, in bytes."""
    zones: tuple[str, ...] | None
    """Those of the region that offer it."""
    on_demand_price: float | None
    """US dollars an hour, for Linux; null: not known."""
    spot_price: float | None
    """As of now, in the cheapest zone."""
    spot_zone: str | None
    spot_price_low: float | None
    """The lowest of the last 7 days, in any zone."""
    spot_price_high: float | None
    on_demand_quota_left: int | None
    """How many vCPUs the account may still have of its family."""
    spot_quota_left: int | None


@dataclass(frozen=True)
class InstanceTypes(Shape):
    region: str
    instance_types: tuple[InstanceType, ...]
    """By kind of GPU and price."""
    notes: tuple[str, ...]
    """What AWS did not tell, and what stands in for it."""
