"""Which run an object in the store is of: a name that is free again is another run's.

What controller and runners write a moment after a run was deleted must not count for the next one
of its name. Objects of older versions do not say whose they are.
"""

from collections.abc import Mapping
from typing import Any

IDENTITY = "identity"


def is_of(mark: str | None, identity: str) -> bool:
    """Whether what bears this mark is of the run that has this identity, as far as it says."""
    return mark is None or mark == identity


def marked(raw: Mapping[str, Any], identity: str | None) -> dict[str, Any]:
    """Return an object that says that it is of the run that has this identity."""
    return {**raw, IDENTITY: identity}


def unmarked(raw: Mapping[str, Any] | None, identity: str) -> dict[str, Any] | None:
    """Return an object as it was before it was marked; None: there is none of this run."""
    if raw is None or not is_of(raw.get(IDENTITY), identity):
        return None
    return {key: value for key, value in raw.items() if key != IDENTITY}
