"""How long a controller has not been heard of."""

from pathlib import Path

import pytest

from gridray import layout
from gridray.heartbeats import Heartbeat
from gridray.readers.heartbeat import SILENT_AFTER, silence
from gridray.store import Store

NOW = 100_000.0
LONG = 10 * SILENT_AFTER
KEY = "moon"


@pytest.mark.parametrize(
    ("heard", "created", "retried", "expected"),
    [
        # Of a version that is not heard of.
        (None, LONG, None, None),
        (SILENT_AFTER - 1, LONG, None, None),
        (SILENT_AFTER + 1, LONG, None, SILENT_AFTER + 1),
        # It had nothing to do until lately.
        (LONG, 5.0, None, None),
        (LONG, LONG, 5.0, None),
        (3 * LONG, 2 * LONG, LONG, LONG),
    ],
)
def test_silence(
    tmp_path: Path,
    heard: float | None,
    created: float,
    retried: float | None,
    expected: float | None,
) -> None:
    store = Store(str(tmp_path / "store"))
    if heard is not None:
        store.put_json(layout.controller(KEY), Heartbeat(NOW - heard).to_json())
    store.put(layout.active_run(KEY, "run", "1"), b"")
    store.put(layout.active_run(KEY, "other", "1", layout.nonce(int(NOW * 1000), "x")), b"")
    if retried is not None:
        nonce = layout.nonce(int((NOW - retried) * 1000), "ab-c")
        store.put(layout.active_run(KEY, "run", "1", nonce), b"")
    assert silence(store, KEY, "run", NOW - created, NOW) == expected
