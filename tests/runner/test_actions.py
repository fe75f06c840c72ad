"""Commands before and after the script, run by the real runner."""

import signal
import time

from gridray.records import EnvironmentRecord
from gridray.states import Reason, State
from tests.runner.conftest import Start

TELLS = 'echo "end $GRIDRAY_STATE $GRIDRAY_EXIT_CODE $GRIDRAY_REASON"'


def test_they_surround_the_script_in_its_directory_with_its_variables(start: Start) -> None:
    attempt = start(
        "print('script', open('from-start').read().strip(), flush=True)",
        on_experiment_start=(
            'x=$GRID_EXPERIMENT_NAME; echo "${x%-exp0} ${FROM_USER/quoted/unquoted}"',
            "echo given > from-start; cat data/given.txt; echo",
        ),
        on_experiment_end=(TELLS, "touch from-end"),
    )
    state = attempt.wait()
    assert (state.state, state.message) == (State.SUCCEEDED, None)
    lines = attempt.log().decode().splitlines()
    assert lines == [
        'test-run it\'s "unquoted"',
        "given",
        "script given",
        "end succeeded 0 ",
    ]
    assert sorted(attempt.artifacts()) == ["from-end", "from-start"]


def test_a_start_action_that_fails_ends_it_and_the_end_actions_still_run(start: Start) -> None:
    attempt = start(
        "print('script')",
        on_experiment_start=("echo one", "false; echo not this", "echo nor this"),
        on_experiment_end=(TELLS,),
    )
    state = attempt.wait()
    assert (state.state, state.reason, state.exit_code) == (State.FAILED, Reason.ACTION_FAILED, 1)
    assert state.message == ("on_experiment_start (false; echo not this) failed: exit code 1")
    assert attempt.process.returncode == 1
    assert attempt.log() == b"one\nend failed 1 action_failed\n"


def test_the_end_actions_run_after_a_failure_and_theirs_changes_nothing(start: Start) -> None:
    attempt = start("raise SystemExit(7)", on_experiment_end=("exit 5", TELLS, "kill -9 $$"))
    state = attempt.wait()
    assert (state.state, state.reason, state.exit_code) == (State.FAILED, Reason.EXIT_CODE, 7)
    assert state.message == (
        "on_experiment_end (exit 5) failed: exit code 5; "
        "on_experiment_end (kill -9 $$) failed: killed by SIGKILL"
    )
    assert attempt.log() == b"end failed 7 exit_code\n"


def test_they_run_also_where_the_script_cannot_be_started(start: Start) -> None:
    attempt = start("#!/no/such/interpreter\n", script="main", on_experiment_end=(TELLS,))
    state = attempt.wait()
    assert (state.state, state.reason) == (State.FAILED, Reason.START_FAILED)
    assert attempt.log() == b"end failed  start_failed\n"


def test_a_stop_ends_a_start_action_and_the_script_never_runs(start: Start) -> None:
    attempt = start(
        "print('script')",
        on_experiment_start=("echo begun; sleep 60",),
        on_experiment_end=(TELLS,),
    )
    attempt.wait_for_log(b"begun")
    attempt.wait_for_state(State.RUNNING)
    attempt.stop(grace=20)
    state = attempt.wait()
    assert (state.state, state.reason) == (State.CANCELLED, Reason.STOPPED)
    assert attempt.log() == b"begun\nend cancelled 143 stopped\n"


def test_after_a_stop_an_end_action_has_the_grace_and_no_more(start: Start) -> None:
    attempt = start(
        "print('begun', flush=True); import time; time.sleep(60)",
        on_experiment_end=(TELLS, "echo long; sleep 60", "echo late"),
    )
    attempt.wait_for_log(b"begun")
    attempt.stop(grace=2)
    state = attempt.wait()
    assert (state.state, state.reason) == (State.CANCELLED, Reason.STOPPED)
    assert attempt.log() == b"begun\nend cancelled 143 stopped\nlong\n"
    assert (
        state.message is not None and "no time for on_experiment_end (echo late)" in state.message
    )


def test_an_end_action_that_is_interrupted_leaves_the_result(start: Start) -> None:
    attempt = start(
        "print('script')",
        on_experiment_end=('trap "echo saving; exit 0" TERM; echo waiting; sleep 60 & wait',),
    )
    attempt.wait_for_log(b"waiting")
    attempt.process.send_signal(signal.SIGTERM)
    state = attempt.wait()
    assert (state.state, state.reason, state.exit_code) == (State.SUCCEEDED, None, 0)
    assert attempt.log() == b"script\nwaiting\nsaving\n"


def test_max_time_counts_them(start: Start) -> None:
    begun = time.time()
    attempt = start(
        "print('script')", on_experiment_start=("echo begun; exec sleep 60",), max_time=1.0
    )
    state = attempt.wait()
    assert state.reason is Reason.TIMED_OUT and attempt.log() == b"begun\n"
    assert state.started_at is not None and begun < state.started_at


def test_they_have_the_environment_that_was_built(start: Start) -> None:
    attempt = start(
        "print('script')",
        environment=EnvironmentRecord(on_build=("echo x",)),
        on_experiment_start=(
            '[ "$(command -v python)" = "$VIRTUAL_ENV/bin/python" ] && echo same',
        ),
    )
    attempt.wait()
    assert attempt.log() == b"same\nscript\n"


def test_what_a_start_action_leaves_running_is_ended_before_the_script(start: Start) -> None:
    attempt = start(
        "import psutil; pid = int(open('pid').read())\n"
        "print(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)",
        on_experiment_start=("sleep 60 & echo $! > pid",),
    )
    assert attempt.wait().state is State.SUCCEEDED
    assert attempt.log() == b"False\n"
