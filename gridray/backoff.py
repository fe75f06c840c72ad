"""How long to wait before trying again."""

import time
from collections.abc import Callable
from typing import TypeVar

from gridray.errors import StoreError

T = TypeVar("T")

# Seconds. obstore tries for three minutes by itself; what still fails then is an outage, and the
# data of an experiment is worth waiting a quarter of an hour more for.
STORE_OUTAGE = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 60.0, 120.0, 120.0, 120.0, 180.0, 180.0)

# Seconds before an experiment is queued again, by how many attempts in a row have not run for long.
# A lost node is nothing to wait for; an experiment that ends every node it comes to is.
REQUEUE = (0.0, 0.0, 0.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0)
# Seconds that are long: such an attempt has got somewhere.
STEADY = 60.0


def requeue_delay(setbacks: int) -> float:
    """Return the seconds to wait after so many attempts in a row that did not run for long."""
    return REQUEUE[min(setbacks, len(REQUEUE) - 1)]


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
