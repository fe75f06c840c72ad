"""A played runner: it writes into the store what gridray/runner/lifecycle.py would write."""

from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

from gridray import exitcodes, layout, marks
from gridray.layout import AttemptName
from gridray.placement import InstanceRecord
from gridray.records import FENCED, AttemptState
from gridray.states import Reason, State
from gridray.store import Store
from tests.simulation.fate import STEP, Ending, Fate

# What Ray says of a process that was ended by SIGKILL.
EXIT_KILLED = -9


class PlayedRunner:
    """One attempt's. `exit_code` is None while it lives; `word` is its last word, once written."""

    def __init__(
        self, store: Store, name: AttemptName, fate: Fate, host: str, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._name = name
        self._fate = fate
        self._clock = clock
        machine = InstanceRecord(
            host, "m5.large", "spot", "us-east-1a", share=0.25, price=0.04, since=clock()
        )
        self._state = AttemptState(State.BUILDING, host=host, instance=machine)
        self._life = self._live()
        self.doomed_at: float | None = None
        self.exit_code: int | None = None
        self.word: AttemptState | None = None
        self.word_at: float | None = None

    @property
    def started_at(self) -> float | None:
        return self._state.started_at

    @property
    def has_told_doom(self) -> bool:
        return self._state.doomed_at is not None

    def step(self) -> None:
        """Live for one step."""
        try:
            next(self._life)
        except StopIteration as end:
            self.exit_code = end.value

    def _live(self) -> Generator[None, None, int]:
        """Yield once a step; return the exit code."""
        self._record(self._state)
        for _ in range(self._fate.building):
            yield
        if self._wish() == FENCED:
            return exitcodes.FENCED
        self._record(replace(self._state, state=State.RUNNING, started_at=self._clock()))
        state = yield from self._run()
        if state is None:
            return EXIT_KILLED
        if self._wish() == FENCED:
            return exitcodes.FENCED
        # The script is over; what is left of its log and files is stored, which takes a while.
        state = replace(state, ended_at=self._clock())
        for _ in range(self._fate.syncing):
            yield
        self._record(state)
        self.word, self.word_at = state, self._clock()
        if state.state is State.SUCCEEDED:
            return 0
        own = state.reason is Reason.EXIT_CODE and state.exit_code is not None
        return state.exit_code if own and state.exit_code is not None else exitcodes.STOPPED

    def _run(self) -> Generator[None, None, AttemptState | None]:
        """Play the script; return the last word on it, or None if the runner is killed."""
        for _ in range(self._fate.running):
            yield
            wish = self._wish()
            if wish == FENCED:
                return self._ended(State.FAILED, Reason.FENCED)
            if wish is not None:
                for _ in range(min(2, int(wish["grace"] / STEP))):
                    yield
                return self._ended(State.CANCELLED, Reason.STOPPED, exitcodes.STOPPED)
            if self.doomed_at is not None:
                self._record(replace(self._state, doomed_at=self.doomed_at))
                yield
                return self._ended(State.FAILED, Reason.INTERRUPTED, exitcodes.STOPPED)
        match self._fate.ending:
            case Ending.FAILS:
                return self._ended(State.FAILED, Reason.EXIT_CODE, self._fate.exit_code)
            case Ending.INTERRUPTED:
                return self._ended(State.FAILED, Reason.INTERRUPTED, exitcodes.STOPPED)
            case Ending.RUNNER_KILLED:
                return None
        return self._ended(State.SUCCEEDED, None, 0)

    def _ended(
        self, state: State, reason: Reason | None, exit_code: int | None = None
    ) -> AttemptState:
        return replace(self._state, state=state, reason=reason, exit_code=exit_code)

    def _wish(self) -> dict[str, Any] | None:
        """Return what the controller wants: FENCED, the grace of a stop, or nothing."""
        found = self._store.find_json(layout.attempt_stop(self._name))
        return None if found is None else marks.unmarked(found, found.get(marks.IDENTITY, ""))

    def _record(self, state: AttemptState) -> None:
        self._state = state
        self._store.put_json(layout.attempt_state(self._name), state.to_json())
