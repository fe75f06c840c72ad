"""The watch itself: look, judge, and in the end end the machine."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from gridray.node.answer import Answer, Judge, Word

# Seconds between two looks, at most, and the shares of the limit that looks and answers get.
WORKER_EVERY = 15.0
HEAD_EVERY = 60.0
EVERY_SHARE = 0.1
ANSWER_LIMIT = 10.0
ANSWER_SHARE = 0.25
# Seconds between two lines of the log that say the same.
REPEAT = 600.0

log = logging.getLogger("gridray.node")


@dataclass(frozen=True)
class Rhythm:
    """How often is looked, how long a look may take, and how long nobody may need the machine."""

    limit: float
    every: float
    answer: float

    @classmethod
    def of(cls, limit: float, every: float) -> "Rhythm":
        """Return the rhythm for a limit: all in seconds, `every` at most."""
        shorter = min(every, EVERY_SHARE * limit)
        return cls(limit, shorter, min(ANSWER_LIMIT, ANSWER_SHARE * limit))


def watch(look: Callable[[], Answer], rhythm: Rhythm) -> None:
    """Return when the machine is to end."""
    judge = Judge(rhythm.limit, time.monotonic(), 2 * rhythm.every + rhythm.answer)
    last: tuple[Word, float] | None = None
    while True:
        answer = _looked(look)
        now = time.monotonic()
        if last is None or last[0] is not answer.word or now - last[1] >= REPEAT:
            log.info("%s: %s", answer.word.value, answer.why)
            last = answer.word, now
        if judge.is_over(answer, now):
            log.info("that was so for too long: %s", answer.why)
            return
        time.sleep(rhythm.every)


def _looked(look: Callable[[], Answer]) -> Answer:
    # Nobody would start a watch again that has died of a bug; and a bug is no reason to end.
    try:
        return look()
    except Exception as error:
        return Answer(Word.UNKNOWN, f"the look failed: {error!r}")
