"""Runs that run again, on a real cluster: what was held or failed, and all of it anew."""

from pathlib import Path

import pytest

import gridray
from gridray import layout
from gridray.errors import ExistsError, NotFoundError, StateError
from gridray.readers.runs import RunView
from gridray.records import read_run
from gridray.states import Reason, State
from gridray.store import Store
from tests.cluster.conftest import Submit, wait_for

FAILS_WITHOUT = """
import os, sys
open('visits', 'a').write(os.environ['GRIDRAY_ATTEMPT'])
print(open('visits').read())
sys.exit(0 if os.path.exists(sys.argv[1]) else 3)
"""
SLEEPS = "import time; print('here', flush=True); time.sleep(600)"


def states(view: RunView) -> list[State]:
    return [each.state for each in view.experiments]


def attempts(view: RunView) -> list[int]:
    return [each.attempt for each in view.experiments]


def test_what_is_held_goes_on_after_a_retry(submit: Submit, tmp_path: Path) -> None:
    mended = tmp_path / "mended"
    run = submit(FAILS_WITHOUT, str(mended), "--x", "range(8)", max_parallel=1)
    view = run.wait(timeout=120)
    assert states(view) == [State.FAILED] * 5 + [State.QUEUED] * 3
    assert view.summary.held == 3 and view.experiments[5].reason is Reason.HELD
    assert "exit code 3" in view.experiments[5].explanation
    mended.touch()
    run.retry()
    view = run.wait(timeout=120)
    assert states(view) == [State.SUCCEEDED] * 8
    assert attempts(view) == [1] * 5 + [0] * 3
    # The files of the attempt before were there.
    assert run.experiments[0].log() == b"01\n" and run.experiments[7].log() == b"0\n"


def test_what_waits_in_rays_queue_is_held_too(submit: Submit, tmp_path: Path) -> None:
    run = submit(FAILS_WITHOUT, str(tmp_path / "never"), "--x", "range(12)", hold_after=2)
    view = run.wait(timeout=120)
    assert view.summary.held >= 6 and view.summary.failed + view.summary.held == 12
    run.stop()
    assert run.wait(timeout=60).summary.cancelled == view.summary.held


def test_keep_going_holds_nothing(submit: Submit, tmp_path: Path) -> None:
    run = submit(FAILS_WITHOUT, str(tmp_path / "never"), "--x", "range(6)", hold_after=None)
    assert states(run.wait(timeout=120)) == [State.FAILED] * 6


def test_a_run_that_is_over_is_tried_again(
    submit: Submit, tmp_path: Path, any_store: Store
) -> None:
    mended = tmp_path / "mended"
    run = submit(FAILS_WITHOUT, str(mended), "--x", "[1, 2]")
    run.wait(timeout=120)
    record = read_run(any_store, run.name)
    marker = layout.active_run(record.cluster.key, record.name, record.identity)
    wait_for(lambda: not any_store.exists(marker), "the controller to let go")
    mended.touch()
    run.experiments[1].retry()
    # Said at once, before the controller has seen it.
    assert run.status().experiments[1].state is not State.FAILED
    view = run.wait(timeout=120)
    assert (states(view), attempts(view)) == ([State.FAILED, State.SUCCEEDED], [0, 1])
    assert run.experiments[1].log() == b"01\n"


def test_what_was_stopped_is_tried_again(submit: Submit) -> None:
    run = submit("print('done')", "--x", "range(12)", max_parallel=1)
    run.stop()
    assert State.CANCELLED in states(run.wait(timeout=60))
    run.retry()
    assert states(run.wait(timeout=120)) == [State.SUCCEEDED] * 12


def test_what_runs_or_has_succeeded_is_not_tried_again(submit: Submit) -> None:
    run = submit(SLEEPS)
    (experiment,) = run.experiments
    wait_for(lambda: experiment.log() == b"here\n", "the script")
    with pytest.raises(StateError, match="is running"):
        experiment.retry()
    run.stop(grace=0)
    run.wait(timeout=60)
    done = submit("print(1)")
    done.wait(timeout=60)
    with pytest.raises(StateError, match="has succeeded"):
        done.experiments[0].retry()


def test_a_rerun_is_the_same_run_anew(submit: Submit, store: Store, tmp_path: Path) -> None:
    mended = tmp_path / "mended"
    mended.touch()
    old = submit(FAILS_WITHOUT, str(mended), "--x", "[7, 8]", name="first", retries=1)
    old.wait(timeout=120)
    with pytest.raises(ExistsError, match="first"):
        old.rerun("first")
    new = old.rerun("second")
    view = new.wait(timeout=120)
    assert states(view) == [State.SUCCEEDED] * 2
    assert [each.command for each in view.experiments] == [
        each.command for each in old.status().experiments
    ]
    assert (view.record.rerun_of, view.record.retries) == ("first", 1)
    assert new.experiments[0].log() == b"0\n"


def test_a_rerun_without_its_source_says_so(submit: Submit, store: Store) -> None:
    run = submit("print('a source of its own')")
    run.wait(timeout=120)
    store.delete(layout.source(read_run(store, run.name).source.digest))
    with pytest.raises(NotFoundError, match="source of the run"):
        run.rerun("never")
    with pytest.raises(NotFoundError):
        gridray.Run("never").status()
