"""One attempt at an experiment, from an empty directory to its last word in the store."""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from gridray import layout, scripts
from gridray.backoff import outlast
from gridray.errors import GridrayError, NotFoundError, StoreError
from gridray.layout import AttemptName
from gridray.outcome import EXIT_STORE_UNREACHABLE
from gridray.records import FENCED, AttemptState, RunRecord, read_points, read_run
from gridray.runner.artifacts import ArtifactSync
from gridray.runner.environment import python_command, script_environment
from gridray.runner.interruption import InterruptionWatch
from gridray.runner.log import LogWriter
from gridray.runner.process import AFTERMATH, ScriptProcess, kills_for_memory
from gridray.runner.workspace import Workspace
from gridray.states import Reason, State
from gridray.store import Store

SYNC_INTERVAL = 30.0
# How often the runner looks whether it is to stop; a request costs money on S3, none on a disk.
STOP_INTERVAL_DIRECTORY = 0.5
STOP_INTERVAL_S3 = 2.0
# A file that was written a moment ago is read once more. What still changes then is written by a
# process that has left the script's session, and is kept as it was at the last look.
FINAL_SYNCS = 5
FINAL_SYNC_PAUSE = 0.1

# What of a notice is kept for the last sync, and the share of it where it is a short one.
SYNC_RESERVE = 30.0
SYNC_SHARE = 0.3

# Exit codes for Ray's eyes; what counts is in state.json.
EXIT_ORPHANED = 98
EXIT_FENCED = 99
EXIT_STOPPED = 128 + signal.SIGTERM


@dataclass(frozen=True)
class Ending:
    """Somebody's wish that the script end: why, and how long it may take, in seconds."""

    reason: Reason
    grace: float


