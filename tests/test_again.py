"""Which runs need their secrets again when more is asked of them."""

from pathlib import Path

import pytest

from gridray import again
from gridray.errors import UsageError
from gridray.records import Row
from gridray.states import Reason, State
from gridray.store import Store
from tests.builders import add_run

FAILED = Row(State.FAILED, Reason.EXIT_CODE, exit_code=3)
HELD = Row(State.QUEUED, Reason.HELD)


@pytest.mark.parametrize("rows", [[FAILED], [FAILED, HELD]], ids=["over", "held"])
def test_secrets_are_sealed_anew_where_the_shell_has_them(
    rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(str(tmp_path / "store"))
    record = add_run(store, "run", rows, secrets={"A": "MINE"})
    monkeypatch.setenv("MINE", "a value")
    assert again._needs_secrets(store, record)


def test_a_run_that_goes_on_still_has_its_own(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    held = add_run(store, "held", [FAILED, HELD], secrets={"A": "NOT_SET_HERE"})
    assert not again._needs_secrets(store, held)
    over = add_run(store, "over", [FAILED], secrets={"A": "NOT_SET_HERE"})
    with pytest.raises(UsageError, match="NOT_SET_HERE"):
        again._needs_secrets(store, over)
    plain = add_run(store, "plain", [FAILED])
    assert not again._needs_secrets(store, plain)
