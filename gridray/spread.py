"""Work spread over threads, whose results come back one by one to who looks after it."""

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import NoReturn, TypeVar

T = TypeVar("T")
R = TypeVar("R")

# How often somebody is heeded while nothing comes, in seconds.
HEED_INTERVAL = 0.3


def _nobody() -> None:
    """Heed nobody."""


class StoppedError(Exception):
    """Nobody takes the result of this work any more."""


def until(stop: threading.Event, check: Callable[[], None] = _nobody) -> Callable[[], None]:
    """Return a check that ends work besides when its spread is over, by a StoppedError."""

    def check_all() -> None:
        if stop.is_set():
            raise StoppedError
        check()

    return check_all


def spread(
    work: Callable[[T], R],
    items: Iterable[T],
    threads: int,
    *,
    heed: Callable[[], None] = _nobody,
    stop: threading.Event | None = None,
) -> Generator[R, None, None]:
    """Yield what the work returns for each item, as it comes.

    Args:
        heed: is called now and then by the thread that takes the results.
        stop: is set when nobody takes them any more; what takes long looks at it, as by `until`.

    Raises:
        Exception: what the work or `heed` raise; no thread is left then.
    """
    source = iter(items)
    turn = threading.Lock()
    is_over = stop or threading.Event()
    done: queue.SimpleQueue[Callable[[], R] | None] = queue.SimpleQueue()

    def run() -> None:
        try:
            while not is_over.is_set():
                with turn:
                    item = next(source)
                result = work(item)
                done.put(lambda result=result: result)  # type: ignore[misc]
        except StopIteration:
            done.put(None)
        except BaseException as error:
            done.put(_raising(error))

    workers = [threading.Thread(target=run, daemon=True) for _ in range(threads)]
    for worker in workers:
        worker.start()
    try:
        yield from _results(done, threads, heed)
    finally:
        is_over.set()
        for worker in workers:
            worker.join()


def _results(
    done: "queue.SimpleQueue[Callable[[], R] | None]", threads: int, heed: Callable[[], None]
) -> Iterator[R]:
    while threads:
        try:
            result = done.get(timeout=HEED_INTERVAL)
        except queue.Empty:
            heed()
            continue
        if result is None:
            threads -= 1
        else:
            yield result()


def _raising(error: BaseException) -> Callable[[], NoReturn]:
    def fail() -> NoReturn:
        raise error

    return fail
