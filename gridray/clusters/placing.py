"""Which nodes a run asks for, as far as that is known before its cluster is asked."""

from gridray.clusters.groups import share
from gridray.errors import UsageError
from gridray.machines import USABLE_MEMORY
from gridray.placement import PlacementRecord
from gridray.records import Resources
from gridray.spec import RunSpec


def placement(spec: RunSpec) -> PlacementRecord | None:
    """Return the nodes that a run asks for; None: any will do.

    Raises:
        SpecError: there is no such instance type.
        UsageError: it would fall back from spot, and does not ask for it.
    """
    if spec.spot_fallback is not None and not spec.use_spot:
        raise UsageError(
            f"--spot-fallback {spec.spot_fallback:g}s is what to do without spot instances, and "
            "none are asked for",
            hint="add --use_spot, or leave out --spot-fallback",
        )
    name = spec.instance_type
    if name is not None:
        from gridray.clusters.aws import nicknames

        name = nicknames.resolve(name)
    if name is None and not spec.use_spot and spec.disk_size is None:
        return None
    return PlacementRecord(name, spec.use_spot, spec.disk_size, spec.spot_fallback)


def asked(spec: RunSpec) -> Resources:
    """Return what a run says that each experiment gets; 0 CPUs: it does not say."""
    return Resources(spec.cpus, spec.gpus, spec.memory)


def estimate(spec: RunSpec, wanted: PlacementRecord | None) -> Resources:
    """Return what each experiment gets; 0 CPUs: a machine's share, and that is not known here."""
    if wanted is None or wanted.instance_type is None:
        return Resources(spec.cpus or 1, spec.gpus, spec.memory)
    from gridray.clusters.aws.instancetype import shipped

    machine = shipped().types.get(wanted.instance_type)
    if machine is None:
        return asked(spec)
    has = {"CPU": machine.vcpus, "GPU": machine.gpus, "memory": machine.memory * USABLE_MEMORY}
    return share(asked(spec), has)
