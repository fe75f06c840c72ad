"""`run --dry-run` and `files`; what needs a cluster is in tests/cluster."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import get_args

import pytest

from gridray.cli import options
from gridray.sweep import Strategy
from tests.cli.conftest import Call, Filler


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "train.py").write_text("print()\n")
    (root / "data.bin").write_bytes(b"\0" * 1500)
    (root / ".gitignore").write_text("*.log\n")
    (root / "out.log").touch()
    monkeypatch.chdir(root)
    return root


def test_dry_run_prints_the_seed_document_order(call: Call, tmp_path: Path) -> None:
    words = ["--number", "[1, 2]", "--food_item", "['pizza', 'hot dog']"]
    result = call("run", "--dry-run", "--name", "lunch", "--gpus", "0.5", "train.py", *words)
    lines = result.out.splitlines()
    assert [line.split()[0] for line in lines[1:5]] == [f"lunch-exp{n}" for n in range(4)]
    assert lines[3].endswith("python train.py --number 1 --food_item 'hot dog'")
    assert lines[-1].startswith("4 experiments with 1 CPU, 0.5 GPU each, on cluster local.")
    assert "3 files, 1.5 kB" in result.out
    assert not (tmp_path / "gridray-home").exists()


def test_dry_run_as_json(call: Call) -> None:
    found = call("run", "--dry-run", "-o", "json", "train.py", "--lr", "[1e-2, 3]", "x").json
    assert found["name"] is None and found["cluster"] == "local"
    assert [each["name"] for each in found["experiments"]] == ["<name>-exp0", "<name>-exp1"]
    assert found["experiments"][0]["command"][-3:] == ["--lr", "1e-2", "x"]
    assert found["resources"] == {"cpus": 1, "gpus": 0, "memory": None}
    assert [file["path"] for file in found["files"]] == [".gitignore", "data.bin", "train.py"]


@pytest.mark.parametrize("words", [("--cpus", "9000"), ("--memory", "9000TB")])
def test_dry_run_warns_of_what_this_machine_has_not(call: Call, words: tuple[str, str]) -> None:
    result = call("run", "--dry-run", *words, "train.py")
    assert result.code == 0
    assert f"warning: {words[0]} asks for 9" in result.err and "this machine" in result.err
    assert call("run", "--dry-run", *words, "--cluster", "lab", "train.py").err == ""
    assert call("run", "--dry-run", "--cpus", "1", "--gpus", "64", "train.py").err == ""


@pytest.mark.skipif(shutil.which("bash") is None, reason="pastes into bash")
def test_dry_run_prints_lines_that_can_be_pasted(call: Call) -> None:
    hostile = ["new\nline", "it's\t\\n", "a b", "\x1b[31m", "$HOME", "文件\u200b", "lat-\udce9", ""]
    result = call("run", "--dry-run", "train.py", *hostile)
    line = result.out.splitlines()[1]
    assert line.isprintable() and "$'new\\nline'" in line
    _, pasted = line.split(" train.py ")
    echo = ["bash", "-c", f"printf '%s\\0' {pasted}"]
    words = subprocess.run(echo, capture_output=True, check=True).stdout.split(b"\0")
    assert list(map(os.fsdecode, words[:-1])) == hostile


@pytest.mark.parametrize("word", ["--gpus", "--gpus=2", "--max-parallel", "-o", "--help"])
def test_options_after_the_script_go_to_it_and_are_told(call: Call, word: str) -> None:
    result = call("run", "--dry-run", "train.py", word, "--own")
    assert result.code == 0
    assert f"python train.py {word} --own" in result.out
    told = [line for line in result.err.splitlines() if "went to train.py" in line]
    assert len(told) == 1 and told[0].startswith(word.partition("=")[0])


def test_the_scripts_own_options_are_not_told(call: Call) -> None:
    assert call("run", "--dry-run", "train.py", "--lr", "1", "-v").err == ""
    assert call("run", "--dry-run", "--", "train.py").err == ""


def test_options_of_grid_and_of_gridray(call: Call) -> None:
    words = ["--num-trials", "2", "--strategy", "random-search", "--seed=1", "-l", "--memory=2GB"]
    found = call("run", "--dry-run", "-o", "json", *words, "train.py", "--lr", "range(9)").json
    assert len(found["experiments"]) == 2
    assert found["resources"]["memory"] == 2 * 10**9
    assert set(get_args(get_args(options.Strategy)[0])) == {each.value for each in Strategy}


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["no.py"], 2, "'no.py' does not exist"),
        (["--name", "Bad Name", "train.py"], 2, "'Bad Name'"),
        (["train.py", "--lr", "[1, 2"], 2, "--lr '[1, 2' is not a sweep"),
        (["--max_experiments", "2", "train.py", "range(5)"], 2, "--max_experiments is 2"),
        (["--memory", "much", "train.py"], 2, "--memory 'much'"),
        (["--gpus", "1.5", "train.py"], 2, "--gpus 1.5"),
        (["--env", "NAME", "train.py"], 2, "--env 'NAME'"),
        (["--env", "A=1", "--env", "B C=2", "train.py"], 2, "--env: 'B C' is no name"),
        (["--strategy", "random_search", "train.py"], 2, "--num_trials"),
    ],
)
def test_bad_input_is_one_message(call: Call, words: list[str], code: int, told: str) -> None:
    result = call("run", "--dry-run", *words)
    assert (result.code, result.out) == (code, "")
    assert result.err.startswith("error: ") and told in result.err


def test_an_unknown_cluster_and_a_taken_name_leave_nothing(call: Call, filled: Filler) -> None:
    unknown = call("run", "--cluster", "moon", "train.py")
    assert unknown.code == 1 and "there is no cluster 'moon'" in unknown.err
    taken = call("run", "--name", "over", "train.py")
    assert taken.code == 1 and "there is a run 'over' already" in taken.err
    assert len(filled.store.names("runs/")) == 2


def test_files_and_why(call: Call, project: Path) -> None:
    result = call("files")
    assert result.out.splitlines()[-1] == "3 files, 1.5 kB"
    assert call("files", "-o", "json").json["size"] == 1514
    (project / "out").symlink_to("/etc")
    leaving = call("files", "--why", "out", "-o", "json").json
    assert not leaving["goes"] and "leads out of" in leaving["text"]
    assert call("files").code == 1
    assert "out.log stays behind" in call("files", "--why", "out.log").out
    verdict = call("files", "--why", "out.log", "-o", "json").json
    assert (verdict["goes"], verdict["rule_file"], verdict["line"]) == (False, ".gitignore", 1)
    assert call("files", "--why", "nothing").code == 1


def test_hostile_file_names(call: Call, project: Path, hostile_names: list[str]) -> None:
    good = [name for name in hostile_names if name.isascii() or "文" in name]
    for name in good:
        (project / name).touch()
    lines = call("files").out.splitlines()
    assert len(lines) == len(good) + 5
    listed = call("files", "-o", "json").json["files"]
    assert set(good) <= {file["path"] for file in listed}


def test_a_dry_run_tells_what_it_depends_on(call: Call, project: Path) -> None:
    (project / "requirements.txt").write_text("numpy\n")
    told = call("run", "--dry-run", "train.py").out
    assert "Depends on requirements.txt." in told
    assert call("run", "--dry-run", "-o", "json", "train.py").json["dependency_file"] == (
        "requirements.txt"
    )
    assert "Depends" not in call("run", "--dry-run", "--no-dependencies", "train.py").out
    missing = call("run", "--dry-run", "--dependency_file", "other.txt", "train.py")
    assert missing.code == 2 and "'other.txt' does not exist" in missing.err


def test_holding_and_never_holding_cannot_both_be_meant(call: Call) -> None:
    result = call("run", "--dry-run", "--hold_after", "3", "--keep-going", "train.py")
    assert result.code == 2 and "--hold_after 3 and --keep-going" in result.err
    assert call("run", "--dry-run", "--keep-going", "train.py").code == 0


def test_dry_run_tells_the_nodes_and_a_whole_machine(call: Call) -> None:
    words = ["--instance-type", "1_t4_16gb", "--use-spot", "--spot_fallback=10m", "--disk-size=200"]
    result = call("run", "--dry-run", *words, "train.py")
    assert "on spot g4dn.xlarge nodes with 200 GB of disk, and on-demand ones after" in result.out
    assert "1 experiment with 4 CPUs, 1 GPU each" in result.out
    found = call("run", "--dry-run", "-o", "json", *words, "train.py").json
    assert found["placement"] == {
        "instance_type": "g4dn.xlarge",
        "use_spot": True,
        "disk_gb": 200,
        "spot_fallback": 600,
    }
    assert found["resources"] == {"cpus": 4, "gpus": 1, "memory": None}
    assert call("run", "--dry-run", "-o", "json", "train.py").json["placement"] is None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--gpus", "2"], "its share of a new9.metal (2 of its GPUs) each"),
        ([], "a whole new9.metal each"),
        (["--cpus", "2"], "with 2 CPUs each"),
    ],
)
def test_dry_run_knows_no_machine_that_is_new(call: Call, words: list[str], told: str) -> None:
    result = call("run", "--dry-run", "--instance_type", "new9.metal", *words, "train.py")
    assert told in result.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--spot-fallback", "10m"], "--use_spot"),
        (["--use_spot", "--spot-fallback", "10"], "--spot-fallback '10': write it as 2h"),
        (["--instance_type", "9_x9_9gb"], "there is no instance type '9_x9_9gb'"),
        (["--instance_type", ""], "there is no instance type ''"),
        (["--disk_size", "0"], "--disk_size"),
        (["--disk_size", "much"], "--disk_size 'much'"),
        (["--max_cost", "-1"], "--max_cost"),
        (["--max_cost", "nan"], "--max_cost"),
    ],
)
def test_nodes_that_cannot_be_meant(call: Call, words: list[str], told: str) -> None:
    result = call("run", "--dry-run", *words, "train.py")
    assert result.code == 2 and told in result.err, result.err
