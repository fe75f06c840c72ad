"""The labels of nodes that experiments are placed by, as Ray keeps them."""

from collections.abc import Iterable, Mapping

# Ray's own name for it (ray.io/market-type), which its autoscaler knows too.
MARKET = "ray.io/market-type"
SPOT = "spot"
ON_DEMAND = "on-demand"
INSTANCE_TYPE = "gridray/instance-type"
# GB of a node's disk, in digits.
DISK = "gridray/disk-gb"
ALL = frozenset({MARKET, INSTANCE_TYPE, DISK})


def one_of(values: Iterable[str]) -> str:
    """Return what selects any of some values, as Ray writes it (ray/_private/label_utils.py)."""
    return f"in({', '.join(values)})"


def fits(has: Mapping[str, str], selector: Mapping[str, str]) -> bool:
    """Whether what has these labels is selected."""
    return all(has.get(key, "") in _values(value) for key, value in selector.items())


def words(selector: Mapping[str, str]) -> str:
    """Return what the nodes that are selected are called, as `spot g4dn.xlarge`."""
    told = [selector[key] for key in (MARKET, INSTANCE_TYPE) if key in selector]
    told += [f"{' or '.join(_values(selector[DISK]))} GB"] if DISK in selector else []
    return " ".join(told)


def _values(selected: str) -> list[str]:
    if selected.startswith("in(") and selected.endswith(")"):
        return selected[3:-1].split(", ")
    return [selected]
