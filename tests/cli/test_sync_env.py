"""`sync-env` writes what is installed, and overwrites nothing unasked."""

import importlib.metadata
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Call

CONDA = """#!/bin/sh
printf '%s\\n' "$*" > "$(dirname "$0")/told"
printf 'name: lab\\ndependencies:\\n  - python=3.11\\n  - pip:\\n    - tiny==1\\nprefix: /here\\n'
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    return root


def test_a_new_file_has_all_packages_but_what_only_this_machine_has(
    call: Call, project: Path
) -> None:
    result = call("sync-env", "-o", "json")
    assert result.code == 0, result.err
    lines = (project / "requirements.txt").read_text().splitlines()
    assert f"pydantic=={importlib.metadata.version('pydantic')}" in lines
    assert result.json["packages"] == len(lines) and result.json["changed"]
    assert not any("file:" in line for line in lines)
    assert "-e" in result.json["left_out"][0]


def test_a_file_is_overwritten_only_when_the_user_says_so(call: Call, project: Path) -> None:
    file = project / "requirements.txt"
    file.write_text("mine\n")
    file.chmod(0o600)
    refused = call("sync-env")
    assert refused.code == 2 and "Overwrite requirements.txt" in refused.err
    assert file.read_text() == "mine\n"
    assert call("sync-env", "--yes").code == 0
    assert "pydantic==" in file.read_text() and file.stat().st_mode & 0o777 == 0o600
    again = call("sync-env")
    assert again.code == 0 and "already has" in again.out
    assert [path.name for path in project.iterdir()] == ["requirements.txt"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--dependency_file", "pyproject.toml"], "uv add"),
        (["--dependency_file", "uv.lock"], "uv add"),
        (["--dependency_file", "no/such/place.txt"], "there is no directory"),
        (["--dependency_file", "."], "is a directory"),
        (["--dependency_file", "environment.yml"], "none is active"),
    ],
)
def test_what_cannot_be_written_is_said(
    call: Call, project: Path, words: list[str], told: str
) -> None:
    result = call("sync-env", *words)
    assert result.code != 0 and told in result.err
    assert list(project.iterdir()) == []


@pytest.mark.parametrize("lock", [[], ["uv.lock"]])
def test_a_file_that_a_run_would_not_take_is_not_written(
    call: Call, project: Path, lock: list[str]
) -> None:
    (project / "pyproject.toml").write_text("[project]\nname = 'x'\ndependencies = ['tiny']\n")
    for name in [*lock, "requirements.txt"]:
        (project / name).write_text("")
    result = call("sync-env", "--yes")
    assert result.code == 2 and "uv add" in result.err
    assert (lock or ["pyproject.toml"])[0] in result.err
    assert (project / "requirements.txt").read_text() == ""


def test_a_project_that_names_no_dependencies_has_a_requirements_file(
    call: Call, project: Path
) -> None:
    (project / "pyproject.toml").write_text("[tool.ruff]\n")
    assert call("sync-env").code == 0
    assert "pydantic==" in (project / "requirements.txt").read_text()


def test_an_environment_of_condas_kind_is_exported(
    call: Call, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "micromamba"
    program.parent.mkdir()
    program.write_text(CONDA)
    program.chmod(0o755)
    monkeypatch.delenv("VIRTUAL_ENV")
    monkeypatch.setenv("MAMBA_EXE", str(program))
    monkeypatch.setenv("CONDA_PREFIX", "/envs/lab")
    result = call("sync-env")
    assert result.code == 0, result.err
    assert "prefix" not in (project / "environment.yml").read_text()
    assert (program.parent / "told").read_text() == "env export --prefix /envs/lab\n"


def test_a_virtual_environment_that_is_gone_is_named(
    call: Call, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", "/no/such/environment")
    result = call("sync-env")
    assert result.code == 1 and "/no/such/environment" in result.err
