"""What a request makes of a run's experiments."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridray.errors import DamagedError
from gridray.records import Row, RunStatus
from gridray.requests import RetryRequest, StopRequest, applied, decode_request
from gridray.states import Reason, State

FAILED = Row(State.FAILED, Reason.EXIT_CODE, attempt=2, exit_code=3, submitted_at=1.0, failures=3)
CANCELLED = Row(State.CANCELLED, Reason.STOPPED, attempt=1, stop_grace=5.0)
RUNNING = Row(State.RUNNING, attempt=1, submitted_at=1.0)
SUCCEEDED = Row(State.SUCCEEDED, exit_code=0, submitted_at=1.0)
ROWS = [FAILED, CANCELLED, RUNNING, SUCCEEDED, Row()]


def test_a_stop_marks_what_is_not_over() -> None:
    after = applied(ROWS, StopRequest(None, 7.0))
    assert [row.stop_grace for row in after] == [None, 5.0, 7.0, None, 7.0]
    after = applied(ROWS, StopRequest((4, 0), 7.0))
    assert [row.stop_grace for row in after] == [None, 5.0, None, None, 7.0]


def test_of_several_stops_the_shortest_grace_counts() -> None:
    rows = [Row(State.RUNNING)]
    for grace, expected in ((30.0, 30.0), (600.0, 30.0), (5.0, 5.0), (0.0, 0.0), (7.0, 0.0)):
        rows = applied(rows, StopRequest(None, grace))
        assert rows[0].stop_grace == expected


def test_a_retry_queues_what_did_not_succeed() -> None:
    after = applied(ROWS, RetryRequest(frozenset(range(5)), at=9.0))
    assert after[2:] == ROWS[2:]
    # A number that was never submitted is still free.
    assert after[:2] == [Row(attempt=3, queued_at=9.0), Row(attempt=1, queued_at=9.0)]
    assert applied(ROWS, RetryRequest(frozenset({0}), at=9.0))[1:] == ROWS[1:]


def test_a_retry_of_one_pardons_the_others() -> None:
    after = applied([FAILED, FAILED], RetryRequest(frozenset({1}), at=9.0))
    assert after[0].is_pardoned and after[0].state is State.FAILED
    assert after[1] == Row(attempt=3, queued_at=9.0)


def test_any_request_lets_go_of_what_is_held() -> None:
    held = [Row(reason=Reason.HELD), Row(State.PENDING, Reason.HELD)]
    for request in (StopRequest(None, 1.0), RetryRequest(frozenset(), at=9.0)):
        assert [row.reason for row in applied(held, request)] == [None, None]


@pytest.mark.parametrize(
    "request_",
    [StopRequest((1, 2), 3.0), StopRequest(None, 0), RetryRequest(frozenset({4, 2}), 5.0)],
)
def test_requests_come_back_from_the_store(request_: StopRequest | RetryRequest) -> None:
    assert decode_request(request_.to_json(), "key") == request_


@pytest.mark.parametrize("raw", [{"kind": "dance"}, {}, [], None, {"kind": "stop"}])
def test_what_is_no_request(raw: Any) -> None:
    with pytest.raises(DamagedError, match="the-key is damaged"):
        decode_request(raw, "the-key")


@given(
    st.builds(
        Row,
        state=st.sampled_from(State),
        reason=st.none() | st.sampled_from(Reason),
        attempt=st.integers(0, 9),
        message=st.none() | st.text(),
        setbacks=st.integers(0, 9),
        not_before=st.none() | st.floats(0, 1e10),
        is_pardoned=st.booleans(),
    )
)
def test_rows_come_back_from_the_store(row: Row) -> None:
    status = RunStatus(1.0, (row, Row(), row), frozenset({"a", "b"}))
    assert RunStatus.from_json(status.to_json()) == status
