"""An attempt that follows another one: what it finds, and what ends the one before."""

import signal
import time
from pathlib import Path

import psutil

from gridray import exitcodes, layout
from gridray.layout import AttemptName
from gridray.records import FENCED
from gridray.runner.ending import LEASE
from gridray.states import Reason, State
from gridray.store import Store
from tests.runner.conftest import Attempt, Start, run_again
from tests.runner.gate import Gate

COUNTS = """
import os, signal, sys, time
going = True
def save(*_):
    global going
    going = False
signal.signal(signal.SIGTERM, save)
n = int(open('state/n').read()) if os.path.exists('state/n') else 0
print('from', n, flush=True)
os.makedirs('state', exist_ok=True)
while n < 30 and going:
    n += 1
    open('state/new', 'w').write(str(n)); os.replace('state/new', 'state/n')
    open('steps', 'a').write(f'{n}\\n')
    time.sleep(0.1)
print('at', n, flush=True)
"""


def test_the_next_attempt_goes_on_from_the_files(start: Start) -> None:
    first = start(COUNTS)
    first.wait_for_log(b"from 0")
    time.sleep(1)
    first.process.send_signal(signal.SIGTERM)
    state = first.wait()
    assert (state.state, state.reason, state.exit_code) == (State.FAILED, Reason.INTERRUPTED, 0)
    assert state.message == "its runner was sent SIGTERM"
    second = run_again(first, 1)
    assert second.wait().state is State.SUCCEEDED
    assert b"from 0" not in second.log()
    steps = "".join(f"{n}\n" for n in range(1, 31)).encode()
    assert second.content("steps") == steps and second.content("state/n") == b"30"


def test_files_come_back_as_they_were_and_are_not_stored_again(start: Start) -> None:
    first = start(
        "import os\n"
        "if os.environ['GRIDRAY_ATTEMPT'] == '0':\n"
        "    os.makedirs('d'); open('d/weights', 'wb').write(bytes(range(256)))\n"
        "    os.chmod('d/weights', 0o640); os.utime('d/weights', ns=(1, 1234567890123456789))\n"
        "    os.symlink('d/weights', 'latest'); open('gone', 'w').close()\n"
        "else:\n"
        "    s = os.stat('d/weights'); print(oct(s.st_mode & 0o777), s.st_mtime_ns)\n"
        "    print(open('latest', 'rb').read() == bytes(range(256)))\n"
        "    os.remove('gone'); open('new', 'w').close()\n"
    )
    first.wait()
    second = run_again(first, 1)
    second.wait()
    assert second.log() == b"0o640 1234567890123456789\nTrue\n"
    found = second.artifacts()
    assert {path: record.attempt for path, record in found.items()} == {
        "d/weights": 0,
        "latest": 0,
        "new": 1,
    }
    assert not first.store.exists(layout.artifact(second.name, "d/weights"))


def test_a_fenced_attempt_dies_and_writes_no_more(start: Start) -> None:
    attempt = start(
        "import os, time; print(os.getpid(), flush=True)\n"
        "while True: open('beat', 'a').write('x'); time.sleep(0.05)"
    )
    attempt.wait_for_log(b"\n")
    script = psutil.Process(int(attempt.log()))
    attempt.store.put_json(layout.attempt_stop(attempt.name), FENCED)
    script.wait(timeout=30)
    attempt.process.wait(timeout=30)
    assert attempt.state().state is State.RUNNING and attempt.artifacts() == {}


def test_an_attempt_that_is_fenced_before_it_begins_writes_nothing(
    start: Start, tmp_path: Path
) -> None:
    store = Store(str(tmp_path / "store"))
    stop = layout.attempt_stop(AttemptName("test-run", 0, 0))
    store.put_json(stop, FENCED)
    attempt = start("print('ran')", store=store)
    assert attempt.process.wait(timeout=60) == exitcodes.FENCED
    assert [entry.key for entry in store.entries(layout.attempt_prefix(attempt.name))] == [stop]


