"""What all commands share: errors, exit codes, the common options, the light start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from gridray.cli import app
from tests.cli.conftest import Call, Filler

HEAVY = {"ray", "boto3", "numpy", "psutil", "http", "ssl"}


def test_an_error_is_a_message_and_a_hint_on_stderr(call: Call) -> None:
    result = call("status", "no-such-run", "-o", "json")
    assert result.code == 1
    assert result.out == ""
    assert result.err.startswith("error: there is no run 'no-such-run'")
    assert "\nhint: " in result.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["stat"], "Did you mean 'status'?"),
        (["status", "--wach"], "--watch"),
        (["run"], "SCRIPT"),
        (["logs"], "RUN|EXPERIMENT"),
        (["run", "--strategy", "best", "a.py"], "'random-search'"),
        (["run", "--cpus", "many", "a.py"], "--cpus"),
        (["status", "Not A Name"], "'Not A Name'"),
    ],
)
def test_what_cannot_be_meant_exits_with_2(call: Call, words: list[str], told: str) -> None:
    result = call(*words)
    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith("error: ") and told in result.err


def test_debug_shows_the_traceback(call: Call) -> None:
    assert "Traceback" not in call("status", "nothing").err
    for words in (("--debug", "status", "nothing"), ("status", "nothing", "--debug")):
        assert "Traceback" in call(*words).err


def test_output_is_accepted_before_and_after_the_command(call: Call, filled: Filler) -> None:
    before, after = call("-o", "json", "history"), call("history", "--output", "json")
    assert before.json == after.json


def test_options_are_accepted_with_underscores_and_hyphens(call: Call, filled: Filler) -> None:
    plain = call("artifacts", "over", "--bucket_path")
    assert plain.code == 0
    assert call("artifacts", "over", "--bucket-path") == plain


def test_help_groups_the_commands(call: Call) -> None:
    for words in ((), ("--help",), ("-h",)):
        result = call(*words)
        assert result.code == 0
        assert result.out.index("Follow:") < result.out.index("Clusters:")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("tensorboard", "[default: ~/.gridray/tensorboard/RUN/IDENTITY]"),
        ("artifacts", "[default: ./grid_artifacts]"),
        ("run", "[default: 30"),
    ],
)
def test_help_shows_defaults_in_one_pair_of_brackets(call: Call, name: str, told: str) -> None:
    shown = " ".join(call(name, "--help").out.split())
    assert told in shown and "[default: (" not in shown


def test_every_command_and_option_has_help() -> None:
    def check(command: object, words: str) -> None:
        assert command.help, words  # type: ignore[attr-defined]
        for parameter in command.params:  # type: ignore[attr-defined]
            assert parameter.help, f"{words}: {parameter.name}"
        for name, inner in getattr(command, "commands", {}).items():
            check(inner, f"{words} {name}")

    check(get_command(app.app), "gridray")


def test_interrupted_is_130(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gridray.readers.runs.summaries", interrupt)
    result = call("history")
    assert (result.code, result.out, result.err) == (130, "", "")


def test_what_is_no_gridray_error_shows_itself(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("gridray.readers.runs.summaries", bug)
    with pytest.raises(ZeroDivisionError):
        app.main(["history"])


def _imported(*words: str) -> set[str]:
    """Return the top-level packages that a call imports, in a process of its own."""
    command = [sys.executable, "-X", "importtime", "-m", "gridray", *words]
    answer = subprocess.run(command, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr[-2000:]
    lines = (line for line in answer.stderr.splitlines() if line.startswith("import time:"))
    return {line.rsplit("|", 1)[1].strip().split(".")[0] for line in lines}


@pytest.mark.parametrize(
    ("args", "left"),
    [
        (["status", "-h"], ["status"]),
        (["clusters", "status"], ["clusters"]),
        (["-o", "json", "status"], None),
        (["--", "status"], None),
        (["STATUS"], None),
        ([], None),
    ],
)
def test_only_the_command_that_is_called_is_made(args: list[str], left: list[str] | None) -> None:
    made = app._named(args)
    found = [each.name for each in made.registered_commands]
    found += [each.name for each in made.registered_groups]
    assert found == left if left else made is app.app


def test_version_starts_light() -> None:
    assert not _imported("version") & (HEAVY | {"pydantic", "obstore", "rich", "asyncio"})


@pytest.mark.parametrize(
    "words",
    [
        ["status"],
        ["status", "over"],
        ["-o", "json", "status", "over"],
        ["history"],
        ["logs", "over"],
        ["artifacts", "over", "--list"],
    ],
)
def test_what_reads_the_store_starts_light(filled: Filler, words: list[str]) -> None:
    assert not _imported(*words) & (HEAVY | {"pydantic", "rich"})


def test_a_closed_pipe_ends_quietly(filled: Filler, tmp_path: Path) -> None:
    script = f"{sys.executable} -m gridray logs over | true; echo ${{PIPESTATUS[0]}}"
    answer = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert answer.stderr == ""
    assert answer.stdout.strip() in ("0", "1")


def test_output_survives_a_locale_without_unicode(filler: Filler) -> None:
    from tests.cli.conftest import succeeded

    filler.run("uni", [succeeded()], argv=("--name", "文件"))
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "gridray", "status", "uni"]
    answer = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert answer.returncode == 0
    assert "\\u6587" in answer.stdout
