"""Frozen dataclasses made by the ten thousand."""

from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def make(kind: type[T], values: Mapping[str, Any]) -> T:
    """Return an object of a frozen dataclass without slots that has these values.

    Its own `__init__` sets one field after the other, which takes several times as long; here no
    default is filled in and no name is checked, so that `values` are those of all fields.
    """
    made = object.__new__(kind)
    vars(made).update(values)
    return made
