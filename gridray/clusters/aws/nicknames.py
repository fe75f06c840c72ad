"""Grid's names for instance types, `<count>_<accelerator>_<memory>`, as `1_t4_16gb`.

The memory is that of each GPU (`8_v100_32gb`), or of the machine (`1_t4_32gb`, `2_cpu_4gb`), or of
all GPUs together (`4_v100_64gb`): Grid has used the first two, and people mean all three.
"""

import re
from collections.abc import Mapping
from difflib import get_close_matches

from gridray.clusters.aws.instancetype import X86, InstanceType, shipped
from gridray.errors import SpecError

GIBIBYTE = 1 << 30
CPU = "cpu"
NICKNAME = re.compile(r"(\d+)_([a-z0-9]+)_(\d+)(?:gb)?")
EC2_NAME = re.compile(r"[a-z][a-z0-9-]*\.[a-z0-9-]+")
NEAR = 5


def resolve(text: str, types: Mapping[str, InstanceType] | None = None) -> str:
    """Return the EC2 name that an instance type's name or nickname means, in any case.

    Of several that a nickname fits it is the one with the fewest vCPUs, and of these the cheapest.
    A name of EC2's own form need not be known to `types`, unless they are given.

    Args:
        types: those of the account and its region; None: the shipped ones.

    Raises:
        SpecError: there is none of this name.
    """
    name = text.strip().lower()
    known = shipped().types if types is None else types
    if name in known:
        return name
    if nickname := NICKNAME.fullmatch(name):
        count, kind, memory = nickname.groups()
        if found := _meant(int(count), kind, int(memory), known):
            return found
    elif types is None and EC2_NAME.fullmatch(name):
        return name
    near = near_names(name, known)
    raise SpecError(
        f"there is no instance type {text!r}",
        hint=(f"did you mean {', '.join(near)}? " if near else "")
        + "`gridray instance-types` lists them",
    )


def nickname_of(instance: InstanceType, types: Mapping[str, InstanceType]) -> str | None:
    """Return the nickname that means this type and no other, if there is one."""
    count, kind = _counted(instance)
    if "/" in kind:
        return None
    each = [gigabytes(instance.gpu_memory)] if instance.gpu_memory else []
    for memory in (*each, gigabytes(instance.memory)):
        if memory and _meant(count, kind, memory, types) == instance.name:
            return f"{count}_{kind}_{memory}gb"
    return None


def near_names(name: str, types: Mapping[str, InstanceType]) -> list[str]:
    """Return the names and nicknames that look most like this one."""
    if sizes := [known for known in types if known.startswith(f"{name}.")]:
        return sizes[:NEAR]
    if NICKNAME.fullmatch(name):
        known = [nickname for each in types.values() if (nickname := nickname_of(each, types))]
    else:
        known = list(types)
    return get_close_matches(name, known, NEAR, 0.6)


def _meant(count: int, kind: str, memory: int, types: Mapping[str, InstanceType]) -> str | None:
    """Return what a nickname means, by the first of the three memories that fits any type."""
    alike = [each for each in types.values() if _counted(each) == (count, kind)]
    if kind == CPU:
        alike = [each for each in alike if each.architecture == X86]
    for reading in (_of_each_gpu, _of_machine, _of_all_gpus):
        if fitting := [each for each in alike if gigabytes(reading(each)) == memory]:
            return min(fitting, key=_size).name
    return None


def _of_each_gpu(instance: InstanceType) -> int | None:
    return instance.gpu_memory


def _of_machine(instance: InstanceType) -> int | None:
    return instance.memory


def _of_all_gpus(instance: InstanceType) -> int | None:
    return instance.gpu_memory and instance.gpu_memory * instance.gpus


def _counted(instance: InstanceType) -> tuple[int, str]:
    if not instance.gpus:
        return instance.vcpus, CPU
    # A part of a GPU keeps its `/`, which no nickname has: nobody means it by the whole one's name.
    return instance.gpus, re.sub(r"[^a-z0-9/]", "", (instance.gpu or "gpu").lower())


def gigabytes(memory: int | None) -> int | None:
    """Return gigabytes as they are sold: of 2^30 bytes if that is a whole number, or of 10^9."""
    if not memory or memory < GIBIBYTE:
        return None
    return memory // GIBIBYTE if memory % GIBIBYTE == 0 else round(memory / 1e9)


def _size(instance: InstanceType) -> tuple[int, float, str]:
    price = shipped().prices.get(instance.name)
    return instance.vcpus, float("inf") if price is None else price, instance.name
