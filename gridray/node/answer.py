"""What a look says of a machine, and how many such answers in a row are its end. No I/O."""

from dataclasses import dataclass
from enum import Enum

# A look that failed says nothing, and nothing ends for an outage. But what cannot be seen for so
# many times the limit is not paid for any longer.
BLIND_LIMITS = 24


class Word(Enum):
    """Whether a machine is of use to somebody."""

    NEEDED = "needed"
    IDLE = "idle"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Answer:
    """What a look has found, and why in words."""

    word: Word
    why: str


class Silence:
    """Seconds that went by without something, of which only those count that somebody looked.

    A machine that was suspended, or a process that was, has not looked meanwhile.
    """

    def __init__(self, now: float, longest_step: float) -> None:
        self.seconds = 0.0
        self._last = now
        self._longest_step = longest_step

    def hear(self, now: float) -> None:
        self.seconds = 0.0
        self._last = now

    def go_on(self, now: float) -> None:
        self.seconds += min(max(0.0, now - self._last), self._longest_step)
        self._last = now


class Judge:
    """Takes answers as they come, and says when they are enough to end the machine."""

    def __init__(self, limit: float, now: float, longest_step: float) -> None:
        """Begin with a machine that is needed.

        Args:
            limit: seconds without need that end the machine.
            now: the monotonic clock, here and below.
            longest_step: seconds between two looks that count at most.
        """
        self._limit = limit
        self._idle = Silence(now, longest_step)
        self._unneeded = Silence(now, longest_step)

    def is_over(self, answer: Answer, now: float) -> bool:
        """Whether the machine is to end: idle for the limit, or in doubt for a multiple of it."""
        if answer.word is Word.IDLE:
            self._idle.go_on(now)
        else:
            self._idle.hear(now)
        if answer.word is Word.NEEDED:
            self._unneeded.hear(now)
        else:
            self._unneeded.go_on(now)
        return (
            self._idle.seconds >= self._limit
            or self._unneeded.seconds >= BLIND_LIMITS * self._limit
        )
