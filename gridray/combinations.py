"""Combinations of values: all of them in order, or the numbers of some that are drawn."""

import itertools
import random
from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from operator import add, itemgetter
from typing import Any

# So many combinations of the first arguments are kept, for the others to be put behind.
FIRSTS = 1000


def product(columns: Sequence[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    """Return a value of each column, in every way; the first column's varies fastest."""
    firsts: list[tuple[Any, ...]] = [()]
    taken = 0
    for column in columns:
        if len(firsts) * len(column) > FIRSTS:
            break
        firsts = [(*first, value) for value in column for first in firsts]
        taken += 1
    lasts = map(itemgetter(slice(None, None, -1)), itertools.product(*reversed(columns[taken:])))
    return chain.from_iterable(map(add, firsts, repeat(last)) for last in lasts)


def sample(total: int, count: int, seed: int) -> Sequence[int]:
    """Draw `count` distinct numbers below `total`, in random order; all, in order, if too few.

    Robert Floyd's algorithm (CACM 30:9, 1987): `count` draws and `count` numbers in memory,
    however large `total` is. The stream is not the distributions', whose values must not depend
    on `count`.
    """
    if count >= total:
        return range(total)
    stream = random.Random(seed)
    chosen: set[int] = set()
    for top in range(total - count, total):
        number = stream.randrange(top + 1)
        chosen.add(top if number in chosen else number)
    points = sorted(chosen)
    stream.shuffle(points)
    return points
