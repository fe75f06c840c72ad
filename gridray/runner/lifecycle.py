"""One attempt at an experiment, from an empty directory to its last word in the store."""

import os
import signal
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, NoReturn

from gridray import exitcodes, layout, marks, scripts
from gridray.backoff import outlast
from gridray.errors import NotFoundError, StoreError
from gridray.layout import AttemptName
from gridray.records import FENCED, AttemptState, RunRecord, read_run
from gridray.runner.commands import BASH
from gridray.runner.ending import Deadline, Ending, ScriptEnd, Wishes, exit_words, outcome, told
from gridray.runner.flow import Flow
from gridray.runner.instance import Identification
from gridray.runner.interruption import InterruptionWatch
from gridray.runner.memory import MemoryMeter, kills_for_memory
from gridray.runner.metering import Metering
from gridray.runner.periodic import Aside
from gridray.runner.preparation import EndedError, FailedError, Prepared, prepare
from gridray.runner.process import ScriptProcess
from gridray.runner.word import Word
from gridray.states import Reason, State
from gridray.store import Store

# Seconds that the first word waits for what machine this is; a later one says it otherwise.
IDENTIFYING = 0.5
# How often the runner looks after itself and its script; the store is asked elsewhere.
LOOK_INTERVAL = 0.5
LOOK_INTERVAL_ENDING = 0.2
# What of a notice is kept for the last sync, and of the rest for the last word, in seconds; and the
# share of the time that is left where it is a short one.
SYNC_RESERVE = 30.0
SYNC_SHARE = 0.3
WORD_RESERVE = 5.0
WORD_SHARE = 0.3


