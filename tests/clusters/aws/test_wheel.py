import importlib.metadata
import os
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import gridray
from gridray.clusters.aws import wheel


def test_it_installs_and_runs(tmp_path: Path) -> None:
    made = wheel.build()
    path = tmp_path / made.name
    path.write_bytes(made.content)
    env = os.environ | {"UV_OFFLINE": "1", "UV_CACHE_DIR": str(tmp_path / "cache")}
    uv = [sys.executable, "-m", "uv"]
    venv = tmp_path / "env"
    run = {"check": True, "cwd": tmp_path, "env": env, "capture_output": True, "text": True}
    subprocess.run([*uv, "venv", "--python", sys.executable, str(venv)], **run)  # type: ignore[call-overload]
    python = str(venv / "bin/python")
    subprocess.run([*uv, "pip", "install", "--no-deps", "--python", python, str(path)], **run)  # type: ignore[call-overload]
    code = "import gridray, gridray.node.fuse; print(gridray.__version__, gridray.__file__)"
    answer = subprocess.run([python, "-c", code], **run)  # type: ignore[call-overload]
    version, place = answer.stdout.split()
    assert version == gridray.__version__
    assert Path(place).is_relative_to(venv)
    assert (venv / "bin/gridray").exists()
    assert (Path(place).parent / "clusters/aws/node/setup.sh").exists()


def test_the_same_code_makes_the_same_wheel() -> None:
    assert wheel.build() == wheel.build()


def test_it_is_gridray_without_what_only_people_read() -> None:
    with zipfile.ZipFile(BytesIO(wheel.build().content)) as file:
        names = file.namelist()
        record = file.read(next(name for name in names if name.endswith("RECORD"))).decode()
    assert "gridray/runner/__main__.py" in names
    assert not any("__pycache__" in name or "/_docs/" in name for name in names)
    assert [line.split(",")[0] for line in record.splitlines()] == names


def test_constraints_are_what_is_installed_here() -> None:
    lines = wheel.constraints().splitlines()
    assert f"ray=={importlib.metadata.version('ray')}" in lines
    assert f"obstore=={importlib.metadata.version('obstore')}" in lines
    assert not any(line.startswith("pytest") for line in lines)
