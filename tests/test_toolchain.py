"""The shape of the code: linter, formatter and type checker, by the same command as the tests."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "command",
    [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]],
    ids=" ".join,
)
def test_the_code_passes(command: list[str]) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_the_lock_names_no_address() -> None:
    assert "://" not in (ROOT / "requirements.lock").read_text()


def test_no_module_is_too_long() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in ROOT.glob("gridray/**/*.py")}
    assert {str(path): length for path, length in lengths.items() if length > 400} == {}


def test_the_architecture_names_every_module() -> None:
    told = set((ROOT / "docs" / "architecture.md").read_text().split())
    names = {path.name for path in ROOT.glob("gridray/*.py") if not path.name.startswith("__")}
    assert names - told == set()
