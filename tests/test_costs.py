"""What attempts cost, in numbers."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridray import costs
from gridray.machines import Machine, Machines, PriceList, SpotPrices
from gridray.outcome import ended_row, following
from gridray.placement import InstanceRecord
from gridray.rayshapes import Job, JobStatus
from gridray.records import AttemptState, Resources, Row
from gridray.requests import RetryRequest, applied
from gridray.states import Reason, State
from tests.builders import run_record

HOUR = 3600.0
START = 1000.0
SPOT = InstanceRecord("i-1", "g4dn.xlarge", "spot", "a", 0.5, 0.2, 0.5, START)
UNKNOWN = replace(SPOT, price=None)
RUNNING = Row(State.RUNNING, submitted_at=1.0, started_at=START + 60)
BUSY = AttemptState(State.RUNNING, started_at=START + 60, instance=SPOT)


def test_an_attempt_costs_its_share_of_the_machine_for_its_time() -> None:
    found = costs.bill(SPOT, START, START + 3 * HOUR)
    assert found.cost == pytest.approx(0.5 * 0.2 * 3)
    assert found.saved == pytest.approx(0.5 * (0.5 - 0.2) * 3)
    assert found.hours == 3


@pytest.mark.parametrize(
    ("instance", "cost", "saved"),
    [
        (UNKNOWN, None, None),
        (replace(SPOT, on_demand=None), 0.1, None),
        (replace(SPOT, market="on-demand", price=0.5), 0.25, 0.0),
    ],
)
def test_what_is_not_known_stays_so(
    instance: InstanceRecord, cost: float | None, saved: float | None
) -> None:
    found = costs.bill(instance, START, START + HOUR)
    assert (found.cost, found.saved) == (cost, saved)


def test_a_clock_that_goes_back_costs_nothing() -> None:
    assert costs.bill(SPOT, START, START - 5).cost == 0


def test_what_runs_has_a_rate_and_costs_by_the_hour() -> None:
    row = costs.settled(RUNNING, RUNNING, BUSY, START + HOUR)
    assert (row.rate, row.placed_at, row.spent) == (0.1, START, None)
    assert costs.so_far(row, START + 2 * HOUR) == pytest.approx(0.2)
    assert costs.settled(row, row, BUSY, START + HOUR) is row


@pytest.mark.parametrize(
    ("reason", "wasted"),
    [
        (Reason.INTERRUPTED, 0.1),
        (Reason.NODE_LOST, 0.1),
        (Reason.EXIT_CODE, 0.0),
        (Reason.STOPPED, 0.0),
        (None, 0.0),
    ],
)
def test_what_is_over_has_cost_all_of_it(reason: Reason | None, wasted: float) -> None:
    row = costs.settled(RUNNING, RUNNING, BUSY, START)
    over = replace(row, state=State.FAILED, reason=reason)
    after = costs.settled(row, over, BUSY, START + HOUR)
    assert after.spent == pytest.approx(0.1)
    assert after.wasted == pytest.approx(wasted)
    assert after.saved == pytest.approx(0.15)
    assert (after.rate, after.placed_at) == (None, None)


def test_an_attempt_without_a_price_leaves_the_cost_unknown() -> None:
    attempt = replace(BUSY, instance=UNKNOWN)
    over = replace(RUNNING, state=State.SUCCEEDED)
    assert costs.settled(RUNNING, over, attempt, START + HOUR).spent is None
    assert costs.settled(RUNNING, over, None, START + HOUR).spent is None
    known = costs.settled(RUNNING, over, BUSY, START + HOUR)
    assert costs.total([known, Row()], START) == pytest.approx(0.1)
    assert costs.total([Row(), RUNNING], START) is None


@pytest.mark.parametrize(
    ("job", "heard_before", "expected"),
    [
        (Job("j", JobStatus.FAILED), None, 9000.0),
        (Job("j", JobStatus.FAILED), 2000.0, 9000.0),
        (None, None, 9000.0),
        (None, 2000.0, 2000.0),
        (None, START - 1, 9000.0),
        (None, 9999.0, 9000.0),
    ],
)
def test_what_was_lost_with_its_cluster_ended_when_that_was_last_heard_of(
    job: Job | None, heard_before: float | None, expected: float
) -> None:
    assert costs.over_at(BUSY, job, heard_before, 9000.0) == expected


@pytest.mark.parametrize(
    ("attempt", "heard_at", "expected"),
    [
        (BUSY, 5000.0, 5000.0),
        (BUSY, 9999.0, 9000.0),
        # It began when nothing more was heard.
        (BUSY, START - 1, START + 60),
        (replace(BUSY, started_at=None), START - 1, START),
        (BUSY, None, 9000.0),
        (replace(BUSY, instance=None), 5000.0, 9000.0),
        (None, 5000.0, 9000.0),
    ],
)
def test_what_was_lost_with_a_deleted_cluster_ended_when_that_was_last_heard_of(
    attempt: AttemptState | None, heard_at: float | None, expected: float
) -> None:
    assert costs.lost_at(attempt, heard_at, 9000.0) == expected


def test_a_last_word_tells_the_end_itself() -> None:
    word = replace(BUSY, state=State.SUCCEEDED, ended_at=1500.0)
    assert costs.over_at(word, None, 1200.0, 9000.0) == 1500.0


ENDINGS = st.sampled_from(
    [Reason.INTERRUPTED, Reason.NODE_LOST, Reason.EXIT_CODE, Reason.STOPPED, None]
)
ATTEMPTS = st.lists(
    st.tuples(
        ENDINGS,
        st.floats(0, 1e6),
        st.floats(0.01, 1.0),
        st.one_of(st.none(), st.floats(0.001, 100)),
        st.booleans(),
    ),
    max_size=8,
)


@given(ATTEMPTS)
def test_an_experiment_costs_what_its_attempts_cost(
    attempts: list[tuple[Reason | None, float, float, float | None, bool]],
) -> None:
    record = run_record("run", 1, auto_resume=True, retries=3)
    row, now, expected, lost = Row(), START, 0.0, 0.0
    for reason, seconds, share, price, is_heard in attempts:
        instance = InstanceRecord("i", "m5.large", "spot", "a", share, price, 1.0, now)
        row = replace(row, state=State.RUNNING, submitted_at=now, reason=None)
        if is_heard:
            row = costs.settled(row, row, replace(BUSY, instance=instance), now)
        # A sum of times is rounded.
        began, now = now, now + seconds
        state = State.SUCCEEDED if reason is None else State.FAILED
        word = AttemptState(state, reason, started_at=START, ended_at=now, instance=instance)
        row = costs.settled(row, following(record, ended_row(row, word), now), word, now)
        cost = (price or 0.0) * share * (now - began) / HOUR
        expected += cost
        lost += cost if reason is not None and reason.is_interruption else 0.0
        assert row.rate is None
        if row.state in (State.FAILED, State.SUCCEEDED):
            row = applied([replace(row, state=State.FAILED)], RetryRequest(frozenset({0}), now))[0]
    assert (row.spent or 0.0) == pytest.approx(expected)
    assert row.wasted == pytest.approx(lost)
    assert (row.spent is None) == all(price is None for _, _, _, price, _ in attempts)


def test_a_row_brings_its_costs_through_the_store() -> None:
    row = Row(State.RUNNING, spent=1.5, wasted=0.5, rate=0.1, placed_at=START, saved=2.0)
    assert Row.from_json(row.to_json()) == row
    assert Row.from_json(Row().to_json()).spent is None


GIB = 1 << 30
LIST = PriceList(
    Machines("us-east-1", 1.0, "a table", {"a.b": Machine(4, 2, 16 * GIB, 1.0, {"z1": 0.3})}),
    SpotPrices(2.0, {"a.b": {"z2": 0.4}}),
)


@pytest.mark.parametrize(
    ("wanted", "share"),
    [
        (Resources(1, 0, None), 0.25),
        (Resources(1, 1, None), 0.5),
        (Resources(1, 0, int(16 * GIB * 0.9)), 1.0),
        (Resources(9, 0, None), 1.0),
    ],
)
def test_a_share_is_what_an_experiment_has_most_of(wanted: Resources, share: float) -> None:
    assert LIST.machines.types["a.b"].share(wanted) == pytest.approx(share)


@pytest.mark.parametrize(
    ("instance_type", "market", "zone", "price"),
    [
        ("a.b", "on-demand", "z9", 1.0),
        ("a.b", "spot", "z2", 0.4),
        ("a.b", "spot", "z1", 0.3),
        ("a.b", "spot", "z9", None),
        ("c.d", "spot", "z1", None),
        ("c.d", "on-demand", "z1", None),
    ],
)
def test_prices(instance_type: str, market: str, zone: str, price: float | None) -> None:
    assert LIST.price(instance_type, market, zone) == price
    assert LIST.dearest("a.b", "spot") == 0.4
