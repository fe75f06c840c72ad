"""How long to wait before trying again."""

import time
from collections.abc import Callable
from typing import TypeVar

from gridray.errors import StoreError

T = TypeVar("T")

# Seconds. obstore tries for three minutes by itself; what still fails then is an outage, and the
# data of an experiment is worth waiting a quarter of an hour more for.
STORE_OUTAGE = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 60.0, 120.0, 120.0, 120.0, 180.0, 180.0)


def outlast(
    action: Callable[[], T], trouble: Callable[[StoreError], None] = lambda error: None
) -> T:
    """Do something with the store, again and again through an outage.

    Args:
        trouble: told of each failure that is to be outlasted.

    Raises:
        StoreError: the outage outlasts us.
    """
    for delay in STORE_OUTAGE:
        try:
            return action()
        except StoreError as error:
            trouble(error)
            time.sleep(delay)
    return action()
