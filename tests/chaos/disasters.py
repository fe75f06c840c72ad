"""What may happen to a cluster and its store, in an order that a seed decides."""

import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

from gridray import layout
from gridray.layout import AttemptName
from gridray.records import FENCED
from gridray.store import Store
from tests.cluster.autoscaling import AutoscalingCluster
from tests.s3 import S3Server

WORK_TIMEOUT = 30.0
# Seconds for which a runner is back before its node, which would end it at once.
HEAD_START = 3.0
RUNNER = ["-m", "gridray.runner"]


@dataclass
class Disasters:
    """A context that thaws what is still frozen at its end."""

    cluster: AutoscalingCluster
    s3: S3Server
    store: Store
    random: random.Random
    told: list[str] = field(default_factory=list)
    cut_off: set[AttemptName] = field(default_factory=set)
    """Attempts whose node was frozen for a time."""
    replaced: dict[AttemptName, dict[str, bytes]] = field(default_factory=dict)
    """Those of them that were replaced meanwhile, and what they had stored when they came back."""
    _thaws: list[tuple[float, list[psutil.Process], list[AttemptName]]] = field(
        default_factory=list
    )

    def sequence(self) -> list[Callable[[], str]]:
        """Return everything that can happen, each once, in an order that chance decides."""
        kinds: list[Callable[[], str]] = [
            self._kill_runner,
            self._kill_script,
            self._interrupt_runner,
            self._kill_node,
            self._freeze_node,
            self._kill_controller,
            self._stall_store,
            self._stop_store,
        ]
        return self.random.sample(kinds, len(kinds))

    def strike(self, kind: Callable[[], str]) -> None:
        """Let one thing happen, and come back what is to come back by now."""
        self._wait_for_work()
        self.thaw(time.monotonic())
        self.told.append(f"{kind.__name__.strip('_')} {kind()}")

    def _wait_for_work(self) -> None:
        """Wait until something runs that can be hit, or all seems to be over."""
        deadline = time.monotonic() + WORK_TIMEOUT
        while not self._named("main.py") and time.monotonic() < deadline:
            self.thaw(time.monotonic())
            time.sleep(0.2)

    def thaw(self, until: float = float("inf")) -> None:
        """Let what was frozen go on."""
        for entry in list(self._thaws):
            at, processes, attempts = entry
            if at > until:
                continue
            self._thaws.remove(entry)
            for name in attempts:
                wish = self.store.find_json(layout.attempt_stop(name)) or {}
                if wish.items() >= FENCED.items():
                    self.replaced[name] = stored_by(self.store, name)
            _wake_runners_first(processes)

    def _kill_runner(self) -> str:
        return self._hit(self._runners(), signal.SIGKILL)

    def _interrupt_runner(self) -> str:
        return self._hit(self._runners(), signal.SIGTERM)

    def _kill_script(self) -> str:
        return self._hit(self._named("main.py"), signal.SIGKILL)

    def _kill_controller(self) -> str:
        return self._hit(self._named("ray::ControllerActor"), signal.SIGKILL)

    def _kill_node(self) -> str:
        raylet = self._busy_raylet()
        if raylet is None:
            return "none"
        _send(raylet, signal.SIGKILL)
        return str(raylet.pid)

    def _freeze_node(self) -> str:
        """Cut a node off for so long that Ray calls it dead, and let it come back."""
        raylet = self._busy_raylet()
        if raylet is None:
            return "none"
        processes = [raylet, *raylet.children(recursive=True)]
        attempts = [attempt_of(each) for each in processes if _is_runner(each)]
        for process in processes:
            _send(process, signal.SIGSTOP)
        self.cut_off.update(attempts)
        self._thaws.append((time.monotonic() + self.random.uniform(10, 20), processes, attempts))
        return ", ".join(map(str, attempts))

    def _busy_raylet(self) -> psutil.Process | None:
        """Return a node, as its first process, that runs something, if there is one."""
        found = {raylet for runner in self._runners() if (raylet := _raylet_of(runner))}
        return self.random.choice(sorted(found, key=lambda each: each.pid)) if found else None

    def _stall_store(self) -> str:
        duration = self.random.uniform(1, 8)
        self.s3.freeze()
        time.sleep(duration)
        self.s3.thaw()
        return f"{duration:.1f} s"

    def _stop_store(self) -> str:
        """Kill it and start it again, which takes it a dozen seconds."""
        self.s3.stop()
        self.s3.start()
        return ""

    def _runners(self) -> list[psutil.Process]:
        return [each for each in self.cluster.processes() if _is_runner(each)]

    def _named(self, word: str) -> list[psutil.Process]:
        return [each for each in self.cluster.processes() if word in _command(each)]

    def _hit(self, processes: list[psutil.Process], number: signal.Signals) -> str:
        if not processes:
            return "none"
        chosen = self.random.choice(sorted(processes, key=lambda each: each.pid))
        told = " ".join(_command(chosen)[-2:])
        _send(chosen, number)
        return told


@contextmanager
def thawing(disasters: Disasters) -> Iterator[Disasters]:
    try:
        yield disasters
    finally:
        disasters.thaw()


def _wake_runners_first(processes: list[psutil.Process]) -> None:
    runners = [each for each in processes if _is_runner(each)]
    scripts = [child for each in runners for child in each.children(recursive=True)]
    for process in [*runners, *scripts]:
        _send(process, signal.SIGCONT)
    if runners:
        time.sleep(HEAD_START)
    for process in processes:
        _send(process, signal.SIGCONT)


def attempt_of(runner: psutil.Process) -> AttemptName:
    run, _, index, attempt = _command(runner)[-4:]
    return AttemptName(run, int(index), int(attempt))


def stored_by(store: Store, name: AttemptName) -> dict[str, bytes]:
    """Return what an attempt itself has put into the store."""
    keys = [entry.key for entry in store.entries(layout.attempt_prefix(name))]
    return store.get_many(key for key in keys if key != layout.attempt_stop(name))


def _is_runner(process: psutil.Process) -> bool:
    return _command(process)[1:3] == RUNNER


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _raylet_of(runner: psutil.Process) -> psutil.Process | None:
    try:
        return next((each for each in runner.parents() if each.name() == "raylet"), None)
    except psutil.Error:
        return None


def _send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.Error:
        return
