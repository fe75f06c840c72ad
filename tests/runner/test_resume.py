"""An attempt that follows another one: what it finds, and what ends the one before."""

import signal
import time

import psutil

from gridray import layout
from gridray.records import FENCED
from gridray.states import Reason, State
from tests.runner.conftest import Start, run_again

COUNTS = """
import os, signal, sys, time
def save(*_):
    print('saved at', n, flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
n = int(open('state/n').read()) if os.path.exists('state/n') else 0
print('from', n, flush=True)
os.makedirs('state', exist_ok=True)
while n < 30:
    n += 1
    open('state/new', 'w').write(str(n)); os.replace('state/new', 'state/n')
    open('steps', 'a').write(f'{n}\\n')
    time.sleep(0.1)
"""


def test_the_next_attempt_goes_on_from_the_files(start: Start) -> None:
    first = start(COUNTS)
    first.wait_for_log(b"from 0")
    time.sleep(1)
    first.process.send_signal(signal.SIGTERM)
    state = first.wait()
    assert (state.state, state.reason, state.exit_code) == (State.FAILED, Reason.INTERRUPTED, 0)
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