class Attempt:
    """The runner's work. `run` does all of it."""

    def __init__(self, store: Store, name: AttemptName, identity: str) -> None:
        """Name an attempt of the run that has this identity; another may get its name."""
        self._store = store
        self._name = name
        self._identity = identity
        self._state = AttemptState(State.BUILDING, host=socket.gethostname())
        self._interrupted = threading.Event()
        self._sync_now = threading.Event()
        self._doomed_at: float | None = None
        self._was_stopped = False
        self._parent = os.getppid()

    def run(self) -> int:
        """Prepare, run and record the attempt; return the exit code for Ray."""
        signal.signal(signal.SIGTERM, lambda *_: self._interrupted.set())
        try:
            record = read_run(self._store, self._name.run)
        except (NotFoundError, StoreError) as error:
            # Not found: this node has another directory of the same name.
            print(f"gridray: {error.message}", file=sys.stderr)  # noqa: T201 (Ray's log)
            return EXIT_STORE_UNREACHABLE
        try:
            if record.identity != self._identity:
                return EXIT_FENCED
            point = read_points(self._store, self._name.run)[self._name.index]
            self._record(self._state)
            with Workspace(self._name) as workspace:
                workspace.unpack(self._store, record.source)
                command = scripts.command(record.script, point.argv, python=python_command())
                env = script_environment(
                    os.environ,
                    record,
                    self._name,
                    workdir=workspace.root,
                    temporary=workspace.temporary,
                    bundle=Path.cwd(),
                )
                return self._run_script(record, workspace, command, env)
        except NotFoundError as error:
            return self._fail(Reason.SOURCE_MISSING, error)
        except StoreError as error:
            print(f"gridray: {error.message}", file=sys.stderr)  # noqa: T201 (Ray's log)
            self._give_up(error)
            return EXIT_STORE_UNREACHABLE
        except (GridrayError, OSError) as error:
            return self._fail(Reason.START_FAILED, error)

    def _fail(self, reason: Reason, error: Exception) -> int:
        self._record(self._failed(reason, error))
        return 1

    def _give_up(self, error: StoreError) -> None:
        """Say that the store has failed for too long, if it takes so little."""
        failed = self._failed(Reason.STORE_UNREACHABLE, error)
        try:
            self._store.put_json(layout.attempt_state(self._name), failed.to_json())
        except StoreError:
            return

    def _failed(self, reason: Reason, error: Exception) -> AttemptState:
        return replace(
            self._state,
            state=State.FAILED,
            reason=reason,
            message=str(error),
            ended_at=time.time(),
        )

    def _tell_trouble(self, error: StoreError) -> None:
        """Let `status` say what the attempt waits for, if the store takes so little.

        Raises:
            StoreError: a user has asked to stop since the script ended, and so to wait no more.
        """
        if not self._was_stopped and self._is_stopped():
            raise error
        told = replace(self._state, message=f"waits for the store: {error.message}")
        try:
            self._store.put_json(layout.attempt_state(self._name), told.to_json())
        except StoreError:
            return

    def _record(self, state: AttemptState) -> None:
        self._state = state
        outlast(lambda: self._store.put_json(layout.attempt_state(self._name), state.to_json()))

    def _run_script(
        self, record: RunRecord, workspace: Workspace, command: list[str], env: Mapping[str, str]
    ) -> int:
        sync = ArtifactSync(self._store, self._name, workspace.root, workspace.source_files)
        sync.restore()
        if (ending := self._wish(record)) is not None:
            return self._finish(None, ending, {})
        killed_for_memory = kills_for_memory()
        process = ScriptProcess(
            command,
            cwd=workspace.root,
            env=env,
            signal_group=scripts.is_shell(record.script),
        )
        self._record(replace(self._state, state=State.RUNNING, started_at=time.time()))
        log = LogWriter(self._store, self._name, "stdout")
        pump = threading.Thread(target=_pump, args=(process, log), name="pump", daemon=True)
        pump.start()
        with (
            InterruptionWatch(self._take_notice, self._sync_now.set),
            _Periodically(SYNC_INTERVAL, sync.sync, self._sync_now),
        ):
            exit_code, ending = self._watch(process, record)
            ended_at = time.time()
            process.end_group()
            pump.join(AFTERMATH)
            process.close()
            # What is in the pipe is still carried, however long the store takes for it.
            pump.join()
        if outlast(self._is_fenced, self._tell_trouble):
            _die_fenced(process)
        self._state = replace(self._state, ended_at=ended_at)
        log.close(self._tell_trouble)
        for _ in range(FINAL_SYNCS):
            if outlast(sync.sync, self._tell_trouble):
                break
            time.sleep(FINAL_SYNC_PAUSE)
        if exit_code == -signal.SIGKILL and kills_for_memory() > killed_for_memory:
            return self._finish(exit_code, ending, sync.not_kept, Reason.OUT_OF_MEMORY)
        return self._finish(exit_code, ending, sync.not_kept)

    def _watch(self, process: ScriptProcess, record: RunRecord) -> tuple[int, Ending | None]:
        """Wait for the script's end, or bring it about; return its exit code and who wished it."""
        on_disk = self._store.is_directory
        interval = STOP_INTERVAL_DIRECTORY if on_disk else STOP_INTERVAL_S3
        ending: Ending | None = None
        deadline = float("inf")
        while True:
            exit_code = process.wait(0.2 if self._interrupted.is_set() else interval)
            if exit_code is not None:
                return exit_code, ending
            if os.getppid() != self._parent:
                process.kill()
                os._exit(EXIT_ORPHANED)
            wish = self._wish(record)
            if wish is not None and wish.reason is Reason.FENCED:
                _die_fenced(process)
            if ending is None and wish is not None:
                ending = wish
                self._was_stopped = ending.reason is Reason.STOPPED
                deadline = time.monotonic() + ending.grace
                process.terminate()
                if self._doomed_at is not None:
                    # So that the controller has nothing more placed on this machine.
                    self._record(replace(self._state, doomed_at=self._doomed_at))
            if time.monotonic() >= deadline:
                process.kill()

    def _wish(self, record: RunRecord) -> Ending | None:
        """Return who wants the script to end: controller, user, platform, --max_time, or nobody."""
        try:
            if self._is_fenced():
                return Ending(Reason.FENCED, 0)
            stop = self._store.find_json(layout.attempt_stop(self._name))
        except StoreError:
            stop = None
        if stop is not None:
            return Ending(Reason.STOPPED, stop["grace"])
        if self._interrupted.is_set():
            return Ending(Reason.INTERRUPTED, min(record.grace, self._time_to_save()))
        started_at = self._state.started_at
        if started_at and record.max_time and time.time() - started_at > record.max_time:
            return Ending(Reason.TIMED_OUT, record.grace)
        return None

    def _is_stopped(self) -> bool:
        try:
            return self._store.exists(layout.attempt_stop(self._name))
        except StoreError:
            return False

    def _is_fenced(self) -> bool:
        """Whether another attempt has taken the place of this one, or its run is gone.

        Raises:
            StoreError: the store does not say.
        """
        stop = self._store.find_json(layout.attempt_stop(self._name))
        record = self._store.find_json(layout.run_record(self._name.run))
        return stop == FENCED or record is None or record["identity"] != self._identity

    def _take_notice(self, doomed_at: float) -> None:
        self._doomed_at = doomed_at
        self._interrupted.set()

    def _time_to_save(self) -> float:
        """Return how long the script may take before the machine goes, in seconds."""
        if self._doomed_at is None:
            return float("inf")
        left = max(0.0, self._doomed_at - time.time())
        return left - min(SYNC_RESERVE, SYNC_SHARE * left)

    def _finish(
        self,
        exit_code: int | None,
        ending: Ending | None,
        not_kept: Mapping[str, str],
        cause: Reason | None = None,
    ) -> int:
        """Write the last word, now that logs and artifacts are safe."""
        state, reason = _outcome(exit_code, ending)
        if ending is None and cause is not None:
            reason = cause
        notes = [f"{path} was not kept: {why}" for path, why in sorted(not_kept.items())]
        if exit_code is not None and exit_code < 0:
            notes.insert(0, f"killed by {_signal_name(-exit_code)}")
        shown = exit_code if exit_code is None or exit_code >= 0 else 128 - exit_code
        self._record(
            replace(
                self._state,
                state=state,
                reason=reason,
                exit_code=shown,
                ended_at=self._state.ended_at or time.time(),
                message="; ".join(notes) or None,
            )
        )
        return EXIT_STOPPED if ending is not None or shown is None else shown


