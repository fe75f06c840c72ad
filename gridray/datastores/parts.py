"""Large objects in parts: some ahead of who takes them, so that no connection is waited for."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

# Objects up to this are read at once.
LARGE = 16 * 1024 * 1024
PART = 8 * 1024 * 1024
PARTS_AT_ONCE = 6


def in_parts(read: Callable[[int, int], bytes], size: int) -> Iterator[bytes]:
    """Yield what `read(start, end)` returns from 0 to `size`, in order.

    It is called by threads of its own: obstore, where it takes what is yielded, cannot be called.
    """
    with ThreadPoolExecutor(PARTS_AT_ONCE) as pool:
        coming: deque[Future[bytes]] = deque()
        for start in range(0, size, PART):
            coming.append(pool.submit(read, start, min(start + PART, size)))
            if len(coming) == PARTS_AT_ONCE:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
