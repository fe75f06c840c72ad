"""How a machine ends: first what runs on it, in peace, then itself, until that has worked."""

import logging
import os
import subprocess
import time
from collections.abc import Sequence

import psutil

# Seconds. The store may be slow, but who is cut off pays for the machine.
RUNNERS_GRACE = 120.0
RETRY = 60.0
COMMAND_TIMEOUT = 60.0
RUNNER = "gridray.runner"
SHUTDOWN = ("shutdown", "-h", "now")
POWEROFF = ("poweroff",)

log = logging.getLogger("gridray.node")


def commands(replacement: str | None) -> list[list[str]]:
    """Return what ends the machine, the best first.

    Args:
        replacement: a shell's command line that is used instead.
    """
    if replacement is not None:
        return [["sh", "-c", replacement]]
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    return [[*as_root, *SHUTDOWN], [*as_root, *POWEROFF]]


def end_runners(head: str, grace: float) -> None:
    """Have the runners of a cluster's experiments store what they have, and end.

    Args:
        head: the cluster's GCS as `host:port`, which Ray tells each job of its own.
        grace: seconds until nobody waits any longer.
    """
    runners = [each for each in psutil.process_iter() if _is_runner(each, head)]
    for runner in runners:
        try:
            runner.terminate()
        except psutil.Error:
            continue
    if runners:
        log.info("%d runners have %.0f s to store what they have", len(runners), grace)
        _, left = psutil.wait_procs(runners, grace)
        log.info("%d of them are not done", len(left))


def _is_runner(process: psutil.Process, head: str) -> bool:
    try:
        return RUNNER in process.cmdline() and process.environ().get("RAY_ADDRESS") == head
    except psutil.Error:
        return False


def end_machine(ways: Sequence[Sequence[str]], retry: float) -> None:
    """End the machine; a way that seems to have worked and has not is followed by the next."""
    first = 0
    while True:
        for number in range(len(ways)):
            way = ways[(first + number) % len(ways)]
            log.info("ends the machine: %s", " ".join(way))
            if _works(way):
                break
        first += 1
        time.sleep(retry)


def _works(command: Sequence[str]) -> bool:
    try:
        answer = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=COMMAND_TIMEOUT,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        log.info("that failed: %s", error)
        return False
    if answer.returncode != 0:
        log.info("that failed (%d): %s", answer.returncode, answer.stderr.strip())
    return answer.returncode == 0
