"""What carries the output and the files of an attempt's processes into the store."""

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack

from gridray.backoff import outlast
from gridray.errors import StoreError
from gridray.layout import AttemptName
from gridray.runner.artifacts import ArtifactSync
from gridray.runner.log import LogWriter
from gridray.runner.metering import Metering
from gridray.runner.periodic import Periodically
from gridray.runner.process import AFTERMATH, ScriptProcess
from gridray.store import Store

# Seconds before each sync. The first ones come soon, since a runner that is killed outright leaves
# nothing but what was stored; in the long run a look at all files is to cost little.
SYNC_PAUSES = (2.0, 4.0, 8.0, 16.0, 30.0)
# A file that was written a moment ago is read once more. What still changes then is written by a
# process that has left the script's session, and is kept as it was at the last look.
FINAL_SYNCS = 5
FINAL_SYNC_PAUSE = 0.1
LOOK_INTERVAL = 0.2


class Flow:
    """The way into the store, for one process after the other; `process` is the latest."""

    def __init__(
        self,
        store: Store,
        name: AttemptName,
        sync: ArtifactSync,
        sync_now: threading.Event,
        metering: Metering,
        within: Sequence[str] = (),
    ) -> None:
        """Carry what processes print, create and measure.

        Args:
            sync_now: is set to have files stored at once.
            within: the words of a program that becomes each of the processes.
        """
        self._within = within
        self._sync = sync
        self._metering = metering
        self._log = LogWriter(store, name, "stdout")
        self._pump: threading.Thread | None = None
        self.process: ScriptProcess | None = None
        self._regular = ExitStack()
        self._regular.enter_context(Periodically(SYNC_PAUSES, sync.sync, sync_now))
        self._regular.enter_context(metering.regularly(self._pid))

    @property
    def not_kept(self) -> list[str]:
        """What could not be stored, or read, and why."""
        files = [f"{path} was not kept: {why}" for path, why in sorted(self._sync.not_kept.items())]
        return [*files, *self._metering.notes]

    def start(
        self, command: Sequence[str], env: Mapping[str, str], *, signal_group: bool
    ) -> ScriptProcess:
        """Start a process in the working directory; the one before has to be settled.

        Raises:
            OSError: it cannot be started.
        """
        process = ScriptProcess(
            command,
            cwd=self._sync.root,
            env=env,
            signal_group=signal_group,
            within=self._within,
        )
        self.process = process
        takers = (self._log.write, self._metering.feed)
        pump = threading.Thread(target=_pump, args=(process, takers), name="pump", daemon=True)
        pump.start()
        self._pump = pump
        return process

    def settle(self, look: Callable[[], bool]) -> None:
        """End what a process has left behind, and wait until its output is on its way.

        Args:
            look: called meanwhile; returns whether there is no time to wait for a slow store.
        """
        if self.process is None or self._pump is None:
            return
        self.process.end_group()
        self._pump.join(AFTERMATH)
        self.process.close()
        while self._pump.is_alive():
            if look():
                self._log.release()
            self._pump.join(LOOK_INTERVAL)
        self.process = self._pump = None

    def save(self, look: Callable[[], None], trouble: Callable[[StoreError], None]) -> None:
        """Bring into the store what the last process leaves behind; nothing can follow.

        Args:
            look: called once the regular syncs are over, before anything more is written.
            trouble: told of each failure of the store that is to be outlasted.

        Raises:
            StoreError: the store stays out of reach.
        """
        self.settle(lambda: True)
        self._log.release()
        self._regular.close()
        look()
        self._log.close(trouble)
        for _ in range(FINAL_SYNCS):
            if outlast(self._sync.sync, trouble):
                break
            time.sleep(FINAL_SYNC_PAUSE)
        outlast(lambda: self._metering.look(is_last=True), trouble)

    def _pid(self) -> int | None:
        return None if self.process is None else self.process.pid


def _pump(process: ScriptProcess, takers: Iterable[Callable[[bytes], None]]) -> None:
    """Carry a process's output to who takes it and, while it takes it, to Ray's log."""
    to_ray = True
    for data in process.output():
        for take in takers:
            take(data)
        if to_ray:
            to_ray = _write_all(data)


def _write_all(data: bytes) -> bool:
    try:
        while data:
            data = data[os.write(1, data) :]
    except OSError:
        return False
    return True
