"""`ray up`, as a process of its own whose output goes into a file."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from gridray.clusters.aws.made import Made
from gridray.errors import ClusterError

Progress = Callable[[str], None]
RAY = (sys.executable, "-m", "ray.scripts.scripts")
LOG = "up.log"
LAST_LINES = 8
END_SECONDS = 5.0
# The steps that Ray numbers, as `2026-… INFO updater.py:260 -- [2/7] Processing file mounts`.
STEP = re.compile(r"(?:^\s*| -- )\[(\d+/\d+)\] (.+?)\s*$")
LAUNCHING = "Acquiring an up-to-date head node"
# They win over a profile.
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
COLORS = re.compile(r"\x1b\[[0-9;]*m")


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
    try:
        lines = _follow(process, log, progress)
    except BaseException:
        _end(process)
        raise
    if process.wait() != 0:
        raise ClusterError(
            f"`ray up` failed for the cluster {what.name}:\n{_last(lines)}",
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


def _last(lines: list[str]) -> str:
    told = [line for line in lines if line.strip()][-LAST_LINES:]
    return "\n".join(f"  {line}" for line in told) or "  it said nothing"


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


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
