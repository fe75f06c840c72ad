"""Names of runs and experiments."""

import pytest

from gridray import layout
from gridray.errors import UsageError


@pytest.mark.parametrize("name", ["a", "a-b", "0", "happy-otter-412", "exp-1", "a" * 63])
def test_names_of_runs(name: str) -> None:
    assert layout.check_run_name(name) == name
    assert layout.parse_name(name) == (name, None)
    assert layout.parse_name(f"{name}-exp12") == (name, 12)


@pytest.mark.parametrize(
    "name",
    ["", "A", "-a", "a-", "a_b", "a b", "a/b", "..", "a\n", "ü", "a" * 64, "run-exp1", "a-exp0"],
)
def test_what_is_no_name_is_shown(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        layout.check_run_name(name)
    assert repr(name) in caught.value.message


def test_numbers_are_written_one_way() -> None:
    with pytest.raises(UsageError):
        layout.parse_name("A-exp1")
    assert layout.parse_name("run-exp01") == ("run-exp01", None)
