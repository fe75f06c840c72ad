"""Scratch space: private, where the script expects it, and gone at the end."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gridray.errors import GridrayError
from gridray.records import ScratchRecord
from gridray.runner import mounting, scratch
from gridray.states import Reason, State
from tests.runner.conftest import Start, run_again

SHOWS = """
import os
here = os.environ['GRIDRAY_SCRATCH']
open(os.path.join(here, 'file'), 'w').write('x')
print(here, sorted(os.listdir(PLACE)), flush=True)
"""
# The interpreter may be where only root can start it.
AS_NOBODY = """
import ctypes, os, pkgutil, runpy, sys
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
PR_SET_DUMPABLE = 4
ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name='__main__')
"""


def can_mount() -> bool:
    words = [sys.executable, mounting.__file__, "/usr", "/tmp", "true"]
    return subprocess.run(words, capture_output=True).returncode == 0


needs_mounts = pytest.mark.skipif(not can_mount(), reason="this system allows no mounts")


def wanted(place: Path | str, size: int = 1000) -> dict[str, Any]:
    return {"scratch": ScratchRecord(size, str(place))}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "pl ace" / "scratch"


@needs_mounts
def test_the_script_finds_it_in_its_place_and_nobody_else(start: Start, place: Path) -> None:
    attempt = start(SHOWS.replace("PLACE", repr(str(place))), **wanted(place))
    assert attempt.wait().state is State.SUCCEEDED
    here, listed = attempt.log().decode().split(" ", 1)
    assert listed == "['file']\n"
    assert not Path(here).exists() and list(place.iterdir()) == []
    assert attempt.artifacts() == {}


@needs_mounts
def test_processes_signals_and_exit_codes_are_as_without_it(start: Start, place: Path) -> None:
    attempt = start(
        "import os, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        "print(os.getpid() == os.getsid(0) == os.getpgrp(), flush=True)\n"
        "time.sleep(60)",
        **wanted(place),
    )
    attempt.wait_for_log(b"True")
    attempt.stop(30)
    state = attempt.wait()
    assert (state.state, state.reason, state.exit_code) == (State.CANCELLED, Reason.STOPPED, 7)


@needs_mounts
def test_a_program_that_is_missing_is_told_as_without_it(start: Start, place: Path) -> None:
    state = start("", script="main.jl", **wanted(place)).wait()
    assert (state.state, state.reason) == (State.FAILED, Reason.START_FAILED)
    assert state.message == "this node has no program 'julia' on its PATH"


def test_too_little_space_is_a_refusal(start: Start, place: Path) -> None:
    state = start("print('never')", **wanted(place, 10**18)).wait()
    assert (state.state, state.reason) == (State.FAILED, Reason.SCRATCH_FAILED)
    told = state.message or ""
    assert "--scratch_size asks for 1,000,000,000.0 GB" in told and "/scratch has " in told


def test_a_place_that_cannot_be_had_is_a_refusal(start: Start, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    state = start("", **wanted(tmp_path / "file")).wait()
    assert (state.state, state.reason) == (State.FAILED, Reason.SCRATCH_FAILED)
    assert f"--scratch_mount_path {tmp_path}/file: it cannot be made: File exists" in (
        state.message or ""
    )


def test_a_place_that_would_hide_what_is_needed(tmp_path: Path) -> None:
    for number, above in enumerate((tmp_path, Path(sys.executable).resolve().parent)):
        with pytest.raises(GridrayError, match="is below it"):
            scratch.make(ScratchRecord(1, str(above)), tmp_path / f"scratch-{number}")


@needs_mounts
def test_a_place_that_would_hide_every_programs_libraries(tmp_path: Path) -> None:
    with pytest.raises(GridrayError, match=r"it would hide what programs need|is below it"):
        scratch.make(ScratchRecord(1, "/usr"), tmp_path / "scratch")


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to("target")
    with pytest.raises(GridrayError, match="it is a link"):
        scratch.make(ScratchRecord(1, str(tmp_path / "link")), tmp_path / "scratch")


def test_the_default_place_is_left_out_where_it_cannot_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "SCRATCH_PATH", str(tmp_path / "file"))
    (tmp_path / "file").write_text("")
    made = scratch.make(ScratchRecord(1, str(tmp_path / "file")), tmp_path / "scratch")
    assert made.within == () and made.env == {"GRIDRAY_SCRATCH": str(tmp_path / "scratch")}


def test_what_a_killed_attempt_leaves_is_removed_by_the_next(start: Start, place: Path) -> None:
    text = SHOWS.replace("PLACE", "here") + "import time, sys\nif len(sys.argv) > 1: time.sleep(60)"
    attempt = start(text, argv=("wait",), **wanted(place))
    attempt.wait_for_log(b"file")
    left = Path(attempt.log().decode().split(" ", 1)[0])
    attempt.process.send_signal(signal.SIGKILL)
    attempt.process.wait()
    assert left.exists()
    again = run_again(attempt, 1)
    again.wait_for_log(b"file")
    assert not left.exists()
    again.stop(0)
    again.wait()


@needs_mounts
@pytest.mark.skipif(os.getuid() != 0, reason="shares the mounts of a namespace")
def test_nobody_else_sees_the_mount_where_mounts_are_shared(tmp_path: Path) -> None:
    for name in ("mine", "place"):
        (tmp_path / name).mkdir()
    (tmp_path / "mine" / "file").touch()
    inside = "ls place; touch ready; until [ -e go ]; do sleep 0.02; done"
    mounted = f"'{sys.executable}' '{mounting.__file__}' mine place sh -c '{inside}'"
    outside = "until [ -e ready ]; do sleep 0.02; done; echo outside; ls place; touch go; wait"
    words = ["timeout", "60", "unshare", "--mount", "--propagation", "shared", "sh", "-c"]
    command = f"{mounted} & {outside}"
    done = subprocess.run([*words, command], cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("file\noutside\n", "")


def test_a_place_that_cannot_be_mounted_is_not_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = tmp_path / "refusing.py"
    told = "x cannot be mounted at y: Operation not permitted"
    refusing.write_text(f"import sys; print({told!r}, file=sys.stderr); sys.exit(125)")
    monkeypatch.setattr(mounting, "__file__", str(refusing))
    with pytest.raises(GridrayError, match="Operation not permitted; leave the option out"):
        scratch.make(ScratchRecord(1, str(tmp_path / "place")), tmp_path / "scratch")
    assert not (tmp_path / "place").exists()


@needs_mounts
@pytest.mark.skipif(os.getuid() != 0, reason="becomes another user")
def test_who_is_not_root_can_have_it_too() -> None:
    with tempfile.TemporaryDirectory() as made:
        top = Path(made)
        for path in (top, top / "mine", top / "place"):
            path.mkdir(exist_ok=True)
            path.chmod(0o777)
        program = shutil.copy(mounting.__file__, top)
        command = f"echo kept > '{top}/place/file'; id -u"
        words = [program, top / "mine", top / "place", "sh", "-c", command]
        python = [sys.executable, "-c", AS_NOBODY]
        done = subprocess.run([*python, *words], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, "65534\n"), done.stderr
        assert (top / "mine" / "file").read_text() == "kept\n"
        assert list((top / "place").iterdir()) == []
