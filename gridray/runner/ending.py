"""Who wants an attempt to end, and what it is called once it has ended."""

import signal
import time
from dataclasses import dataclass

from gridray import layout, marks
from gridray.layout import AttemptName
from gridray.records import FENCED
from gridray.runner.periodic import Periodically
from gridray.states import Reason, State
from gridray.store import Store

# How often the store is asked, in seconds; a request costs money on S3, none on a disk.
LOOK_INTERVAL_DIRECTORY = 0.5
LOOK_INTERVAL_S3 = 2.0
# Seconds for which an answer holds; a lost node is noticed, and its place taken, no sooner.
LEASE = 5.0
SHELLS_SIGKILL = 128 + signal.SIGKILL


@dataclass(frozen=True)
class Ending:
    """Somebody's wish that the script end: why, and how long it may take, in seconds."""

    reason: Reason
    grace: float


class Deadline:
    """When something has to have ended; it only ever comes nearer."""

    def __init__(self, seconds: float = float("inf")) -> None:
        """Let it be so many seconds from now."""
        self._granted = seconds
        self._at = time.monotonic() + seconds

    def grant(self, seconds: float) -> None:
        """Let it be so many seconds from now at most, unless that is no less than was granted."""
        if seconds < self._granted:
            self._granted = seconds
            self._at = min(self._at, time.monotonic() + seconds)

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self._at


class Wishes:
    """What the store says of an attempt's end: a user's stop, or that its place is taken.

    `grace` is the shortest that a user has granted, in seconds; none: infinite.
    """

    def __init__(self, store: Store, name: AttemptName, identity: str) -> None:
        """Name an attempt of the run that has this identity; another may get its name."""
        self._store = store
        self._name = name
        self._identity = identity
        self._looked_at = float("-inf")
        self.found: Ending | None = None
        self.grace = float("inf")

    def watch(self) -> Periodically:
        """Return a context in which the store is asked, by a thread: an answer may take long."""
        on_disk = self._store.is_directory
        interval = LOOK_INTERVAL_DIRECTORY if on_disk else LOOK_INTERVAL_S3
        return Periodically([interval], self.look)

    def look(self) -> None:
        """Ask the store now, and keep what it says in `found`.

        Raises:
            StoreError: it does not say.
        """
        begun = time.time()
        raw = self._store.find_json(layout.attempt_stop(self._name))
        stop = marks.unmarked(raw, self._identity)
        record = self._store.find_json(layout.run_record(self._name.run))
        if stop == FENCED or record is None or record["identity"] != self._identity:
            self.found = Ending(Reason.FENCED, 0)
        elif stop is not None:
            self.grace = min(self.grace, stop["grace"])
            self.found = Ending(Reason.STOPPED, self.grace)
        self._looked_at = begun

    def make_sure(self) -> None:
        """Look, unless that was a moment ago.

        A runner that was cut off, or whose machine was suspended, must not write before it has.

        Raises:
            StoreError: the store does not say.
        """
        # By the clock on the wall, since the other one stands still while a machine is suspended.
        if not 0 <= time.time() - self._looked_at < LEASE:
            self.look()

    @property
    def is_fenced(self) -> bool:
        """Whether another attempt has taken the place of this one, or its run is gone."""
        return self.found is not None and self.found.reason is Reason.FENCED


@dataclass(frozen=True)
class ScriptEnd:
    """How a script ended: its exit code (negative: the signal), None if it never ran.

    `memory_kills` counts what the kernel killed for want of memory while it ran, on its node.
    `failure` is what kept it from running, with a message; the exit code is of that then.
    """

    exit_code: int | None
    is_shell: bool = False
    memory_kills: int = 0
    failure: tuple[Reason, str] | None = None

    @property
    def is_out_of_memory(self) -> bool:
        """Whether the script itself was killed so, or what a shell script waited for."""
        shells = (SHELLS_SIGKILL,) if self.is_shell else ()
        return self.memory_kills > 0 and self.exit_code in (-signal.SIGKILL, *shells)

    @property
    def shown_code(self) -> int | None:
        """The exit code as shells show it."""
        if self.exit_code is None or self.exit_code >= 0:
            return self.exit_code
        return 128 - self.exit_code

    def notes(self) -> list[str]:
        """Return what the reason does not say."""
        if self.failure is not None:
            how = f": {exit_words(self.exit_code)}" if self.exit_code is not None else ""
            return [self.failure[1] + how]
        if not self.exit_code:
            return []
        notes = [f"killed by {_signal_name(-self.exit_code)}"] if self.exit_code < 0 else []
        if self.memory_kills and not self.is_out_of_memory:
            notes.append(
                "while it ran, the kernel killed a process on its node for want of memory, "
                "perhaps one of its own"
            )
        return notes


def outcome(end: ScriptEnd, ending: Ending | None) -> tuple[State, Reason | None]:
    """Return what has become of an attempt whose script has ended, by itself or by a wish."""
    if ending is not None:
        stopped = ending.reason is Reason.STOPPED
        return State.CANCELLED if stopped else State.FAILED, ending.reason
    if end.failure is not None:
        return State.FAILED, end.failure[0]
    if end.exit_code == 0:
        return State.SUCCEEDED, None
    if end.is_out_of_memory:
        return State.FAILED, Reason.OUT_OF_MEMORY
    killed = end.exit_code is not None and end.exit_code < 0
    return State.FAILED, Reason.SIGNAL if killed else Reason.EXIT_CODE


def told(end: ScriptEnd, ending: Ending | None) -> dict[str, str]:
    """Return the variables that tell the actions after a script how it has ended."""
    state, reason = outcome(end, ending)
    return {
        "GRIDRAY_EXIT_CODE": "" if end.shown_code is None else str(end.shown_code),
        "GRIDRAY_STATE": state.value,
        "GRIDRAY_REASON": "" if reason is None else reason.value,
    }


def exit_words(exit_code: int) -> str:
    """Return an exit code in words; a negative one is a signal."""
    return f"exit code {exit_code}" if exit_code >= 0 else f"killed by {_signal_name(-exit_code)}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
