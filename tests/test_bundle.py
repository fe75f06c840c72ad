"""Gridray travels along, also to a node that has none of its libraries."""

import importlib.metadata
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

from gridray import bundle


def test_the_same_code_has_the_same_name_and_bytes() -> None:
    assert bundle.identity() == bundle.identity()
    assert bundle.build() == bundle.build()


def test_other_code_has_another_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(bundle.build())) as file:
        file.extractall(tmp_path)
    module = tmp_path / "gridray" / "states.py"
    module.write_text(module.read_text() + "\n")
    program = "from gridray import bundle; print(bundle.identity())"
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() not in ("", bundle.identity())


def test_a_node_without_the_library_uses_the_one_that_travels(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(bundle.build())) as file:
        file.extractall(tmp_path)
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from gridray import bundle; bundle.provide_libraries()\n"
        "import gridray.runner.lifecycle, obstore; print(obstore.__file__)"
    )
    answer = subprocess.run(
        [sys.executable, "-S", "-c", program, str(tmp_path)], capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip().startswith(str(tmp_path / "_libraries"))


def test_the_runner_imports_nothing_heavy() -> None:
    program = (
        "import sys, gridray.runner.lifecycle\n"
        "print([name for name in ('ray', 'boto3', 'pydantic', 'numpy', 'pathspec', 'typer', 'rich',"
        " 'email', 'http.client', 'socket', 'ssl', 'gridray.datastores', 'gridray.readers.runs',"
        " 'gridray.runner.build') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert answer.stdout.strip() == "[]"


def test_the_command_of_a_foreign_cluster_says_when_there_is_no_ray(tmp_path: Path) -> None:
    command = bundle.foreign_entrypoint("gridray.controller", "--store=a b")
    (tmp_path / "python").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "python").chmod(0o755)
    command = command.replace(sys.executable, "/no/python")
    answer = subprocess.run(
        ["/bin/sh", "-c", command], env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert answer.returncode == 1 and "no python with ray" in answer.stdout


def test_a_node_that_can_neither_find_nor_install_uv_says_so(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(bundle.build())) as file:
        file.extractall(tmp_path)
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from gridray import bundle\nfrom gridray.errors import ClusterError\n"
        "try: bundle.provide_installer()\n"
        "except ClusterError as error: print(error.message)"
    )
    answer = subprocess.run(
        [sys.executable, "-S", "-c", program, str(tmp_path)],
        env={
            "PATH": "/nowhere",
            "TMPDIR": str(tmp_path),
            "PIP_NO_INDEX": "1",
            "PIP_CONFIG_FILE": os.devnull,
        },
        capture_output=True,
        text=True,
    )
    version = importlib.metadata.version("uv")
    assert f"this node needs uv=={version} and cannot install it" in answer.stdout, answer.stderr
