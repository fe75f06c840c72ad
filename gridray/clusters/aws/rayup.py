"""`ray up`, as a process of its own whose output goes into a file, and which ends with this one."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gridray.clusters.aws.made import Made
from gridray.errors import ClusterError

Progress = Callable[[str], None]
RAY = (sys.executable, "-m", "ray.scripts.scripts")
LOG = "up.log"
LAST_LINES = 8
END_SECONDS = 5.0
# Whatever ends this process closes the pipe that the guard reads, and it then ends Ray's processes.
GUARD = 'trap "" HUP INT TERM; read _; kill -TERM "-$1"; sleep "$2"; kill -KILL "-$1"'
# The steps that Ray numbers, as `2026-… INFO updater.py:260 -- [2/7] Processing file mounts`.
STEP = re.compile(r"(?:^\s*| -- )\[(\d+/\d+)\] (.+?)\s*$")
LAUNCHING = "Acquiring an up-to-date head node"
# They win over a profile.
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
COLORS = re.compile(r"\x1b\[[0-9;]*m")
# What Ray's lines begin with; a level with a V is for those who look for faults in Ray.
LEVEL = re.compile(r"^\d{4}-\d\d-\d\d [\d:,]+\s+(V*)[A-Z]+ \S+:\d+ -- ")
TRACEBACK = "Traceback (most recent call last):"
CHAINED = "During handling of the above exception"
NOISE = re.compile(r"|!!!|Shared connection to .* closed\.|New status: .*|AssertionError")


def run(file: Path, what: Made, progress: Progress) -> None:
    """Make or update what a cluster's file says; each step is told.

    Raises:
        ClusterError: Ray cannot do it; its last lines say why.
    """
    log = file.with_name(LOG)
    process = subprocess.Popen(
        [*RAY, "up", "-y", "--no-config-cache", str(file)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=_environment(what),
        cwd=file.parent,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    with _guarded(process):
        try:
            lines = _follow(process, log, progress)
            code = process.wait()
        except BaseException:
            _end(process)
            raise
    if code != 0:
        raise ClusterError(
            f"`ray up` failed for the cluster {what.name}:\n{_reason(lines)}",
            hint=f"all of it is in {log}; `gridray clusters up {what.name}` tries again, "
            f"`gridray clusters down {what.name}` ends what runs",
        )


def _follow(process: subprocess.Popen[str], log: Path, progress: Progress) -> list[str]:
    """Keep what Ray prints, and tell its steps."""
    lines = []
    assert process.stdout is not None
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with process.stdout, open(descriptor, "w") as kept:
        for line in process.stdout:
            told = COLORS.sub("", line.rstrip())
            kept.write(told + "\n")
            kept.flush()
            lines.append(told)
            if step := STEP.search(told):
                progress(f"  {step.group(1)} {step.group(2)}")
            elif LAUNCHING in told:
                progress("  launching the head")
    return lines


def _reason(lines: list[str]) -> str:
    """Return the last that Ray has said to its user, without the tracebacks."""
    told = []
    in_traceback = False
    for line in lines:
        level = LEVEL.match(line)
        text = line[level.end() :] if level else line
        if TRACEBACK in text:
            in_traceback = True
        elif not (in_traceback and line.startswith("  ")):
            in_traceback = False
            is_verbose = level is not None and level.group(1)
            if not (is_verbose or NOISE.fullmatch(text.strip()) or CHAINED in text):
                told.append(f"  {text.strip()}")
    last = list(dict.fromkeys(reversed(told)))[:LAST_LINES]
    return "\n".join(reversed(last)) or "  it said nothing"


@contextmanager
def _guarded(process: subprocess.Popen[str]) -> Iterator[None]:
    """Let a process end with this one, whatever ends it."""
    guard = subprocess.Popen(
        ["sh", "-c", GUARD, "guard", str(process.pid), f"{END_SECONDS:.0f}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        guard.kill()
        guard.communicate()


def _end(process: subprocess.Popen[str]) -> None:
    """End Ray, and the ssh and rsync that it has started."""
    _signal(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(END_SECONDS)
    _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen[str], number: signal.Signals) -> None:
    # PermissionError is what macOS says of a group of zombies.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _environment(what: Made) -> dict[str, str]:
    """Return this process's variables, without what would lead Ray elsewhere."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    if what.profile is not None:
        env = {name: value for name, value in env.items() if name not in KEYS}
        env["AWS_PROFILE"] = what.profile
    return env | {
        "AWS_REGION": what.region,
        "AWS_DEFAULT_REGION": what.region,
        "RAY_USAGE_STATS_ENABLED": "0",
        "PYTHONUNBUFFERED": "1",
        "TERM": "dumb",
    }