def _die_fenced(process: ScriptProcess) -> NoReturn:
    """End at once and write nothing more: what there is belongs to somebody else now."""
    process.kill()
    os._exit(EXIT_FENCED)


def _outcome(exit_code: int | None, ending: Ending | None) -> tuple[State, Reason | None]:
    if ending is not None:
        stopped = ending.reason is Reason.STOPPED
        return State.CANCELLED if stopped else State.FAILED, ending.reason
    if exit_code == 0:
        return State.SUCCEEDED, None
    killed = exit_code is not None and exit_code < 0
    return State.FAILED, Reason.SIGNAL if killed else Reason.EXIT_CODE


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _pump(process: ScriptProcess, log: LogWriter) -> None:
    """Carry the script's output to the store's log and, while it takes it, to Ray's."""
    to_ray = True
    for data in process.output():
        log.write(data)
        if to_ray:
            to_ray = _write_all(data)


def _write_all(data: bytes) -> bool:
    try:
        while data:
            data = data[os.write(1, data) :]
    except OSError:
        return False
    return True


class _Periodically:
    """A context in which something is done with the store every so often, or when it is asked for.

    A failure waits for the next time.
    """

    def __init__(
        self, interval: float, action: Callable[[], object], asked: threading.Event
    ) -> None:
        self._interval = interval
        self._action = action
        self._asked = asked
        self._is_over = False
        self._thread = threading.Thread(target=self._loop, name="sync", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self._asked.set()
        self._thread.join()

    def _loop(self) -> None:
        while True:
            self._asked.wait(self._interval)
            self._asked.clear()
            if self._is_over:
                return
            try:
                self._action()
            except StoreError:
                continue
