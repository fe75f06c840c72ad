"""How much memory a script takes, and whether the kernel has killed for want of it."""

import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
# A look costs some microseconds for each process of the machine; at most this share of the time is
# spent on it.
LOOK_SHARE = 0.005
KIBIBYTE = 1024


class Process(NamedTuple):
    """A process: its number, those of its parent and its session, its bytes in memory.

    `ticks` are the clock's ticks that it and its children that have ended have used.
    """

    pid: int
    parent: int
    session: int
    resident: int
    ticks: int


class MemoryMeter:
    """The most that all processes of a script have had in memory together, as far as is known.

    Pages that processes share are counted for each of them.
    """

    def __init__(self, script: int) -> None:
        """Name the script's first process, which leads a session, right after it was started."""
        self._script = script
        self._sampled = 0
        self._next_look = 0.0
        # A process begins as a copy of the runner, and the kernel counts that for it too.
        self._inherited = _own_peak()

    def look(self) -> None:
        """Take what the script's processes have now into account, if the last look is not fresh."""
        begun = time.monotonic()
        if begun < self._next_look:
            return
        resident = sum(process.resident for process in script_processes(self._script))
        self._sampled = max(self._sampled, resident)
        self._next_look = begun + (time.monotonic() - begun) / LOOK_SHARE

    def peak(self) -> int | None:
        """Return the most so far, in bytes; None if nothing is known.

        Of processes that have ended the largest one counts, which no look can miss.
        """
        largest = _largest(resource.RUSAGE_CHILDREN)
        return max(self._sampled, largest if largest > self._inherited else 0) or None


def kills_for_memory(proc: Path = PROC) -> int:
    """Return how many processes the kernel has killed for want of memory since it started.

    These are the ones of our own control group, or of the whole machine where there is none; 0 on
    systems that do not count.

    Source: `oom_kill` in the kernel's cgroup-v2.rst (memory.events) and cgroup-v1/memory.rst
    (memory.oom_control), and in proc(5) (/proc/vmstat).
    """
    for file in [*_counters(proc), proc / "vmstat"]:
        try:
            lines = file.read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def _largest(who: int) -> int:
    size = resource.getrusage(who).ru_maxrss
    return size if sys.platform == "darwin" else size * KIBIBYTE


def _own_peak() -> int:
    """Return the most that this process has had, in bytes.

    Source: `VmHWM` in proc(5), /proc/PID/status. What getrusage(2) says includes what the process
    was before it executed this program.
    """
    try:
        lines = (PROC / "self" / "status").read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * KIBIBYTE
    return _largest(resource.RUSAGE_SELF)


def script_processes(script: int) -> list[Process]:
    """Return the living processes of a script's session, and its first process' descendants.

    There are none on systems without /proc.
    """
    processes = list(_processes())
    ours = {process.pid for process in processes if process.session == script}
    while more := {each.pid for each in processes if each.parent in ours} - ours:
        ours |= more
    return [process for process in processes if process.pid in ours]


def _processes() -> Iterator[Process]:
    """Yield the processes of the machine (proc(5), /proc/PID/stat)."""
    try:
        entries = os.listdir(PROC)
    except OSError:
        return
    for entry in entries:
        if not entry.isdigit():
            continue
        try:
            with open(PROC / entry / "stat", "rb") as file:
                values = file.read().rpartition(b") ")[2].split()
        except OSError:
            continue
        resident = int(values[21]) * resource.getpagesize()
        ticks = sum(map(int, values[11:15]))
        yield Process(int(entry), int(values[1]), int(values[3]), resident, ticks)


def _counters(proc: Path) -> Iterator[Path]:
    """Yield the files that may count the kills in our own control group, the best one first."""
    groups = {}
    try:
        for line in (proc / "self" / "cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            groups[controllers] = path
        mounts = [line.split() for line in (proc / "self" / "mountinfo").read_text().splitlines()]
    except (OSError, ValueError):
        return
    version_1 = next((name for name in groups if "memory" in name.split(",")), None)
    for mount in mounts:
        kind, options = mount[mount.index("-") + 1], mount[-1].split(",")
        root, point = mount[3], Path(_unescaped(mount[4]))
        if kind == "cgroup" and "memory" in options and version_1 is not None:
            yield point / _below(root, groups[version_1]) / "memory.oom_control"
        elif kind == "cgroup2" and "" in groups:
            # A group without the controller is counted in the next one above that has it.
            group = point / _below(root, groups[""])
            for place in [group, *group.parents]:
                if place.is_relative_to(point):
                    yield place / "memory.events"


def _below(root: str, path: str) -> str:
    """Return a group's path below a mount that shows what is below `root`."""
    return os.path.relpath(path, root) if Path(path).is_relative_to(root) else "."


def _unescaped(path: str) -> str:
    """Return a path without the octal escapes of /proc/PID/mountinfo."""
    return path.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
