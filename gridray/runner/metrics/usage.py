"""What an attempt's processes take of their machine: CPUs, memory, GPUs and their memory."""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping

from gridray.metricrecords import SYSTEM
from gridray.runner.memory import script_processes

CPU = f"{SYSTEM}cpu"
MEMORY = f"{SYSTEM}memory"
GPU = f"{SYSTEM}gpu"
GPU_MEMORY = f"{SYSTEM}gpu_memory"
MEASURED = (CPU, MEMORY, GPU, GPU_MEMORY)

PROGRAM = "nvidia-smi"
QUERY = ("--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits")
MEBIBYTE = 1024 * 1024
PATIENCE = 5.0
# Seconds that a killed program has to go.
GRACE = 1.0
VISIBLE = "CUDA_VISIBLE_DEVICES"


class Usage:
    """Measures a script: CPUs in use since the last time, bytes in memory, percent of its GPUs."""

    def __init__(
        self, script: Callable[[], int | None], env: Mapping[str, str], gpus: float
    ) -> None:
        """Name what is measured.

        Args:
            script: returns the number of its first process, None if there is none just now.
            env: its environment.
            gpus: how many it has; of a part of one, all of it is measured.
        """
        self._script = script
        self._program = shutil.which(PROGRAM, path=env.get("PATH")) if gpus else None
        self._devices = env.get(VISIBLE)
        self._last: tuple[int, float, float] | None = None

    def measure(self) -> dict[str, float]:
        """Return what can be measured now."""
        script = self._script()
        if script is None:
            return {}
        processes = script_processes(script)
        if not processes:
            return {}
        found = {MEMORY: float(sum(process.resident for process in processes))}
        seconds = sum(process.ticks for process in processes) / os.sysconf("SC_CLK_TCK")
        cpus = self._cpus(script, seconds)
        if cpus is not None:
            found[CPU] = cpus
        return found | self._gpus()

    def _cpus(self, script: int, seconds: float) -> float | None:
        """Return how many CPUs were in use since the last time; None: this is the first one."""
        now = time.monotonic()
        last, self._last = self._last, (script, seconds, now)
        if last is None or last[0] != script:
            return None
        return round(max(0.0, seconds - last[1]) / max(now - last[2], 0.001), 3)

    def _gpus(self) -> dict[str, float]:
        """Return the mean use of the script's GPUs, in percent, and their memory in use, in bytes.

        Source: `nvidia-smi --help-query-gpu`.
        """
        if self._program is None or self._devices == "":
            return {}
        chosen = () if self._devices is None else ("-i", self._devices)
        rows = [line.split(",") for line in self._ask(self._program, *QUERY, *chosen).splitlines()]
        used = _numbers(row[0] for row in rows)
        memory = _numbers(row[-1] for row in rows)
        found = {GPU: sum(used) / len(used)} if used else {}
        return found | ({GPU_MEMORY: sum(memory) * MEBIBYTE} if memory else {})

    def _ask(self, *command: str) -> str:
        """Return what a program prints; one that hangs is not asked again.

        Nor is its end waited for: with a GPU that is lost it may hang in the kernel, unkillable.
        """
        pipe, null = subprocess.PIPE, subprocess.DEVNULL
        try:
            asked = subprocess.Popen(command, stdout=pipe, stderr=null, text=True, errors="replace")
        except OSError:
            return ""
        try:
            printed, _ = asked.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            asked.kill()
            self._program = None
            with contextlib.suppress(subprocess.TimeoutExpired):
                asked.communicate(timeout=GRACE)
            return ""
        return printed if asked.returncode == 0 else ""


def _numbers(texts: Iterable[str]) -> list[float]:
    """Return the numbers; a GPU that is divided up has none."""
    return [float(text) for text in texts if text.strip().replace(".", "", 1).isdecimal()]
