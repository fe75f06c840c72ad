"""The box, and what tests do in it."""

import os
from collections.abc import Iterator

import pytest

from tests.awsbox.box import AwsBox
from tests.awsbox.machine import what_is_missing


@pytest.fixture(scope="package")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsBox]:
    """One box for all tests here; each launches instances of its own.

    Where the machine cannot have one the test is skipped; in CI, where it has to, it fails.
    """
    missing = what_is_missing()
    if missing is not None:
        give_up = pytest.skip if os.environ.get("CI", "") in ("", "false", "0") else pytest.fail
        give_up(f"AWS in a box cannot run here: {missing}")
    with AwsBox(logs=tmp_path_factory.mktemp("logs-of-hosts")) as started:
        yield started
