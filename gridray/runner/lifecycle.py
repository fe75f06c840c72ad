"""One attempt at an experiment, from an empty directory to its last word in the store."""

import os
import signal
import socket
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import NoReturn

from gridray import layout, scripts
from gridray.backoff import outlast
from gridray.errors import NotFoundError, StoreError
from gridray.layout import AttemptName
from gridray.outcome import EXIT_FENCED, EXIT_STORE_UNREACHABLE
from gridray.records import FENCED, AttemptState, RunRecord, read_run
from gridray.runner.artifacts import ArtifactSync
from gridray.runner.ending import Ending, ScriptEnd, Wishes, outcome
from gridray.runner.interruption import InterruptionWatch
from gridray.runner.log import LogWriter
from gridray.runner.memory import MemoryMeter, kills_for_memory
from gridray.runner.periodic import Aside, Periodically
from gridray.runner.preparation import EndedError, FailedError, Prepared, blaming, prepare
from gridray.runner.process import AFTERMATH, ScriptProcess
from gridray.runner.word import Word
from gridray.states import Reason, State
from gridray.store import Store

# Seconds before each sync. The first ones come soon, since a runner that is killed outright leaves
# nothing but what was stored; in the long run a look at all files is to cost little.
SYNC_PAUSES = (2.0, 4.0, 8.0, 16.0, 30.0)
# How often the runner looks after itself and its script; the store is asked elsewhere.
LOOK_INTERVAL = 0.5
LOOK_INTERVAL_ENDING = 0.2
# A file that was written a moment ago is read once more. What still changes then is written by a
# process that has left the script's session, and is kept as it was at the last look.
FINAL_SYNCS = 5
FINAL_SYNC_PAUSE = 0.1

# What of a notice is kept for the last sync, and of the rest for the last word, in seconds; and the
# share of the time that is left where it is a short one.
SYNC_RESERVE = 30.0
SYNC_SHARE = 0.3
WORD_RESERVE = 5.0
WORD_SHARE = 0.3

# Exit codes for Ray's eyes; what counts is in state.json.
EXIT_ORPHANED = 98
EXIT_STOPPED = 128 + signal.SIGTERM


@dataclass(frozen=True)
class _Script:
    """A script that runs, and what carries its output and files away."""

    process: ScriptProcess
    pump: threading.Thread
    log: LogWriter
    sync: ArtifactSync
    memory: MemoryMeter
    kills_before: int


