"""What may never answer: it holds up nothing, and is tried again if it fails."""

import threading

from gridray.controller.errands import Errands
from gridray.errors import ClusterError, GridrayError

WHAT = "draining the node n1"


def test_what_hangs_is_told_and_not_begun_again() -> None:
    told: list[GridrayError] = []
    begun, may_end = threading.Semaphore(0), threading.Event()

    def hang() -> None:
        begun.release()
        may_end.wait()

    errands = Errands(told.append, patience=0.05)
    for _ in range(3):
        errands.run({WHAT: hang})
    assert begun.acquire(blocking=False) and not begun.acquire(blocking=False)
    assert [error.message for error in told] == [f"{WHAT}: no answer after 0.05 s"]
    may_end.set()


def test_one_that_hangs_keeps_no_other_from_being_done() -> None:
    told: list[GridrayError] = []
    done, may_end = threading.Event(), threading.Event()

    def hang() -> None:
        may_end.wait()

    errands = Errands(told.append, patience=0.2)
    errands.run({"hanging": hang, "other": done.set})
    assert done.is_set() and [error.message[:7] for error in told] == ["hanging"]
    may_end.set()


def test_what_fails_in_whatever_way_is_told_and_tried_again_until_it_is_done() -> None:
    told: list[GridrayError] = []
    outcomes = [ClusterError("no"), RuntimeError("out of range"), None, AssertionError("again")]

    def do() -> None:
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome

    errands = Errands(told.append)
    for _ in range(5):
        errands.run({WHAT: do})
    assert [error.message for error in told] == [
        f"{WHAT}: no",
        f"{WHAT}: RuntimeError('out of range')",
    ]
    assert len(outcomes) == 1
