"""What an instance type is, and the shipped table of the usual ones."""

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("instance-types.json")
MEBIBYTE = 1 << 20
X86 = "x86_64"
ARM = "arm64"


@dataclass(frozen=True)
class InstanceType:
    """A machine as EC2 describes it; `memory`, and `gpu_memory` of each GPU, in bytes.

    A part of a GPU, as g6f has it, counts as one of its own kind, `1/8 L4`, with less memory.
    """

    name: str
    vcpus: int
    memory: int
    architecture: str
    gpu: str | None = None
    gpus: int = 0
    gpu_memory: int | None = None
    has_spot: bool = True

    @property
    def family(self) -> str:
        return self.name.partition(".")[0]

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "InstanceType":
        """Return what an item of DescribeInstanceTypes says."""
        devices = answer.get("GpuInfo", {}).get("Gpus", [])
        gpu = devices[0] if devices else {}
        return cls(
            name=answer["InstanceType"],
            vcpus=answer["VCpuInfo"]["DefaultVCpus"],
            memory=answer["MemoryInfo"]["SizeInMiB"] * MEBIBYTE,
            architecture=_architecture(answer["ProcessorInfo"]["SupportedArchitectures"]),
            gpu=_gpu(gpu) if gpu else None,
            gpus=sum(each.get("Count") or each.get("LogicalGpuCount") or 1 for each in devices),
            gpu_memory=gpu["MemoryInfo"]["SizeInMiB"] * MEBIBYTE if gpu else None,
            has_spot="spot" in answer.get("SupportedUsageClasses", ()),
        )


def _gpu(device: Mapping[str, Any]) -> str:
    part = device.get("GpuPartitionSize", 1)
    name = device.get("Name", "GPU")
    return f"{name}" if part >= 1 else f"{Fraction(part).limit_denominator(64)} {name}"


def _architecture(supported: Sequence[str]) -> str:
    return next((name for name in (ARM, X86) if name in supported), supported[0])


@dataclass(frozen=True)
class Table:
    """The shipped table: instance types, and prices in US dollars an hour, in one region."""

    date: str
    region: str
    types: Mapping[str, InstanceType]
    prices: Mapping[str, float | None]

    @property
    def families(self) -> frozenset[str]:
        return frozenset(each.family for each in self.types.values())


@functools.cache
def shipped() -> Table:
    """Read the shipped table; it says itself where it is from."""
    read = json.loads(TABLE.read_text("utf-8"))
    types, prices = {}, {}
    for name, row in read["types"].items():
        vcpus, memory, architecture, gpu, gpus, gpu_memory, has_spot, price = row
        types[name] = InstanceType(
            name=name,
            vcpus=vcpus,
            memory=memory * MEBIBYTE,
            architecture=architecture,
            gpu=gpu,
            gpus=gpus,
            gpu_memory=gpu_memory and gpu_memory * MEBIBYTE,
            has_spot=has_spot,
        )
        prices[name] = price
    return Table(read["date"], read["region"], types, prices)
