import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from gridray.errors import GridrayError
from gridray.node import fuse, place
from gridray.node.answer import Answer, Word
from gridray.node.watch import Rhythm, watch
from tests.node.conftest import FakeHead, Watches, wait_until

# Long enough that none of these ends a machine.
WORDS = ("--role=worker", "--timeout=600")


@pytest.fixture
def words() -> list[str]:
    return [*WORDS, f"--head={FakeHead().address}"]


def living(watches: Watches) -> list[psutil.Process]:
    """Return the watches of this test that live."""
    found = []
    for process in psutil.process_iter():
        try:
            is_one = place.PROGRAM in process.cmdline() and "--foreground" in process.cmdline()
            if is_one and str(watches.ended) in str(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def descriptors(processes: list[psutil.Process]) -> list[Path]:
    return [
        fd for each in processes for fd in Path(f"/proc/{each.pid}/fd").iterdir() if fd.exists()
    ]


def test_it_outlives_who_started_it(watches: Watches, words: list[str]) -> None:
    # Its starter gets a session of its own, as from sshd, and that is hung up.
    answer = watches.start(*words, start_new_session=True)
    assert answer.returncode == 0, answer.stderr
    process = watches.process()
    assert process.ppid() != os.getpid()
    assert os.getsid(process.pid) == process.pid
    process.send_signal(signal.SIGHUP)
    watches.wait_for("idle: ")
    assert [each.pid for each in living(watches)] == [process.pid]
    assert process.cwd() == "/"


def test_it_holds_nothing_that_it_was_given(
    watches: Watches, words: list[str], tmp_path: Path
) -> None:
    with open(tmp_path / "inherited", "w") as file:
        answer = watches.start(*words, pass_fds=[file.fileno()])
    # The pipes of its starter are closed, too, or this would not have come back.
    assert answer.returncode == 0
    process = watches.process()
    held = {os.readlink(each) for each in descriptors([process])}
    files = {each for each in held if each.startswith("/") and not each.startswith("/dev/")}
    assert files <= {str(place.home() / name) for name in ("watch.log", "watch.lock")}


def test_it_is_small(watches: Watches, words: list[str]) -> None:
    watches.start(*words)
    watches.wait_for("idle: ")
    process = watches.process()
    assert process.memory_full_info().uss < 30e6
    loaded = Path(f"/proc/{process.pid}/maps").read_text()
    assert "_raylet" not in loaded and "numpy" not in loaded


def test_a_second_start_replaces_the_first(watches: Watches, words: list[str]) -> None:
    watches.start(*words)
    first = watches.process()
    assert watches.start(*words).returncode == 0
    second = watches.process()
    assert second.pid != first.pid
    wait_until(lambda: [each.pid for each in living(watches)] == [second.pid])
    assert "was told to end" in watches.said()


def test_one_that_is_stopped_is_replaced(watches: Watches, words: list[str]) -> None:
    watches.start(*words)
    first = watches.process()
    first.suspend()
    assert watches.start(*words).returncode == 0
    assert watches.process().pid != first.pid
    wait_until(lambda: len(living(watches)) == 1)


def test_one_that_was_killed_leaves_its_place(watches: Watches, words: list[str]) -> None:
    watches.start(*words)
    watches.process().kill()
    assert watches.start(*words).returncode == 0
    wait_until(lambda: len(living(watches)) == 1)


def test_of_many_that_start_at_once_one_remains(watches: Watches, words: list[str]) -> None:
    command = watches.arguments(*words)
    starts = [subprocess.Popen(command) for _ in range(5)]
    assert [each.wait(60) for each in starts] == [0] * 5
    wait_until(lambda: len(living(watches)) == 1)
    assert watches.process().pid == living(watches)[0].pid


def test_a_number_that_is_another_process_s_by_now_is_left_alone(
    watches: Watches, words: list[str]
) -> None:
    place.home().mkdir()
    path = place.home() / "watch.lock"

    def is_open() -> bool:
        return any(str(path) in os.readlink(fd) for fd in descriptors(living(watches)))

    with subprocess.Popen(["sleep", "600"]) as innocent, open(path, "w") as lock:
        lock.write(str(innocent.pid))
        lock.flush()
        # Who has it is about to write its own number over that.
        fcntl.flock(lock, fcntl.LOCK_EX)
        with subprocess.Popen(watches.arguments(*words)) as start:
            wait_until(is_open)
            time.sleep(0.5)
            fcntl.flock(lock, fcntl.LOCK_UN)
            assert start.wait(60) == 0
        assert innocent.poll() is None
        innocent.kill()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--role=worker", "--timeout=1"], "--role worker needs --head"),
        (["--role=worker", "--head=a:1"], "--role worker needs --timeout"),
        (["--role=worker", "--head=a:1", "--timeout=0"], "'0' is no number of seconds above 0"),
        (["--role=worker", "--head=a:1", "--timeout=nan"], "'nan' is no number of seconds"),
        (["--role=worker", "--head=a", "--timeout=1"], "'a' is no address; write host:6379"),
        (["--role=worker", "--head=a:99999", "--timeout=1"], "'a:99999' is no address"),
        (["--role=head", "--idle=1", "--cluster=a"], "--role head needs --store"),
        (["--role=head", "--idle=1", "--cluster=A/b", "--store=/a"], "'A/b' is no key"),
        (["--role=head", "--idle=1", "--cluster=a", "--store=gs://a"], "'gs://a' is of a kind"),
        (
            ["--role=head", "--idle=1", "--cluster=a", "--store=/a", "--dashboard=here"],
            "'here' is no address of a Ray dashboard",
        ),
    ],
)
def test_what_cannot_be_meant_starts_nothing(watches: Watches, words: list[str], said: str) -> None:
    answer = watches.start(*words)
    assert answer.returncode == 2
    assert said in answer.stderr
    assert not place.home().exists()


