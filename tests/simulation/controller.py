"""The real controller in a process of its own, with a clock that goes on by a step at each look."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from gridray import layout
from gridray.controller.loop import Controller
from gridray.errors import ClusterError
from gridray.rayjobs import RayJobs
from gridray.store import Store
from tests.simulation.dashboard import DRAIN, TOKEN, WITHDRAW
from tests.simulation.fate import STEP

BUNDLE = "0" * 16


@dataclass(frozen=True)
class Look:
    """One look of the controller: the time it took (s), its memory's peak so far (bytes).

    `busy` is the processor time in it (s): the rest was spent waiting for answers and for a
    processor.
    """

    took: float
    busy: float
    peak: int
    trouble: str | None


class ControllerProcess:
    """A controller that can be killed; it ends by itself when no run is active."""

    def __init__(self, store: Store, address: str, cluster_key: str, now: float, log: Path) -> None:
        arguments = [store.url, address, cluster_key, repr(now), str(log)]
        self._process = subprocess.Popen([sys.executable, "-m", __name__, *arguments])

    def kill(self) -> None:
        self._process.kill()

    def wait(self, timeout: float) -> bool:
        """Wait for its end; return whether it was killed.

        Raises:
            subprocess.CalledProcessError: it has failed.
        """
        code = self._process.wait(timeout)
        if code not in (0, -signal.SIGKILL):
            raise subprocess.CalledProcessError(code, self._process.args)
        return code != 0


def looks(log: Path) -> list[Look]:
    """Return the looks that the log of controllers tells of, each in a line."""
    return [Look(**json.loads(line)) for line in log.read_text().splitlines()]


def main() -> None:
    url, address, cluster_key, start, log = sys.argv[1:]
    now = float(start)

    def ask(path: str) -> None:
        parts = urlsplit(address)
        connection = http.client.HTTPConnection(parts.netloc, timeout=60)
        connection.request("POST", path, headers={"Authorization": f"Bearer {TOKEN}"})
        connection.getresponse().read()
        connection.close()

    def drain(node_id: str, doomed_at: float) -> None:
        ask(DRAIN + node_id)

    def withdraw(submission_id: str) -> None:
        ask(WITHDRAW + submission_id)

    store = Store(url, patient=True)
    jobs = RayJobs(address, TOKEN)
    controller = Controller(store, jobs, cluster_key, BUNDLE, drain, withdraw, lambda: now)
    with open(log, "a") as file:
        while store.names(layout.active(cluster_key)):
            now += STEP
            trouble = None
            began, busy = time.perf_counter(), time.process_time()
            try:
                controller.tick()
            except ClusterError as error:
                trouble = error.message
            took, busy = time.perf_counter() - began, time.process_time() - busy
            file.write(json.dumps(asdict(Look(took, busy, _peak(), trouble))) + "\n")
            file.flush()


def _peak() -> int:
    """Return the most memory that this process has had, in bytes.

    Source: VmHWM in proc_pid_status(5). The peak of getrusage(2) would be the parent's.
    """
    for line in Path(f"/proc/{os.getpid()}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("this system does not tell the peak of a process's memory")


if __name__ == "__main__":
    main()
