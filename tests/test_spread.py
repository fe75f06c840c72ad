"""Work over threads: results come as they are made, and errors and leaving end it."""

import threading
from contextlib import closing

import pytest

from gridray.spread import spread


def test_all_results_come() -> None:
    assert sorted(spread(lambda item: item * 2, range(100), 7)) == list(range(0, 200, 2))
    assert list(spread(str, [], 3)) == []


def test_an_error_ends_it_and_leaves_no_thread() -> None:
    def work(item: int) -> int:
        if item == 5:
            raise ValueError("the fifth")
        return item

    before = threading.active_count()
    done = []
    with pytest.raises(ValueError, match="the fifth"):
        for item in spread(work, range(10**9), 4):
            done.append(item)
    assert 5 not in done and threading.active_count() == before


def test_who_takes_no_more_results_is_heard_by_the_work() -> None:
    stop = threading.Event()

    def work(item: int) -> int:
        if item:
            stop.wait(60)
            assert stop.is_set()
        return item

    with closing(spread(work, range(9), 3, stop=stop)) as results:
        assert next(results) == 0
    assert stop.is_set()


def test_somebody_is_heeded_while_nothing_comes() -> None:
    def heed() -> None:
        stop.set()
        raise InterruptedError

    stop = threading.Event()
    with pytest.raises(InterruptedError):
        list(spread(lambda item: stop.wait(60), [1], 2, heed=heed, stop=stop))
