"""One attempt, run by the real runner in a process of its own, against a store in a directory."""

import json
import os
import random
import signal
import time
from pathlib import Path

import psutil
import pytest

from gridray import exitcodes, layout
from gridray.layout import AttemptName
from gridray.states import Reason, State
from gridray.store import Store
from tests.runner.conftest import Start, run_again

FAILS_AFTER_WRITING = """
import os, sys
os.makedirs('deep/er')
open('deep/er/weights.bin', 'wb').write(bytes(range(256)))
sys.stderr.write('no newline at the end')
sys.exit(3)
"""


def test_a_script_that_runs_for_a_moment_keeps_its_output_and_files(start: Start) -> None:
    attempt = start("print('hi'); open('out.txt', 'w').write('kept')")
    state = attempt.wait()
    assert (state.state, state.reason, state.exit_code) == (State.SUCCEEDED, None, 0)
    assert attempt.process.returncode == 0
    assert state.started_at is not None and state.ended_at is not None
    assert state.started_at <= state.ended_at
    assert attempt.log() == attempt.output == b"hi\n"
    assert attempt.content("out.txt") == b"kept"
    assert list(attempt.artifacts()) == ["out.txt"]


def test_a_script_that_fails_after_writing_loses_nothing(start: Start) -> None:
    attempt = start(FAILS_AFTER_WRITING)
    state = attempt.wait()
    assert (state.state, state.reason, state.exit_code) == (State.FAILED, Reason.EXIT_CODE, 3)
    assert attempt.process.returncode == 3
    assert attempt.log() == b"no newline at the end"
    assert attempt.content("deep/er/weights.bin") == bytes(range(256))


def test_a_script_that_is_killed_says_by_what(start: Start) -> None:
    attempt = start("import os; os.kill(os.getpid(), 9)")
    state = attempt.wait()
    assert (state.state, state.reason, state.exit_code) == (State.FAILED, Reason.SIGNAL, 137)
    assert state.message == "killed by SIGKILL"


def test_files_that_were_there_are_no_artifacts_even_when_changed(start: Start) -> None:
    attempt = start(
        "open('data/given.txt', 'a').write('more'); open('data/new.txt', 'w').write('new')\n"
        "open('helper.py', 'w').write('x = 1'); import sys; sys.path.insert(0, '.')\n"
        "sys.dont_write_bytecode = False; import helper"
    )
    assert attempt.wait().state is State.SUCCEEDED
    assert sorted(attempt.artifacts()) == ["data/new.txt", "helper.py"]


def test_the_log_holds_every_byte(start: Start) -> None:
    attempt = start(
        "import sys, os\n"
        "for i in range(100_000): print('line', i)\n"
        "sys.stdout.flush()\n"
        "os.write(1, bytes(range(256)) * 3 + b'\\r50%\\r100%\\n' + b'x' * 300_000)\n"
        "os.write(2, b'to stderr')"
    )
    attempt.wait()
    lines = b"".join(b"line %d\n" % i for i in range(100_000))
    expected = lines + bytes(range(256)) * 3 + b"\r50%\r100%\n" + b"x" * 300_000 + b"to stderr"
    assert attempt.log() == expected


def test_the_log_and_files_flow_while_the_script_runs(start: Start) -> None:
    attempt = start("import time; print('early', flush=True); time.sleep(60)")
    attempt.wait_for_log(b"early")
    assert attempt.state().state is State.RUNNING


def test_two_thousand_files_and_hostile_names_come_back_exactly(
    start: Start, hostile_names: list[str]
) -> None:
    attempt = start(
        "import os, sys\n"
        "for i in range(2000):\n"
        "    os.makedirs(f'many/{i % 7}', exist_ok=True)\n"
        "    open(f'many/{i % 7}/{i}', 'w').write(str(i))\n"
        "os.mkdir('odd')\n"
        f"for name in {[os.fsencode(name) for name in hostile_names]!r}:\n"
        "    open(b'odd/' + name, 'wb').write(name)\n"
        "open('empty', 'w').close()\n"
        "os.chmod('empty', 0o751)\n"
        "os.utime('empty', ns=(1, 1_234_567_890_123_456_789))\n"
        "os.symlink('many/0/0', 'link')\n"
    )
    assert attempt.wait().state is State.SUCCEEDED
    found = attempt.artifacts()
    expected = {f"many/{i % 7}/{i}": str(i).encode() for i in range(2000)}
    expected |= {f"odd/{name}": os.fsencode(name) for name in hostile_names}
    assert set(found) == {*expected, "empty", "link"}
    assert all(attempt.content(path) == content for path, content in expected.items())
    assert attempt.content("empty") == b"" and found["empty"].mode == 0o751
    assert found["empty"].mtime_ns == 1_234_567_890_123_456_789
    assert found["link"].link == "many/0/0"