def test_a_place_that_cannot_be_written_is_said(watches: Watches, words: list[str]) -> None:
    place.home().write_text("")
    answer = watches.start(*words)
    assert answer.returncode == 1
    assert "cannot be written: File exists" in answer.stderr


def test_a_watch_that_cannot_begin_is_said(watches: Watches, words: list[str]) -> None:
    place.home().mkdir()
    (place.home() / "watch.lock").mkdir()
    answer = watches.start(*words)
    assert answer.returncode == 1
    assert "did not begin (see " in answer.stderr
    assert "watch.lock cannot be written: Is a directory" in watches.said()


def test_its_log_is_of_bounded_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import logging; from gridray.node import place; place.LOG_BYTES = 2000;"
        f"place.log_to({str(tmp_path / 'log')!r});"
        "[logging.getLogger('gridray.node').info('%d', i) for i in range(1000)]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert sorted(path.name for path in tmp_path.glob("log*")) == ["log", "log.1"]
    assert (tmp_path / "log").stat().st_size <= 2000
    assert (tmp_path / "log").read_text().endswith("999\n")


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    code = (
        "import logging; from gridray.node import place;"
        f"place.log_to({str(tmp_path / 'log')!r}); logging.getLogger('gridray.node').info('a')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_look_that_is_broken_is_a_doubt() -> None:
    looks = []

    def look() -> Answer:
        looks.append(1)
        if len(looks) < 4:
            raise ValueError
        return Answer(Word.IDLE, "")

    watch(look, Rhythm(limit=0.1, every=0.01, answer=0.1))
    assert len(looks) > 4


def test_the_rhythm_follows_the_limit() -> None:
    assert Rhythm.of(900, 15) == Rhythm(900, 15, 10)
    assert Rhythm.of(2, 15) == Rhythm(2, 0.2, 0.5)


def test_the_fuse_is_taken_out_by_the_watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in {"shutdown": f'echo "$@" >> {tmp_path}/said', "sudo": 'shift; "$@"'}.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setattr(fuse, "FUSE", tmp_path / "fuse")
    fuse.take_out()
    assert not (tmp_path / "said").exists()
    subprocess.run(["sh", "-c", fuse.user_data(30)], check=True)
    fuse.take_out()
    assert (tmp_path / "said").read_text() == "-h +30\n-c\n"


def test_one_that_is_killed_while_there_is_another_was_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = tmp_path / "python"
    killed.write_text("#!/bin/sh\nkill -9 $$\n")
    killed.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(killed))
    lock = place.take()
    place.start(["--role=worker"])
    os.close(lock)
    with pytest.raises(GridrayError, match="did not begin"):
        place.start(["--role=worker"])
