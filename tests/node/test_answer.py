import pytest

from gridray.node.answer import BLIND_LIMITS, Answer, Judge, Word

LIMIT, STEP = 100.0, 10.0


def ended_at(words: list[Word], every: float = STEP) -> int | None:
    """Return the number of the answer that ended the machine."""
    judge = Judge(LIMIT, 0.0, STEP)
    for number, word in enumerate(words, 1):
        if judge.is_over(Answer(word, ""), number * every):
            return number
    return None


def test_idle_for_the_limit_is_the_end() -> None:
    assert ended_at([Word.IDLE] * 20) == 10


@pytest.mark.parametrize("word", [Word.NEEDED, Word.UNKNOWN])
def test_need_and_doubt_begin_it_anew(word: Word) -> None:
    assert ended_at([Word.IDLE] * 9 + [word] + [Word.IDLE] * 20) == 20


def test_what_is_needed_lives() -> None:
    assert ended_at([Word.NEEDED] * 1000) is None
    assert ended_at(([Word.IDLE] * 9 + [Word.NEEDED]) * 100) is None


def test_doubt_is_not_paid_for_for_ever() -> None:
    assert ended_at([Word.UNKNOWN] * 1000) == 10 * BLIND_LIMITS
    assert ended_at([Word.UNKNOWN, Word.IDLE] * 1000) == 10 * BLIND_LIMITS


def test_time_in_which_nobody_looked_does_not_count() -> None:
    assert ended_at([Word.IDLE] * 20, every=3600.0) == 10
    assert ended_at([Word.IDLE], every=1e9) is None


def test_a_clock_that_goes_back_takes_nothing_away() -> None:
    judge = Judge(LIMIT, 0.0, STEP)
    moments = [10, 20, 30, 40, 50, -60, -50, -40, -30, -20, -10]
    assert [judge.is_over(Answer(Word.IDLE, ""), at) for at in moments] == [False] * 10 + [True]
