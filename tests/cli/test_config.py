"""`run --config`, `--env`, `--env-file`, `--secret` and `config`: what was typed wins."""

import inspect
from pathlib import Path

import pytest

from gridray import launch
from gridray.checkout import Checkout
from gridray.cli import run as commands
from gridray.launch import Plan
from gridray.spec import Actions, RunSpec
from tests.cli.conftest import Call

FILE = """\
compute:
  provider: {cluster: lab}
  train:
    framework: lightning
    cpus: 2
    gpus: 1
    env: {A: file, B: file, C: file}
    secrets: {KEY: MINE}
hyper_params:
  settings: {strategy: none}
  params: {--lr: "[1, 2]", --n: 5}
run: {name: lunch, grace: 5, keep_going: true, script: train.py}
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "train.py").touch()
    (root / "other.py").touch()
    (root / "grid.yml").write_text(FILE)
    monkeypatch.chdir(root)
    monkeypatch.setenv("MINE", "s3cr3t-value")
    return root


@pytest.fixture
def spec(call: Call, monkeypatch: pytest.MonkeyPatch) -> "Spec":
    return Spec(call, monkeypatch)


class Spec:
    """The spec that a call of `run --dry-run` comes to, and what it told besides."""

    def __init__(self, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
        self._call = call
        self._plan = launch.plan
        self._found: list[RunSpec] = []
        self.err = ""
        monkeypatch.setattr(launch, "plan", self._planned)

    def _planned(self, spec: RunSpec, checkout: Checkout) -> Plan:
        self._found.append(spec)
        return self._plan(spec, checkout)

    def __call__(self, *words: str) -> RunSpec:
        result = self._call("run", "--dry-run", *words)
        assert result.code == 0, result.err
        self.err = result.err
        assert "s3cr3t-value" not in result.out + result.err
        return self._found[-1]


def test_a_default_of_the_command_line_does_not_win(spec: Spec) -> None:
    found = spec("--config", "grid.yml")
    assert (found.cluster, found.cpus, found.gpus, found.name) == ("lab", 2, 1, "lunch")
    assert (found.strategy, found.grace, found.hold_after) == ("none", 5, None)
    assert (found.script, found.args) == ("train.py", ("--lr", "[1, 2]", "--n", "5"))
    assert found.secrets == {"KEY": "MINE"}
    assert "warning: grid.yml:4: compute.train.framework has no effect" in spec.err


def test_what_was_typed_wins_also_where_it_is_the_default(spec: Spec) -> None:
    words = ["--cpus", "0", "--gpus=0", "--name", "dinner", "--grace", "30", "--hold-after", "5"]
    words += ["--strategy", "grid-search", "--cluster", "local", "--config", "grid.yml"]
    found = spec(*words, "other.py", "--n", "[6, 7]")
    assert (found.cluster, found.cpus, found.gpus, found.name) == ("local", 0, 0, "dinner")
    assert (found.strategy, found.grace, found.hold_after) == ("grid_search", 30, 5)
    assert (found.script, found.args) == ("other.py", ("--n", "[6, 7]", "--lr", "[1, 2]"))


def test_variables_come_from_the_file_then_env_files_then_options(
    spec: Spec, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FROM_SHELL", "shell")
    (project / "1.env").write_text("B=1\nC=1\nD=1\nE=1\n")
    (project / "2.env").write_text("D='2\n2'\nE=2\n")
    words = ["--env", "C=typed", "--env-file", "1.env", "--env-file", "2.env", "--env", "E="]
    found = spec("--config", "grid.yml", *words, "--env", "FROM_SHELL", "--secret", "MINE")
    assert found.env == {
        "A": "file",
        "B": "1",
        "C": "typed",
        "D": "2\n2",
        "E": "",
        "FROM_SHELL": "shell",
    }
    assert found.secrets == {"KEY": "MINE", "MINE": "MINE"}


def test_actions_are_options_too(spec: Spec) -> None:
    words = ["--on_build", "a b", "--on-build", "c", "--on_experiment_end", "d"]
    found = spec(*words, "train.py").actions
    assert found == Actions(on_build=("a b", "c"), on_experiment_end=("d",))


def test_the_defaults_of_the_command_line_are_those_of_the_spec() -> None:
    default = RunSpec(script="any")
    parameters = inspect.signature(commands.run).parameters
    shared = [each for each in RunSpec.model_fields if each in parameters and each != "script"]
    assert len(shared) > 12
    for name in shared:
        shown = parameters[name].default
        assert shown is None or shown == getattr(default, name), name


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--config", "missing.yml", "train.py"], 1, "'missing.yml' does not exist"),
        (["--config", "bad.yml", "train.py"], 2, "bad.yml:2:3: unknown key 'trian' in compute"),
        (["--env-file", "missing.env", "train.py"], 1, "'missing.env' does not exist"),
        (["--env-file", "bad.env", "train.py"], 2, "bad.env:2:1: '1B' is no name"),
        (["--env", "NOT_SET_HERE", "train.py"], 2, "--env 'NOT_SET_HERE' has no value"),
        (["--secret", "NOT_SET_HERE", "train.py"], 2, "NOT_SET_HERE is not set in this shell"),
        (["--secret", "A=NOT_SET_HERE", "train.py"], 2, "would be the value of the secret A"),
        (["--secret", "A B", "train.py"], 2, "--secret: it takes NAME, or NAME=VARIABLE"),
        (["--secret", "MINE", "--env", "MINE=1", "train.py"], 2, "MINE is an --env too"),
        (["--config", "grid.yml", "--env", "KEY=1"], 2, "KEY is an --env too"),
        ([], 2, "no SCRIPT is named"),
    ],
)
def test_bad_input_is_one_message(
    call: Call, project: Path, words: list[str], code: int, told: str
) -> None:
    (project / "bad.yml").write_text("compute:\n  trian: {}\n")
    (project / "bad.env").write_text("A=1\n1B=s3cr3t-value\n")
    result = call("--debug", "run", "--dry-run", *words)
    assert (result.code, result.out) == (code, "")
    assert told in result.err.splitlines()[-2] or told in result.err.splitlines()[-1]
    assert "s3cr3t-value" not in result.err


def test_init_and_check(call: Call, project: Path) -> None:
    assert call("config", "init").out == "gridray.yml\n"
    text = (project / "gridray.yml").read_text()
    checked = call("config", "check", "gridray.yml")
    assert checked.code == 0 and "1 experiment, no errors" in checked.out and checked.err == ""
    again = call("config", "init")
    assert again.code == 1 and "is there already" in again.err and "--yes" in again.err
    (project / "gridray.yml").write_text("mine")
    assert call("config", "init", "--yes", "-o", "json").json == {"path": "gridray.yml"}
    assert (project / "gridray.yml").read_text() == text


def test_check_says_what_a_file_means(call: Call) -> None:
    found = call("config", "check", "grid.yml", "-o", "json").json
    shown = {each["key"]: (each["line"], each["value"]) for each in found["settings"]}
    assert shown["compute.train.cpus"] == (5, "2")
    assert shown["compute.train.env"] == (7, "A, B, C")
    assert shown["compute.train.secrets"] == (8, "KEY")
    assert found["arguments"] == ["--lr", "[1, 2]", "--n", "5"]
    assert found["experiments"] == 1
    assert len(found["warnings"]) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("compute: {trian: {}}", "unknown key 'trian'"),
        ("hyper_params: {params: {--lr: '[1, 2'}}", "--lr '[1, 2' is not a sweep"),
        ("hyper_params: {settings: {strategy: random_search}}", "needs --num_trials"),
    ],
)
def test_check_fails_where_a_run_would(call: Call, project: Path, text: str, told: str) -> None:
    (project / "bad.yml").write_text(text)
    result = call("config", "check", "bad.yml")
    assert (result.code, result.out) == (2, "") and told in result.err
