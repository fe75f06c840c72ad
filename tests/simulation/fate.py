"""What happens to an attempt in the simulation: drawn from a seed, whenever it is submitted."""

import random
from dataclasses import dataclass
from enum import Enum

from gridray.layout import AttemptName

# Seconds of simulated time between two looks of the controller, which looks once a step.
STEP = 0.5


class Ending(Enum):
    """How an attempt ends by itself, if its node lives."""

    SUCCEEDS = "succeeds"
    FAILS = "fails"
    INTERRUPTED = "interrupted"
    RUNNER_KILLED = "runner killed"
    NEVER_STARTS = "never starts"


@dataclass(frozen=True)
class Trouble:
    """How likely each failure is: for an attempt, for a step, for a request."""

    fails: float = 0.0
    interrupted: float = 0.0
    runner_killed: float = 0.0
    never_starts: float = 0.0
    node_lost: float = 0.0
    node_cut_off: float = 0.0
    node_announced: float = 0.0
    submission_refused: float = 0.0
    answer_lost: float = 0.0
    list_refused: float = 0.0
    list_lost: float = 0.0


NONE = Trouble()
MUCH = Trouble(
    fails=0.06,
    interrupted=0.03,
    runner_killed=0.03,
    never_starts=0.02,
    node_lost=0.02,
    node_cut_off=0.02,
    node_announced=0.05,
    submission_refused=0.003,
    answer_lost=0.003,
    list_refused=0.01,
    list_lost=0.01,
)


@dataclass(frozen=True)
class Fate:
    """One attempt's. Times are in steps; the sync comes between the script's end and the last word,
    `settling` between that and the moment that Ray calls the job over.
    """

    ending: Ending
    building: int
    running: int
    syncing: int
    settling: int
    exit_code: int


def draw(seed: int, name: AttemptName, trouble: Trouble) -> Fate:
    chance = random.Random(f"{seed} {name}")
    odds = {
        Ending.FAILS: trouble.fails,
        Ending.INTERRUPTED: trouble.interrupted,
        Ending.RUNNER_KILLED: trouble.runner_killed,
        Ending.NEVER_STARTS: trouble.never_starts,
    }
    odds[Ending.SUCCEEDS] = 1 - sum(odds.values())
    (ending,) = chance.choices(list(odds), list(odds.values()))
    return Fate(
        ending=ending,
        building=chance.randint(0, 2),
        running=chance.randint(1, 5),
        syncing=chance.choice((0, 0, 0, 1, 3)),
        settling=chance.randint(0, 2),
        exit_code=chance.randint(1, 5),
    )
