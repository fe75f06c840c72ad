"""What processes use is measured on real ones; of GPUs a program tells that is no nvidia-smi."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gridray.runner.metrics import usage
from gridray.runner.metrics.usage import CPU, GPU, GPU_MEMORY, MEMORY, Usage

BUSY = "x = bytearray(50_000_000)\nprint(flush=True)\nwhile True: pass"


@pytest.fixture
def busy() -> Iterator[int]:
    process = subprocess.Popen(
        ["sh", "-c", '"$@" & wait', "sh", sys.executable, "-c", BUSY],
        start_new_session=True,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    yield process.pid
    subprocess.run(["pkill", "-9", "-s", str(process.pid)], check=True)
    process.stdout.close()
    process.wait()


def nvidia_smi(directory: Path, answer: str) -> dict[str, str]:
    program = directory / "nvidia-smi"
    program.write_text(f"#!/bin/sh\necho \"$@\" > '{directory}/asked'\n{answer}\n")
    program.chmod(0o755)
    return {"PATH": f"{directory}:/usr/bin:/bin", "CUDA_VISIBLE_DEVICES": "0,2"}


def test_all_processes_of_a_script_are_measured(busy: int) -> None:
    measured = Usage(lambda: busy, {}, 0)
    first = measured.measure()
    assert set(first) == {MEMORY} and first[MEMORY] > 50_000_000
    deadline = time.monotonic() + 20
    found = {CPU: 0.0}
    # Others may use the processors too; the clock's ticks are coarse, and few in a short time.
    while found[CPU] == 0:
        assert time.monotonic() < deadline
        time.sleep(1)
        found = measured.measure()
    assert 0 < found[CPU] < 4


def test_without_a_process_there_is_nothing() -> None:
    assert Usage(lambda: None, {}, 1).measure() == {}


def test_gpus_are_measured_that_the_script_has(busy: int, tmp_path: Path) -> None:
    env = nvidia_smi(tmp_path, "echo '50, 1000'; echo '100, 24'")
    found = Usage(lambda: busy, env, 2).measure()
    assert (found[GPU], found[GPU_MEMORY]) == (75.0, 1024 * 1024 * 1024)
    assert (tmp_path / "asked").read_text().split() == [
        "--query-gpu=utilization.gpu,memory.used",
        "--format=csv,noheader,nounits",
        "-i",
        "0,2",
    ]


@pytest.mark.parametrize(
    "answer", ["echo '[N/A], [N/A]'", "echo 'NVIDIA-SMI has failed'; exit 9", "exit 0", "echo ','"]
)
def test_a_program_that_knows_nothing_does_no_harm(busy: int, tmp_path: Path, answer: str) -> None:
    assert set(Usage(lambda: busy, nvidia_smi(tmp_path, answer), 1).measure()) == {MEMORY}


def test_nobody_is_asked_where_no_gpu_is_the_scripts(busy: int, tmp_path: Path) -> None:
    env = nvidia_smi(tmp_path, "echo '50, 1000'")
    Usage(lambda: busy, env, 0).measure()
    Usage(lambda: busy, env | {"CUDA_VISIBLE_DEVICES": ""}, 1).measure()
    assert not (tmp_path / "asked").exists()


def test_a_program_that_hangs_is_given_up(
    busy: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage, "PATIENCE", 0.5)
    found = Usage(lambda: busy, nvidia_smi(tmp_path, "exec sleep 1000"), 1)
    assert set(found.measure()) == {MEMORY}
    (tmp_path / "asked").unlink()
    assert GPU not in found.measure() and not (tmp_path / "asked").exists()