class Attempt:
    """The runner's work. `run` does all of it."""

    def __init__(self, store: Store, name: AttemptName, identity: str) -> None:
        """Name an attempt of the run that has this identity; another may get its name."""
        self._wishes = Wishes(store, name, identity)
        self._flow: Flow | None = None
        self._store = store.guarded(self._keep_place)
        self._name = name
        self._identity = identity
        self._word = Word(self._store, name)
        host = os.uname().nodename
        self._state = AttemptState(State.BUILDING, host=host, identity=identity)
        self._interrupted = threading.Event()
        self._sync_now = threading.Event()
        self._doomed_at: float | None = None
        self._was_stopped = False
        self._parent = os.getppid()
        self._machine: Identification | None = None

    def run(self) -> int:
        """Prepare, run and record the attempt; return the exit code for Ray."""
        signal.signal(signal.SIGTERM, lambda *_: self._interrupted.set())
        try:
            record = read_run(self._store, self._name.run)
            self._machine = Identification(self._store, record)
            stop = self._wish_in_store()
        except (NotFoundError, StoreError) as error:
            # Not found: this node has another directory of the same name.
            print(f"gridray: {error.message}", file=sys.stderr)  # noqa: T201 (Ray's log)
            return exitcodes.STORE_UNREACHABLE
        if record.identity != self._identity or stop == FENCED:
            return exitcodes.FENCED
        self._state = replace(self._state, instance=self._machine.wait(IDENTIFYING))
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
            return exitcodes.STORE_UNREACHABLE

    def _keep_place(self) -> None:
        """End before anything is written by an attempt whose place is taken.

        Raises:
            StoreError: the store does not say.
        """
        self._wishes.make_sure()
        if self._wishes.is_fenced:
            self._die_fenced()

    def _die_fenced(self) -> NoReturn:
        """End at once and write nothing more: what there is belongs to somebody else now."""
        if self._flow is not None and self._flow.process is not None:
            self._flow.process.kill()
        os._exit(exitcodes.FENCED)

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
                return exitcodes.FENCED
            return self._finish(ScriptEnd(None), error.ending, [])
        return self._run_prepared(record, prepared)

    def _heed(self, record: RunRecord) -> None:
        """Go on preparing, unless there is somebody who does not want that.

        Raises:
            EndedError: the attempt is to end.
        """
        if os.getppid() != self._parent:
            os._exit(exitcodes.ORPHANED)
        self._tell_news()
        if (ending := self._wish(record)) is not None:
            raise EndedError(ending)

    def _run_prepared(self, record: RunRecord, prepared: Prepared) -> int:
        sync, within = prepared.sync, prepared.within
        metering = Metering(self._store, self._name, record, sync, prepared.env)
        self._flow = flow = Flow(self._store, self._name, sync, self._sync_now, metering, within)
        end, ending = self._run_script(flow, record, prepared)
        notes = self._run_end_actions(flow, record, prepared, end, ending)
        self._state = replace(self._state, ended_at=time.time())
        saving = Aside(lambda: flow.save(self._look_before_saving, self._tell_trouble))
        is_saved = self._outlasts(saving)
        self._state = replace(self._state, metrics=metering.summaries())
        if is_saved:
            return self._finish(end, ending, [*notes, *flow.not_kept])
        # The machine is gone before the store has taken the rest, and says so while it can.
        missing = "not all of its log and files could be stored before its machine went"
        self._finish(end, ending or Ending(Reason.INTERRUPTED, 0), [*notes, missing])
        os._exit(exitcodes.STOPPED)

    def _run_script(
        self, flow: Flow, record: RunRecord, prepared: Prepared
    ) -> tuple[ScriptEnd, Ending | None]:
        """Run the actions before the script, and it, until one of them is the end."""
        for line in record.on_experiment_start:
            failure = Reason.ACTION_FAILED, f"on_experiment_start ({line}) failed"
            try:
                process = flow.start([*BASH, line], prepared.env, signal_group=True)
            except OSError as error:
                return ScriptEnd(None, failure=(failure[0], f"{failure[1]}: {error}")), None
            self._tell_start()
            exit_code, ending = self._watch(process, record)
            flow.settle(lambda: self._is_pressed(record))
            if ending is not None:
                return ScriptEnd(exit_code), ending
            if exit_code != 0:
                return ScriptEnd(exit_code, failure=failure), None
        kills_before = kills_for_memory()
        is_shell = scripts.is_shell(record.script)
        try:
            process = flow.start(prepared.command, prepared.env, signal_group=is_shell)
        except OSError as error:
            return ScriptEnd(None, failure=(Reason.START_FAILED, str(error))), None
        self._tell_start()
        memory = MemoryMeter(process.pid)
        exit_code, ending = self._watch(process, record, memory=memory)
        self._state = replace(self._state, peak_memory=memory.peak())
        kills = kills_for_memory() - kills_before
        return ScriptEnd(exit_code, is_shell=is_shell, memory_kills=kills), ending

    def _run_end_actions(
        self,
        flow: Flow,
        record: RunRecord,
        prepared: Prepared,
        end: ScriptEnd,
        ending: Ending | None,
    ) -> list[str]:
        """Run the actions after the script, all of them; return what is to be said of them."""
        env = prepared.env | told(end, ending)
        deadline = Deadline(self._aftertime(record, ending))
        notes = []
        for line in record.on_experiment_end:
            what = f"on_experiment_end ({line})"
            flow.settle(lambda: self._is_pressed(record))
            if ending is not None:
                deadline.grant(self._most())
            if deadline.is_over:
                notes.append(f"there was no time for {what}")
                continue
            try:
                process = flow.start([*BASH, line], env, signal_group=True)
            except OSError as error:
                notes.append(f"{what} failed: {error}")
                continue
            exit_code, wish = self._watch(process, record, ending=ending, deadline=deadline)
            if ending is None and wish is not None:
                ending = wish
                deadline = Deadline(self._aftertime(record, wish))
            if exit_code != 0:
                notes.append(f"{what} failed: {exit_words(exit_code)}")
        return notes

    def _tell_start(self) -> None:
        if self._state.started_at is None:
            self._state = replace(self._state, state=State.RUNNING, started_at=time.time())
            self._word.tell(self._state)

    def _aftertime(self, record: RunRecord, ending: Ending | None) -> float:
        """Return the seconds that the actions after the script may take together."""
        if ending is None:
            return float("inf")
        grace = ending.grace if ending.reason is Reason.STOPPED else record.grace
        return min(grace, self._most())

    def _most(self) -> float:
        """Return the seconds that what is ending may take now: a notice or a stop leaves less."""
        return min(self._wishes.grace, self._time_left(SYNC_RESERVE, SYNC_SHARE))

    def _is_pressed(self, record: RunRecord) -> bool:
        """Whether somebody wants the attempt to end; whoever may not even go on, ends here."""
        self._check_place()
        self._tell_news()
        return self._wish(record) is not None

    def _check_place(self) -> None:
        """End at once if nobody is there any more who would care, or somebody else is."""
        if os.getppid() != self._parent:
            if self._flow is not None and self._flow.process is not None:
                self._flow.process.kill()
            os._exit(exitcodes.ORPHANED)
        if self._wishes.is_fenced:
            self._die_fenced()

    def _look_before_saving(self) -> None:
        outlast(self._wishes.look, self._tell_trouble)
        if self._wishes.is_fenced:
            self._die_fenced()

    def _outlasts(self, saving: Aside) -> bool:
        """Wait until all is stored; return whether the machine lives so long.

        Raises:
            StoreError: the store stays out of reach.
        """
        deadline = float("inf")
        while not saving.is_over(LOOK_INTERVAL_ENDING):
            self._tell_news()
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

    def _watch(
        self,
        process: ScriptProcess,
        record: RunRecord,
        *,
        ending: Ending | None = None,
        deadline: Deadline | None = None,
        memory: MemoryMeter | None = None,
    ) -> tuple[int, Ending | None]:
        """Wait for a process's end, or bring it about; return its exit code and who wished it.

        Args:
            ending: what is known already; the process ends by itself, or at the deadline.
        """
        deadline = deadline or Deadline()
        while True:
            is_ending = ending is not None or self._interrupted.is_set()
            exit_code = process.wait(LOOK_INTERVAL_ENDING if is_ending else LOOK_INTERVAL)
            if exit_code is not None:
                if ending is None and self._interrupted.is_set() and self._doomed_at is None:
                    # Who sent SIGTERM to the runner may have sent it to the script as well.
                    ending = Ending(Reason.INTERRUPTED, 0)
                return exit_code, ending
            if memory is not None:
                memory.look()
            self._check_place()
            if ending is None and (ending := self._wish(record)) is not None:
                self._was_stopped = ending.reason is Reason.STOPPED
                deadline.grant(ending.grace)
                process.terminate()
            self._tell_news()
            if ending is not None:
                deadline.grant(self._most())
            if deadline.is_over:
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
            return self._wish_in_store() is not None
        except StoreError:
            return False

    def _wish_in_store(self) -> dict[str, Any] | None:
        raw = self._store.find_json(layout.attempt_stop(self._name))
        return marks.unmarked(raw, self._identity)

    def _take_notice(self, doomed_at: float) -> None:
        self._doomed_at = doomed_at
        self._interrupted.set()

    def _tell_news(self) -> None:
        """Say what machine it is, and when that goes, so that nothing more is placed on it."""
        if self._state.instance is None and self._machine and self._machine.found:
            self._state = replace(self._state, instance=self._machine.found)
            self._word.tell(self._state)
        if self._doomed_at is not None and self._state.doomed_at is None:
            self._state = replace(self._state, doomed_at=self._doomed_at)
            self._word.tell(self._state)

    def _time_left(self, reserve: float, share: float) -> float:
        """Return the seconds until the machine goes, less a reserve or, if shorter, a share."""
        if self._doomed_at is None:
            return float("inf")
        left = max(0.0, self._doomed_at - time.time())
        return left - min(reserve, share * left)

    def _cause(self, ending: Ending | None) -> list[str]:
        """Return what of the platform has ended the attempt, if it has."""
        if ending is None or ending.reason is not Reason.INTERRUPTED:
            return []
        if self._doomed_at is None:
            return ["its runner was sent SIGTERM"]
        moment = datetime.fromtimestamp(self._doomed_at, timezone.utc)
        return [f"its machine was announced to go at {moment:%H:%M:%S} UTC (spot notice)"]

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
                message="; ".join([*self._cause(ending), *end.notes(), *not_kept]) or None,
            )
        )
        shown = end.shown_code
        if ending is not None:
            return exitcodes.STOPPED
        return 1 if shown is None else shown
