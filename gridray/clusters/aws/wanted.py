"""What a user asks for: a cluster in AWS, before anything of it is made."""

from dataclasses import dataclass

from gridray.labels import ON_DEMAND, SPOT

HEAD_TYPE = "m5.large"
MARKETS = (SPOT, ON_DEMAND)


@dataclass(frozen=True)
class Wanted:
    """A cluster that is to be.

    `store` is an `s3://` URL, None: a bucket is made for it (`account.store_url`). `markets` are of
    every instance type. `idle_timeout` is in minutes, `head_idle` and `head_timeout` in seconds,
    `disk_gb` in GB. `ssh_from` is the CIDR block that may reach the head's SSH. `amis` are images
    for the workers, each for the types of its architecture; `head_ami` is the head's. Without them
    the newest ones of Ubuntu and of AWS are looked up. `subnets` are ids; (): those of the default
    VPC. With `is_private` the nodes are reached at their private addresses.
    """

    name: str
    region: str
    instance_types: tuple[str, ...]
    markets: tuple[str, ...] = MARKETS
    profile: str | None = None
    store: str | None = None
    max_workers: int = 8
    idle_timeout: float = 5.0
    head_type: str = HEAD_TYPE
    disk_gb: int = 100
    ssh_from: str = "127.0.0.1/32"
    is_private: bool = False
    head_idle: float | None = None
    head_timeout: float = 900.0
    amis: tuple[str, ...] = ()
    head_ami: str | None = None
    subnets: tuple[str, ...] = ()
