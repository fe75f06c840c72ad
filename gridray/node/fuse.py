"""The fuse of a machine whose set-up may never be finished, and so never start the watch.

The machine itself plans its end at its first boot, and the watch, once it watches, takes that back.
"""

import logging
import os
import subprocess
from pathlib import Path

FUSE = Path("/run/gridray-fuse")
TIMEOUT = 30.0

log = logging.getLogger("gridray.node")


def user_data(minutes: int) -> str:
    """Return what cloud-init is to run as root when a machine first boots."""
    return f"#!/bin/sh\nshutdown -h +{minutes} && touch {FUSE}\n"


def take_out() -> None:
    """Take the planned end back, if there is one of ours."""
    if not FUSE.exists():
        return
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    try:
        answer = subprocess.run(
            [*as_root, "shutdown", "-c"], stdin=subprocess.DEVNULL, timeout=TIMEOUT
        )
        log.info("took the fuse out: exit code %d", answer.returncode)
    except (OSError, subprocess.TimeoutExpired) as error:
        log.info("the fuse cannot be taken out: %s", error)