def test_a_large_file_comes_back_exactly(start: Start) -> None:
    attempt = start(
        "import random; random.seed(1); part = random.randbytes(1 << 20)\n"
        "with open('large', 'wb') as f:\n"
        "    for i in range(200): f.write(part + bytes([i]))"
    )
    assert attempt.wait().state is State.SUCCEEDED
    random.seed(1)
    part = random.randbytes(1 << 20)
    assert attempt.content("large") == b"".join(part + bytes([i]) for i in range(200))


def test_a_file_that_becomes_a_directory_and_one_that_vanishes(start: Start) -> None:
    attempt = start(
        "import os\nopen('a', 'w').write('1'); open('gone', 'w').close()\n"
        "os.remove('a'); os.remove('gone'); os.mkdir('a'); open('a/b', 'w').write('2')"
    )
    attempt.wait()
    assert list(attempt.artifacts()) == ["a/b"]


SAVES_ON_SIGTERM = """
import os, signal, sys, time
def save(*_):
    open('saved', 'w').write('progress')
    print('saving', flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
print('ready', flush=True)
time.sleep(120)
"""


def test_a_stop_gives_the_script_time_to_save(start: Start) -> None:
    attempt = start(SAVES_ON_SIGTERM)
    attempt.wait_for_log(b"ready")
    attempt.stop(grace=60)
    state = attempt.wait()
    assert (state.state, state.reason, state.exit_code) == (State.CANCELLED, Reason.STOPPED, 0)
    assert attempt.content("saved") == b"progress"
    assert attempt.log() == b"ready\nsaving\n"


def test_a_stop_ends_a_script_that_does_not_listen(start: Start) -> None:
    attempt = start(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "open('kept', 'w').close(); print('ready', flush=True); time.sleep(120)"
    )
    attempt.wait_for_log(b"ready")
    attempt.stop(grace=0.5)
    state = attempt.wait()
    assert (state.state, state.reason, state.exit_code) == (State.CANCELLED, Reason.STOPPED, 137)
    assert "kept" in attempt.artifacts()


def test_a_later_stop_with_less_grace_ends_it_sooner(start: Start) -> None:
    attempt = start(
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: print('told', flush=True))\n"
        "print('ready', flush=True)\n"
        "while True: time.sleep(1)"
    )
    attempt.wait_for_log(b"ready")
    attempt.stop(grace=600)
    attempt.wait_for_log(b"told")
    attempt.stop(grace=0.5)
    state = attempt.wait()
    assert (state.state, state.reason, state.exit_code) == (State.CANCELLED, Reason.STOPPED, 137)


