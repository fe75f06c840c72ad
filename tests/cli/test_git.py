"""`run --git [REF]`, `run URL script.py`, and how the commits of runs are shown."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from gridray import layout
from gridray.records import GitRecord, read_run
from tests.cli.conftest import Call, Filler, succeeded
from tests.repositories import Repository

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def here(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    repository.git("branch", "train.py", "v1")
    repository.commit({"train.py": "", "tool": ""})
    (repository.path / "tool").chmod(0o755)
    repository.commit({})
    monkeypatch.chdir(repository.path)
    return repository


@pytest.mark.parametrize(
    ("words", "ref", "command"),
    [
        (["--git", "main.py", "--lr", "1"], "HEAD", "python main.py --lr 1"),
        (["--git", "v1", "main.py", "--git", "x"], "v1", "python main.py --git x"),
        (["--git", "HEAD~1", "main.py"], "HEAD~1", "python main.py"),
        (["--gpus", "1", "--git", "v1", "--cpus=2", "main.py"], "v1", "python main.py"),
        (["--git", "--gpus", "1", "main.py"], "HEAD", "python main.py"),
        (["--git", "-l", "-y", "main.py", "x"], "HEAD", "python main.py x"),
        (["--git=v1", "main.py"], "v1", "python main.py"),
        (["--git", "tool", "main.py"], "HEAD", "./tool main.py"),
        (["--git", "train.py", "main.py"], "train.py", "python main.py"),
        (["--git=HEAD", "train.py", "main.py"], "HEAD", "python train.py main.py"),
        (["--git", "train.py"], "HEAD", "python train.py"),
        (["main.py", "--git", "v1"], None, "python main.py --git v1"),
        (["--name", "--git", "main.py"], None, ""),
    ],
)
def test_what_stands_behind_git(
    call: Call, here: Repository, words: list[str], ref: str | None, command: str
) -> None:
    result = call("run", "--dry-run", "-o", "json", *words)
    if not command:
        assert result.code == 2 and "'--git'" in result.err
        return
    told = " ".join(result.json["experiments"][0]["command"])
    assert told == command
    assert result.json["commit"] == here.git("rev-parse", f"{ref or 'HEAD'}^{{commit}}")
    assert result.json["dirty"] is False


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--git", "nope", "main.py"], "no commit, branch or tag 'nope'"),
        (["--git", "nope.py"], "the script 'nope.py' does not exist"),
        (["--git"], "SCRIPT"),
        (["--git=", "main.py"], "no commit, branch or tag ''"),
        (["--git=--help", "main.py"], "no commit, branch or tag '--help'"),
        (["--git", "URL", "main.py"], "--git goes with the directory"),
        (["URL"], "no script is named behind file://"),
        (["URL", "--gpus", "1", "main.py"], "'--gpus' stands where the script"),
        (["URL@x y", "main.py"], "no commit, branch or tag 'x y'"),
    ],
)
def test_errors_name_what_was_typed(
    call: Call, here: Repository, words: list[str], told: str
) -> None:
    result = call("run", "--dry-run", *(word.replace("URL", here.url) for word in words))
    assert result.code != 0 and result.out == ""
    assert told in result.err and "Traceback" not in result.err


def test_a_repository_in_the_place_of_the_script(
    call: Call, here: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [f"{here.url}@v1#sub", "train.py", "--lr", "[1, 2]"]
    found = call("run", "--dry-run", "-o", "json", *words).json
    assert [each["command"][1:] for each in found["experiments"]] == [
        ["train.py", "--lr", "1"],
        ["train.py", "--lr", "2"],
    ]
    assert [file["path"] for file in found["files"]] == ["train.py"]
    assert found["remote"] == here.url


def test_git_where_there_is_none(
    call: Call, here: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = call("run", "--dry-run", "--git", "main.py")
    assert result.code == 1 and "git cannot be started" in result.err
    assert call("run", "--dry-run", "main.py").err == ""


def test_uncommitted_changes_are_told(call: Call, here: Repository) -> None:
    here.write({"main.py": "dirty", "new\n.py": ""})
    left_out = call("run", "--dry-run", "--git", "main.py")
    assert left_out.code == 0 and "2 changes are not committed" in left_out.err
    assert "main.py, new\\n.py" in left_out.err
    dirty = call("run", "--dry-run", "main.py")
    assert "* on main with changes" in dirty.out and dirty.err == ""


def test_commits_are_shown_where_there_are_any(call: Call, filled: Filler) -> None:
    assert "Commit" not in call("history").out and "commit" not in call("status", "over").out
    filled.run("pinned", [succeeded()])
    key = layout.run_record("pinned")
    git = GitRecord(COMMIT, "main", "git@host:o/r.git", is_dirty=True)
    record = replace(read_run(filled.store, "pinned"), git=git)
    filled.store.put_json(key, record.to_json())
    lines = call("history").out.splitlines()
    assert lines[0].split()[-2:] == ["Commit", "Created"]
    assert {line.split()[0]: line.split()[-3] for line in lines[1:]} == {
        "pinned": "0123456789*",
        "over": "-",
    }
    assert "commit 0123456789*" in call("status", "pinned").err
    found = call("status", "pinned", "-o", "json").json
    assert (found["commit"], found["branch"], found["dirty"]) == (COMMIT, "main", True)
    assert found["remote"] == "git@host:o/r.git"
    over = call("status", "over", "-o", "json").json
    assert (over["commit"], over["branch"], over["dirty"]) == (None, None, False)


def test_scratch_options(call: Call, here: Repository) -> None:
    alone = call("run", "--dry-run", "--scratch_mount_path", "/x", "main.py")
    assert alone.code == 2 and "needs --scratch_size" in alone.err
    words = ["--scratch_size", "many", "main.py"]
    assert "--scratch_size 'many'" in call("run", "--dry-run", *words).err
    assert call("run", "--dry-run", "--scratch-size=5", "main.py").code == 0


def test_a_file_that_looks_like_an_address_is_a_script(call: Call, here: Repository) -> None:
    name = "git@host:x.py"
    here.write({name: ""})
    assert f"python {name}" in call("run", "--dry-run", name).out
    assert os.path.exists(name)
