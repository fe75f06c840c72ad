"""How long to wait before trying again."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from gridray.errors import StoreError

T = TypeVar("T")

# Seconds. obstore tries for three minutes by itself; what still fails then is an outage, and the
# data of an experiment is worth waiting a quarter of an hour more for.
STORE_OUTAGE = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 60.0, 120.0, 120.0, 120.0, 180.0, 180.0)


def delays(table: tuple[float, ...]) -> Iterator[float]:
    """Yield the table's waits, then its last one for ever."""
    yield from table
    while True:
        yield table[-1]


def outlast(action: Callable[[], T]) -> T:
    """Do something with the store, again and again through an outage.

    Raises:
        StoreError: the outage outlasts us.
    """
    for delay in STORE_OUTAGE:
        try:
            return action()
        except StoreError:
            time.sleep(delay)
    return action()
