"""Failures that are alike are told together."""

from gridray import layout
from gridray.layout import AttemptName
from gridray.logformat import Encoder
from gridray.readers import runs
from gridray.readers.failures import FailureReader
from gridray.records import Row
from gridray.states import Reason, State
from gridray.store import Store
from tests.builders import add_run

LINES = {
    0: b"Traceback\nValueError: loss is nan after step 18\n\n",
    1: b"ValueError: loss is nan after step 7\n",
    2: b"\x1b[31mKeyError: 'lr'\x1b[0m\n",
    4: b"fine\n",
}


def test_groups(store: Store) -> None:
    rows = [Row(State.FAILED, Reason.EXIT_CODE, exit_code=1) for _ in range(3)]
    rows += [Row(State.FAILED, Reason.START_FAILED, message="no such program")]
    rows += [Row(State.SUCCEEDED)]
    add_run(store, "run", rows)
    for index, data in LINES.items():
        encoder = Encoder("stdout")
        stored = encoder.feed(data, 0.0) + encoder.flush(0.0)
        store.put(layout.log_chunk(AttemptName("run", index, 0), "stdout", 0), stored)
    reader = FailureReader(store)
    view = runs.run_view(store, "run", 0)
    found = [
        (each.reason, each.line, [one.index for one in each.experiments])
        for each in reader.groups(view)
    ]
    assert found == [
        ("exit code 1", "ValueError: loss is nan after step 18", [0, 1]),
        ("exit code 1", "KeyError: 'lr'", [2]),
        ("the script could not be started: no such program", "", [3]),
    ]
    store.delete_prefix(layout.run_prefix("run"))
    assert len(reader.groups(view)) == 3