class Attempt:
    """The runner's work. `run` does all of it."""

    def __init__(self, store: Store, name: AttemptName, identity: str) -> None:
        """Name an attempt of the run that has this identity; another may get its name."""
        self._wishes = Wishes(store, name, identity)
        self._process: ScriptProcess | None = None
        self._store = store.guarded(self._keep_place)
        self._name = name
        self._identity = identity
        self._word = Word(self._store, name)
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
            stop = self._store.find_json(layout.attempt_stop(self._name))
        except (NotFoundError, StoreError) as error:
            # Not found: this node has another directory of the same name.
            print(f"gridray: {error.message}", file=sys.stderr)  # noqa: T201 (Ray's log)
            return EXIT_STORE_UNREACHABLE
        if record.identity != self._identity or stop == FENCED:
            return EXIT_FENCED
        try:
            self._word.record(self._state)
            with ExitStack() as stack:
                return self._prepare_and_run(record, stack)
        except FailedError as error:
            self._word.record(self._failed(error.reason, error))
            return 1
        except StoreError as error:
            print(f"gridray: {error.message}", file=sys.stderr)  # noqa: T201 (Ray's log)
            if self._state.started_at is not None:
                self._word.mention(self._failed(Reason.STORE_UNREACHABLE, error))
            return EXIT_STORE_UNREACHABLE

    def _keep_place(self) -> None:
        """End before anything is written by an attempt whose place is taken.

        Raises:
            StoreError: the store does not say.
        """
        self._wishes.make_sure()
        if self._wishes.is_fenced:
            _die_fenced(self._process)

    def _failed(self, reason: Reason, error: Exception) -> AttemptState:
        return replace(
            self._state,
            state=State.FAILED,
            reason=reason,
            message=str(error),
            ended_at=time.time(),
        )

    def _prepare_and_run(self, record: RunRecord, stack: ExitStack) -> int:
        stack.enter_context(InterruptionWatch(self._take_notice, self._sync_now.set))
        stack.enter_context(self._wishes.watch())
        try:
            prepared = prepare(self._store, self._name, record, stack, lambda: self._heed(record))
            outlast(self._wishes.look)
            self._heed(record)
        except EndedError as error:
            if error.ending.reason is Reason.FENCED:
                return EXIT_FENCED
            return self._finish(ScriptEnd(None), error.ending, [])
        return self._run_script(self._start(record, prepared), record)

    def _heed(self, record: RunRecord) -> None:
        """Go on preparing, unless there is somebody who does not want that.

        Raises:
            EndedError: the attempt is to end.
        """
        if os.getppid() != self._parent:
            os._exit(EXIT_ORPHANED)
        self._tell_doom()
        if (ending := self._wish(record)) is not None:
            raise EndedError(ending)

    def _start(self, record: RunRecord, prepared: Prepared) -> _Script:
        kills_before = kills_for_memory()
        with blaming(Reason.START_FAILED):
            process = ScriptProcess(
                prepared.command,
                cwd=prepared.sync.root,
                env=prepared.env,
                signal_group=scripts.is_shell(record.script),
                within=prepared.within,
            )
        self._process = process
        memory = MemoryMeter(process.pid)
        self._state = replace(self._state, state=State.RUNNING, started_at=time.time())
        self._word.tell(self._state)
        log = LogWriter(self._store, self._name, "stdout")
        pump = threading.Thread(target=_pump, args=(process, log), name="pump", daemon=True)
        pump.start()
        return _Script(process, pump, log, prepared.sync, memory, kills_before)

    def _run_script(self, script: _Script, record: RunRecord) -> int:
        flow = ExitStack()
        flow.enter_context(Periodically(SYNC_PAUSES, script.sync.sync, self._sync_now))
        exit_code, ending = self._watch(script, record)
        ended_at = time.time()
        end = ScriptEnd(
            exit_code,
            is_shell=scripts.is_shell(record.script),
            memory_kills=kills_for_memory() - script.kills_before,
        )
        self._state = replace(self._state, ended_at=ended_at, peak_memory=script.memory.peak())
        saving = Aside(lambda: self._save(script, flow))
        if self._outlasts(saving):
            return self._finish(end, ending, _not_kept(script.sync))
        # The machine is gone before the store has taken the rest, and says so while it can.
        missing = "not all of its log and files could be stored before its machine went"
        self._finish(end, ending or Ending(Reason.INTERRUPTED, 0), [missing])
        os._exit(EXIT_STOPPED)

    def _save(self, script: _Script, flow: ExitStack) -> None:
        """Bring into the store what a script that has ended leaves behind."""
        script.process.end_group()
        script.pump.join(AFTERMATH)
        script.process.close()
        script.log.release()
        script.pump.join()
        flow.close()
        outlast(self._wishes.look, self._tell_trouble)
        if self._wishes.is_fenced:
            _die_fenced(script.process)
        script.log.close(self._tell_trouble)
        for _ in range(FINAL_SYNCS):
            if outlast(script.sync.sync, self._tell_trouble):
                break
            time.sleep(FINAL_SYNC_PAUSE)

    def _outlasts(self, saving: Aside) -> bool:
        """Wait until all is stored; return whether the machine lives so long.

        Raises:
            StoreError: the store stays out of reach.
        """
        deadline = float("inf")
        while not saving.is_over(LOOK_INTERVAL_ENDING):
            self._tell_doom()
            if self._doomed_at is not None and deadline == float("inf"):
                deadline = time.monotonic() + self._time_left(WORD_RESERVE, WORD_SHARE)
            if time.monotonic() >= deadline:
                return False
        return True

    def _tell_trouble(self, error: StoreError) -> None:
        """Let `status` say what the attempt waits for, if the store takes so little.

        Raises:
            StoreError: a user has asked to stop since the script ended, and so to wait no more.
        """
        if not self._was_stopped and self._is_stopped():
            raise error
        self._word.mention(replace(self._state, message=f"waits for the store: {error.message}"))

    def _watch(self, script: _Script, record: RunRecord) -> tuple[int, Ending | None]:
        """Wait for the script's end, or bring it about; return its exit code and who wished it."""
        process = script.process
        ending: Ending | None = None
        deadline = float("inf")
        while True:
            is_ending = ending is not None or self._interrupted.is_set()
            exit_code = process.wait(LOOK_INTERVAL_ENDING if is_ending else LOOK_INTERVAL)
            if exit_code is not None:
                if ending is None and self._interrupted.is_set() and self._doomed_at is None:
                    # Who sent SIGTERM to the runner may have sent it to the script as well.
                    ending = Ending(Reason.INTERRUPTED, 0)
                return exit_code, ending
            script.memory.look()
            if os.getppid() != self._parent:
                process.kill()
                os._exit(EXIT_ORPHANED)
            if self._wishes.is_fenced:
                _die_fenced(process)
            if ending is None and (ending := self._wish(record)) is not None:
                self._was_stopped = ending.reason is Reason.STOPPED
                deadline = time.monotonic() + ending.grace
                process.terminate()
            self._tell_doom()
            if time.monotonic() >= deadline:
                process.kill()

    def _wish(self, record: RunRecord) -> Ending | None:
        """Return who wants the script to end: controller, user, platform, --max_time, or nobody."""
        if self._wishes.found is not None:
            return self._wishes.found
        if self._interrupted.is_set():
            left = self._time_left(SYNC_RESERVE, SYNC_SHARE)
            return Ending(Reason.INTERRUPTED, min(record.grace, left))
        started_at = self._state.started_at
        if started_at and record.max_time and time.time() - started_at > record.max_time:
            return Ending(Reason.TIMED_OUT, record.grace)
        return None

    def _is_stopped(self) -> bool:
        try:
            return self._store.exists(layout.attempt_stop(self._name))
        except StoreError:
            return False

    def _take_notice(self, doomed_at: float) -> None:
        self._doomed_at = doomed_at
        self._interrupted.set()

    def _tell_doom(self) -> None:
        """Say when the machine goes, so that the controller has nothing more placed on it."""
        if self._doomed_at is not None and self._state.doomed_at is None:
            self._state = replace(self._state, doomed_at=self._doomed_at)
            self._word.tell(self._state)

    def _time_left(self, reserve: float, share: float) -> float:
        """Return the seconds until the machine goes, less a reserve or, if shorter, a share."""
        if self._doomed_at is None:
            return float("inf")
        left = max(0.0, self._doomed_at - time.time())
        return left - min(reserve, share * left)

    def _finish(self, end: ScriptEnd, ending: Ending | None, not_kept: list[str]) -> int:
        """Write the last word."""
        state, reason = outcome(end, ending)
        self._word.record(
            replace(
                self._state,
                state=state,
                reason=reason,
                exit_code=end.shown_code,
                ended_at=self._state.ended_at or time.time(),
                message="; ".join([*end.notes(), *not_kept]) or None,
            )
        )
        shown = end.shown_code
        return EXIT_STOPPED if ending is not None or shown is None else shown


def _die_fenced(process: ScriptProcess | None) -> NoReturn:
    """End at once and write nothing more: what there is belongs to somebody else now."""
    if process is not None:
        process.kill()
    os._exit(EXIT_FENCED)


def _not_kept(sync: ArtifactSync) -> list[str]:
    return [f"{path} was not kept: {why}" for path, why in sorted(sync.not_kept.items())]


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
