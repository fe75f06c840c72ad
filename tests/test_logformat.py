"""The log's format gives back the exact bytes, however they were read."""

from itertools import chain

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gridray import logformat
from gridray.errors import DamagedError
from gridray.logformat import Encoder, decode, raw

PIECES = st.lists(st.one_of(st.binary(), st.sampled_from([b"\n", b"\r\n", b"a b c", b" F "])))


@pytest.fixture(params=[7, logformat.BATCH], autouse=True)
def batch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logformat, "BATCH", request.param)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PIECES, st.data())
def test_the_bytes_come_back_whatever_is_flushed_when(
    pieces: list[bytes], data: st.DataObject
) -> None:
    encoder = Encoder("stdout")
    stored = b""
    for piece in pieces:
        stored += encoder.feed(piece, 1.5)
        if data.draw(st.booleans()):
            stored += encoder.flush(1.5)
    stored += encoder.flush(2.0)
    assert raw(stored) == b"".join(pieces)


def test_records_are_readable_and_carry_the_time() -> None:
    encoder = Encoder("stdout")
    stored = encoder.feed(b"one\ntwo\nthr", 0.25) + encoder.flush(1.0) + encoder.feed(b"ee\n", 2.0)
    assert stored.decode().splitlines() == [
        "1970-01-01T00:00:00.250000Z stdout F one",
        "1970-01-01T00:00:00.250000Z stdout F two",
        "1970-01-01T00:00:01.000000Z stdout P thr",
        "1970-01-01T00:00:02.000000Z stdout F ee",
    ]
    records = chain.from_iterable(decode(stored))
    assert [record.content for record in records] == [b"one\n", b"two\n", b"thr", b"ee\n"]


def test_a_line_that_is_no_record_is_said() -> None:
    with pytest.raises(DamagedError, match="without its time"):
        raw(b"1970-01-01T00:00:00.250000Z stdout F one\nbroken\n")