def test_a_stop_before_the_script_starts_runs_nothing(start: Start, tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    store.put_json(layout.attempt_stop(AttemptName("test-run", 0, 0)), {"grace": 1})
    attempt = start("print('ran')", store=store)
    assert attempt.wait().state is State.CANCELLED
    assert attempt.log() == b""


def test_the_platforms_sigterm_is_an_interruption(start: Start) -> None:
    attempt = start(SAVES_ON_SIGTERM)
    attempt.wait_for_log(b"ready")
    attempt.process.send_signal(signal.SIGTERM)
    state = attempt.wait()
    assert (state.state, state.reason) == (State.FAILED, Reason.INTERRUPTED)
    assert attempt.content("saved") == b"progress"


def test_a_stopped_shell_script_takes_what_it_runs_along(start: Start) -> None:
    attempt = start(
        "trap 'echo trapped; exit 0' TERM\necho $$ started\nsleep 120\n",
        script="main.sh",
    )
    attempt.wait_for_log(b"started")
    attempt.stop(grace=30)
    assert attempt.wait().exit_code == 0
    assert attempt.log().endswith(b"trapped\n")


def test_a_time_in_the_future_is_no_reason_to_wait(start: Start) -> None:
    attempt = start(
        "import os, time; open('f', 'w').write('x'); os.utime('f', (time.time() + 86400,) * 2)"
    )
    assert attempt.wait().state is State.SUCCEEDED
    assert attempt.content("f") == b"x"


def test_a_process_that_got_away_and_writes_on_does_not_hold_the_end_up(start: Start) -> None:
    attempt = start(
        "setsid python3 -c 'import time\nwhile True: print(1, flush=True); "
        'open("w", "a").write("x"); time.sleep(0.01)\' &\nsleep 0.5; echo $!',
        script="main.sh",
    )
    try:
        assert attempt.wait().state is State.SUCCEEDED
        assert len(attempt.content("w")) > 0
    finally:
        for process in psutil.process_iter(["cmdline"]):
            if 'open("w", "a")' in " ".join(process.info["cmdline"] or []):
                process.kill()


def test_a_program_that_the_node_lacks_is_named(start: Start) -> None:
    attempt = start("println(1)", script="main.jl")
    state = attempt.wait()
    assert (state.state, state.reason) == (State.FAILED, Reason.START_FAILED)
    assert state.message is not None and "no program 'julia'" in state.message


def test_a_run_that_is_deleted_takes_its_script_with_it(start: Start) -> None:
    attempt = start("import os, time; print(os.getpid(), flush=True); time.sleep(300)")
    attempt.wait_for_log(b"\n")
    script = psutil.Process(int(attempt.log()))
    attempt.store.delete(layout.run_record(attempt.name.run))
    script.wait(timeout=30)
    attempt.process.wait(timeout=30)
    assert attempt.state().state is State.RUNNING


def test_what_a_script_leaves_running_ends_with_it(start: Start) -> None:
    attempt = start("sleep 300 &\necho left $!", script="main.sh")
    attempt.wait()
    left = int(attempt.log().split()[1])
    assert attempt.state().state is State.SUCCEEDED
    assert not psutil.pid_exists(left) or psutil.Process(left).status() == psutil.STATUS_ZOMBIE


def test_a_killed_runner_takes_the_script_with_it(start: Start) -> None:
    attempt = start("import os, time; print(os.getpid(), flush=True); time.sleep(300)")
    attempt.wait_for_log(b"\n")
    script = psutil.Process(int(attempt.log()))
    attempt.process.kill()
    script.wait(timeout=30)


def test_the_workspace_is_removed_and_that_of_a_killed_runner_by_the_next(
    start: Start, tmp_path: Path
) -> None:
    work = tmp_path / "t" / f"gridray-{os.getuid()}" / "work"
    left = work / "dead"
    left.mkdir(parents=True)
    (left / "lock").touch()
    (left / "file").touch()
    attempt = start("import os; os.mkdir('shut'); open('shut/x', 'w').close(); os.chmod('shut', 0)")
    attempt.wait()
    assert list(work.iterdir()) == []


def test_the_environment(start: Start) -> None:
    attempt = start(
        "import os, json, sys; print(json.dumps([dict(os.environ), os.getcwd(), sys.argv[1:]]))",
        argv=("--name", "a b", "", "ü'\"$x"),
    )
    attempt.wait()
    env, cwd, argv = json.loads(attempt.log())
    assert argv == ["--name", "a b", "", "ü'\"$x"]
    assert env["GRID_EXPERIMENT_NAME"] == env["GRIDRAY_EXPERIMENT"] == "test-run-exp0"
    assert env["GRIDRAY_ATTEMPT"] == "0" and env["GRID_USER_ID"] == "somebody"
    assert env["FROM_USER"] == 'it\'s "quoted"'
    assert env["PWD"] == cwd and env["TMPDIR"] != cwd
    assert Path(cwd).name == "test-run-exp0"


@pytest.mark.parametrize(
    ("script", "text", "expected"),
    [
        ("tool", "#!/bin/sh\necho tool $1\n", b"tool x\n"),
        ("main.sh", "echo ${1/x/bash}\n", b"bash\n"),
    ],
)
def test_other_kinds_of_script(start: Start, script: str, text: str, expected: bytes) -> None:
    attempt = start(text, script=script, argv=("x",))
    assert attempt.wait().state is State.SUCCEEDED
    assert attempt.log() == expected


def test_a_script_that_cannot_be_started_says_why(start: Start) -> None:
    attempt = start("#!/no/such/interpreter\n", script="tool")
    state = attempt.wait()
    assert (state.state, state.reason) == (State.FAILED, Reason.START_FAILED)
    assert state.message is not None and "tool" in state.message


def test_a_directory_that_cannot_be_made_is_a_failed_preparation(
    start: Start, tmp_path: Path
) -> None:
    scratch = tmp_path / "t" / f"gridray-{os.getuid()}"
    scratch.mkdir(mode=0o700, parents=True)
    (scratch / "work").write_text("a file where a directory has to be")
    state = start("print('ran')").wait()
    assert (state.state, state.reason) == (State.FAILED, Reason.PREPARATION_FAILED)
    assert state.message is not None and "work" in state.message


def test_a_disk_that_is_full_while_preparing_is_a_failed_preparation(start: Start) -> None:
    # A limit on the size of files, which the state keeps to: blocks of 512 bytes.
    attempt = start(f"# {'x' * 100_000}", within=("sh", "-c", 'ulimit -f 64; exec "$@"', "sh"))
    state = attempt.wait()
    assert (state.state, state.reason) == (State.FAILED, Reason.PREPARATION_FAILED)
    assert state.message is not None and "File too large" in state.message


def test_a_damaged_source_is_a_failed_build(start: Start, tmp_path: Path) -> None:
    attempt = start("import time; time.sleep(0)")
    attempt.process.kill()
    attempt.process.wait()
    for file in (tmp_path / "store" / "sources").iterdir():
        file.write_bytes(b"no zip")
    state = run_again(attempt).wait()
    assert (state.state, state.reason) == (State.FAILED, Reason.PREPARATION_FAILED)


def test_a_file_of_the_attempt_before_that_is_gone_is_a_failed_build(start: Start) -> None:
    first = start("open('weights', 'w').close()")
    first.wait()
    first.store.delete(layout.artifact(first.name, "weights"))
    state = run_again(first, 1).wait()
    assert (state.state, state.reason) == (State.FAILED, Reason.PREPARATION_FAILED)
    assert state.message is not None and "weights" in state.message


def test_a_source_that_is_gone_is_named(start: Start, tmp_path: Path) -> None:
    attempt = start("import time; time.sleep(0)")
    attempt.process.kill()
    attempt.process.wait()
    for file in (tmp_path / "store" / "sources").iterdir():
        file.unlink()
    state = run_again(attempt).wait()
    assert (state.state, state.reason) == (State.FAILED, Reason.SOURCE_MISSING)


def test_many_attempts_on_one_node_do_not_see_each_other(start: Start) -> None:
    attempt = start(
        "import os, time\n"
        "assert not os.path.exists('mine')\n"
        "open('mine', 'w').write(os.environ['GRIDRAY_ATTEMPT'])\n"
        "open(os.path.join(os.environ['TMPDIR'], 'x'), 'x').close(); time.sleep(1)\n"
        "print(open('mine').read())"
    )
    others = [run_again(attempt, number) for number in range(1, 4)]
    for number, each in enumerate([attempt, *others]):
        each.wait()
        assert each.log() == b"%d\n" % number
        assert each.content("mine") == str(number).encode()


def test_a_disk_that_the_ray_log_fills_does_not_stop_the_script(start: Start) -> None:
    attempt = start("import time\nfor i in range(50): print(i, flush=True); time.sleep(0.01)")
    assert attempt.process.stdout is not None
    attempt.process.stdout.close()
    attempt.process.wait(timeout=60)
    deadline = time.monotonic() + 10
    while attempt.state().state is not State.SUCCEEDED and time.monotonic() < deadline:
        time.sleep(0.1)
    assert attempt.log() == b"".join(b"%d\n" % i for i in range(50))


def test_a_store_that_takes_no_more_is_told_and_a_stop_ends_the_waiting(start: Start) -> None:
    attempt = start("import os; os.makedirs('d'); open('d/f', 'w').write('x'); print('done')")
    in_the_way = Path(attempt.store.url) / layout.artifacts(attempt.name) / "d"
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_text("a file where a directory has to be")
    attempt.wait_for_log(b"done")
    deadline = time.monotonic() + 60
    while attempt.state().message is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    state = attempt.state()
    assert state.state is State.RUNNING and "waits for the store" in str(state.message)
    attempt.stop(grace=1)
    state = attempt.wait()
    assert (state.state, state.reason) == (State.FAILED, Reason.STORE_UNREACHABLE)


def test_a_node_with_another_directory_of_the_same_name_writes_nothing(start: Start) -> None:
    attempt = start("import time; time.sleep(0)")
    attempt.process.kill()
    attempt.process.wait()
    attempt.store.delete_prefix("runs/")
    again = run_again(attempt)
    output, _ = again.process.communicate(timeout=60)
    assert (
        again.process.returncode == exitcodes.STORE_UNREACHABLE and b"no run 'test-run'" in output
    )
    assert attempt.store.entries("runs/") == []
