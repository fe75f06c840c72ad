"""What a script takes of memory, and real kills by the kernel, in a control group with a limit."""

import os
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from gridray import layout
from gridray.layout import AttemptName
from gridray.runner.memory import kills_for_memory
from gridray.states import Reason, State
from gridray.store import Store
from tests.runner.conftest import Start

LIMIT = 150_000_000
MEGABYTE = 1_000_000
VERSION_1 = Path("/sys/fs/cgroup/memory")
VERSION_2 = Path("/sys/fs/cgroup")
TAKES_ALL = "held = []\nwhile True: held.append(b'x' * 5_000_000)"


def _parent_group() -> tuple[Path, str]:
    """Return a control group that may have another one below, and the name of its limit."""
    groups = dict(
        line.split(":", 2)[1:] for line in Path("/proc/self/cgroup").read_text().splitlines()
    )
    if "memory" in groups:
        return VERSION_1 / groups["memory"].strip("/"), "memory.limit_in_bytes"
    # Only the root may have processes and groups with limits at once.
    return VERSION_2, "memory.max"


@pytest.fixture
def limited() -> Iterator[Sequence[str]]:
    """The words of a command that runs another one with 150 MB of memory."""
    if os.getuid() != 0:
        pytest.skip("only root may make a control group")
    parent, limit = _parent_group()
    group = parent / f"gridray-test-{secrets.token_hex(4)}"
    group.mkdir()
    (group / limit).write_text(str(LIMIT))
    try:
        yield ("sh", "-c", f'echo $$ > "{group}/cgroup.procs" && exec "$@"', "sh")
    finally:
        while (group / "cgroup.procs").read_text():
            time.sleep(0.05)
        group.rmdir()


def test_a_script_that_the_kernel_kills_is_out_of_memory(
    start: Start, limited: Sequence[str]
) -> None:
    state = start(TAKES_ALL, within=limited).wait()
    assert (state.state, state.reason, state.exit_code) == (
        State.FAILED,
        Reason.OUT_OF_MEMORY,
        137,
    )
    assert state.message == "killed by SIGKILL"
    assert state.peak_memory is not None and LIMIT / 2 < state.peak_memory < 2 * LIMIT


def test_what_a_shell_script_waits_for_counts_as_the_script(
    start: Start, limited: Sequence[str]
) -> None:
    text = f'python3 -c "{TAKES_ALL}"\n'
    state = start(text, script="main.sh", within=limited).wait()
    assert (state.reason, state.exit_code) == (Reason.OUT_OF_MEMORY, 137)


def test_a_script_that_outlives_its_killed_worker_keeps_its_exit_code(
    start: Start, limited: Sequence[str]
) -> None:
    state = start(
        f"import subprocess, sys\nsubprocess.call([sys.executable, '-c', {TAKES_ALL!r}])\n"
        "sys.exit(3)",
        within=limited,
    ).wait()
    assert (state.reason, state.exit_code) == (Reason.EXIT_CODE, 3)
    assert state.message is not None and "for want of memory" in state.message


def test_a_kill_that_did_no_harm_is_no_news(start: Start, limited: Sequence[str]) -> None:
    state = start(
        f"import subprocess, sys\nsubprocess.call([sys.executable, '-c', {TAKES_ALL!r}])",
        within=limited,
    ).wait()
    assert (state.state, state.message) == (State.SUCCEEDED, None)


def test_a_kill_that_is_not_the_kernels_is_a_signal(start: Start, limited: Sequence[str]) -> None:
    state = start("import os; os.kill(os.getpid(), 9)", within=limited).wait()
    assert (state.reason, state.exit_code) == (Reason.SIGNAL, 137)


def test_the_peak_of_a_script_that_ends_between_two_looks(start: Start) -> None:
    # What starts the runner is larger than the script, as Ray's processes may be.
    larger = "import os, sys; held = b'x' * 500_000_000; os.execvp(sys.argv[1], sys.argv[1:])"
    state = start(
        "import os; held = b'x' * 300_000_000; os.kill(os.getpid(), 9)",
        within=(sys.executable, "-c", larger),
    ).wait()
    assert state.peak_memory is not None
    assert 300 * MEGABYTE < state.peak_memory < 400 * MEGABYTE


def test_the_peak_is_of_all_processes_together(start: Start) -> None:
    holds = "import time; held = b'x' * 80_000_000; time.sleep(4)"
    state = start(
        "import subprocess, sys\n"
        f"words = [sys.executable, '-c', {holds!r}]\n"
        "away = subprocess.Popen(words, start_new_session=True)\n"
        "subprocess.Popen(words); subprocess.call(words); away.wait()"
    ).wait()
    assert state.peak_memory is not None
    assert 240 * MEGABYTE < state.peak_memory < 400 * MEGABYTE


def test_the_runners_own_memory_is_not_the_scripts(start: Start) -> None:
    state = start("sleep 2\n", script="main.sh").wait()
    assert state.peak_memory is not None and state.peak_memory < 20 * MEGABYTE


def test_a_script_that_never_ran_has_no_peak(start: Start, tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    store.put_json(layout.attempt_stop(AttemptName("test-run", 0, 0)), {"grace": 1})
    attempt = start("print('ran')", store=store)
    assert attempt.wait().peak_memory is None


@pytest.mark.parametrize(
    ("group", "mount", "file", "text", "expected"),
    [
        ("0::/a/b", "- cgroup2 cgroup2 rw", "a/b/memory.events", "oom 9\noom_kill 3\n", 3),
        ("0::/a/b", "- cgroup2 cgroup2 rw", "a/memory.events", "oom_kill 4\n", 4),
        ("5:memory:/a\n0::/", "- cgroup c rw,memory", "a/memory.oom_control", "oom_kill 5\n", 5),
        ("5:cpu:/a\n0::/", "- cgroup c rw,cpu", "a/memory.oom_control", "oom_kill 6\n", 7),
    ],
)
def test_the_own_control_group_counts_before_the_machine(
    tmp_path: Path, group: str, mount: str, file: str, text: str, expected: int
) -> None:
    point = tmp_path / "mount point"
    (point / file).parent.mkdir(parents=True)
    (point / file).write_text(text)
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "cgroup").write_text(f"{group}\n")
    shown = str(point).replace(" ", "\\040")
    (tmp_path / "self" / "mountinfo").write_text(f"31 25 0:26 / {shown} rw shared:1 {mount}\n")
    (tmp_path / "vmstat").write_text("oom_kill 7\n")
    assert kills_for_memory(tmp_path) == expected


def test_a_system_that_does_not_count_has_no_kills(tmp_path: Path) -> None:
    assert kills_for_memory(tmp_path) == 0