def test_an_attempt_that_is_fenced_while_it_prepares_starts_nothing(
    start: Start, gate: Gate, s3_store: Store
) -> None:
    gate.hold("/sources/")
    attempt = start("print('ran')", store=s3_store)
    attempt.wait_for_state(State.BUILDING)
    s3_store.put_json(layout.attempt_stop(attempt.name), FENCED)
    gate.hold(None)
    assert attempt.process.wait(timeout=60) == exitcodes.FENCED
    assert attempt.state().state is State.BUILDING
    assert s3_store.names(layout.attempt_prefix(attempt.name)) == ["state.json", "stop.json"]


def test_a_stop_and_a_fence_are_heard_while_files_are_restored(
    start: Start, gate: Gate, s3_store: Store
) -> None:
    first = start("open('kept', 'w').close()", store=s3_store)
    first.wait()
    gate.hold("/artifacts/")
    stopped = run_again(first, 1)
    stopped.wait_for_state(State.BUILDING)
    stopped.stop(grace=60)
    state = stopped.wait()
    assert (state.state, state.reason) == (State.CANCELLED, Reason.STOPPED)
    fenced = run_again(first, 2)
    fenced.wait_for_state(State.BUILDING)
    s3_store.put_json(layout.attempt_stop(fenced.name), FENCED)
    assert fenced.wait().state is State.BUILDING
    assert fenced.process.returncode == exitcodes.FENCED


def test_a_runner_that_is_killed_early_leaves_files_to_go_on_from(start: Start) -> None:
    first = start(COUNTS)
    first.wait_for_artifact("steps")
    first.process.kill()
    first.process.wait()
    stored = first.content("steps")
    assert all(first.store.exists(layout.artifact(first.name, path)) for path in first.artifacts())
    second = run_again(first, 1)
    assert second.wait().state is State.SUCCEEDED
    assert b"from 0" not in second.log()
    steps = second.content("steps")
    assert steps.startswith(stored) and steps.endswith(b"30\n")


def test_an_attempt_that_changes_nothing_has_the_files_of_the_one_before(start: Start) -> None:
    first = start("import os\nif os.environ['GRIDRAY_ATTEMPT'] == '0': open('f', 'w').close()")
    first.wait()
    second = run_again(first, 1)
    second.wait()
    assert {path: record.attempt for path, record in second.artifacts().items()} == {"f": 0}


def test_max_time_ends_a_script_with_grace(start: Start) -> None:
    attempt = start(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (open('saved', 'w').close(), sys.exit(0)))\n"
        "time.sleep(120)",
        max_time=1.0,
    )
    state = attempt.wait()
    assert (state.state, state.reason) == (State.FAILED, Reason.TIMED_OUT)
    assert "saved" in attempt.artifacts()


def test_an_attempt_that_was_cut_off_writes_nothing_when_it_comes_back(start: Start) -> None:
    attempt = start(
        "import os, time; print(os.getpid(), flush=True)\n"
        "while True: print('beat', flush=True); open('beat', 'a').write('x'); time.sleep(0.01)"
    )
    attempt.wait_for_log(b"beat")
    script = psutil.Process(int(attempt.log().split()[0]))
    attempt.process.send_signal(signal.SIGSTOP)
    attempt.store.put_json(layout.attempt_stop(attempt.name), FENCED)
    # The script goes on for a while, so there is something to be written.
    time.sleep(LEASE + 1)
    before = stored(attempt)
    attempt.process.send_signal(signal.SIGCONT)
    assert attempt.process.wait(timeout=30) == exitcodes.FENCED
    script.wait(timeout=30)
    assert stored(attempt) == before


def stored(attempt: Attempt) -> dict[str, bytes]:
    prefix = layout.attempt_prefix(attempt.name)
    return attempt.store.get_many(entry.key for entry in attempt.store.entries(prefix))
