"""The scripts that run on a node, with real bash and uv and tiny packages."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from gridray.clusters.aws import nodefiles
from gridray.node import fuse
from tests.metadata import MetadataService
from tests.wheels import wheel

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
PROGRAM = "#!/bin/sh\necho ray, version tiny\n"
NOTED = """#!/bin/sh
echo "$(basename "$0") $*" >>"$HOME/called"
env >"$HOME/env"
"""


class Node:
    """A home in which the node's files lie, with tiny packages instead of Gridray and Ray."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.root = home / ".gridray-node"
        self.files = self.root / "files"
        self.index = home / "index"
        nodefiles.write(self.files, "secret")
        for path in self.files.glob("*.whl"):
            path.unlink()
        wheel(self.files, "gridray", "1.0", ["ray"])
        for version in ("2.0", "3.0"):
            with zipfile.ZipFile(wheel(self.index, "ray", version), "a") as file:
                file.writestr(f"ray-{version}.data/scripts/ray", PROGRAM)
        (self.files / "constraints.txt").write_text("ray==2.0\n")

    def run(self, script: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a script as Ray does, with uv on the PATH and without a network."""
        place = Path(sys.executable).parent
        base = {
            "HOME": str(self.home),
            "PATH": f"{place}:/usr/local/bin:/usr/bin:/bin",
            "UV_OFFLINE": "1",
            "UV_NO_INDEX": "1",
            "UV_FIND_LINKS": str(self.index),
            "UV_CACHE_DIR": str(self.home / "cache"),
            "GRIDRAY_SETUP_PAUSE": "0",
            "OMP_NUM_THREADS": "1",
            "PYTHONWARNINGS": "ignore",
        }
        return subprocess.run(
            ["bash", str(self.files / script), *arguments],
            env=base | env,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            cwd="/",
        )

    def version(self, package: str) -> str:
        code = f"import {package}; print({package}.__version__)"
        python = self.root / "env/bin/python"
        return subprocess.check_output([python, "-I", "-c", code], text=True).strip()


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path / "home of 'x'")


@pytest.fixture
def ray(node: Node) -> Path:
    path = node.root / "env/bin/ray"
    path.parent.mkdir(parents=True)
    for each in (path, path.with_name("python")):
        each.write_text(NOTED)
        each.chmod(0o755)
    return path


def test_set_up_once(node: Node) -> None:
    answer = node.run("setup.sh")
    assert answer.returncode == 0, answer.stderr
    assert node.version("ray") == "2.0"
    assert node.version("gridray") == "1.0"
    assert "ray, version tiny" in answer.stdout
    again = node.run("setup.sh", PATH="/usr/bin:/bin")
    assert (again.returncode, again.stdout) == (0, "gridray: this node has it all already\n")
    compiled = node.root.glob("env/lib/python*/site-packages/__pycache__/gridray.*.pyc")
    assert len(list(compiled)) == 1


def test_another_wheel_of_the_same_version_is_installed_anew(node: Node) -> None:
    assert node.run("setup.sh").returncode == 0
    (path,) = node.files.glob("*.whl")
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("addition.py", "__version__ = 'another'\n")
    answer = node.run("setup.sh")
    assert answer.returncode == 0, answer.stderr
    assert node.version("addition") == "another"


def test_cut_off_it_is_done_again(node: Node) -> None:
    assert node.run("setup.sh").returncode == 0
    (node.root / "env/gridray-stamp").unlink()
    (node.root / "env/bin/ray").unlink()
    answer = node.run("setup.sh")
    assert answer.returncode == 0, answer.stderr
    assert (node.root / "env/bin/ray").exists()


def test_what_fails_is_tried_again_and_said(node: Node) -> None:
    (node.files / "constraints.txt").write_text("ray==9.9\n")
    answer = node.run("setup.sh", GRIDRAY_SETUP_ATTEMPTS="3")
    assert answer.returncode == 1
    assert len(re.findall(r"attempt \d of 3; again", answer.stderr)) == 2
    assert "installing gridray-1.0-py3-none-any.whl failed 3 times" in answer.stderr
    assert "ray==9.9" in answer.stderr
    assert not (node.root / "env/gridray-stamp").exists()


def test_neither_uv_nor_a_way_to_it(node: Node, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("bash", "dirname", "cat", "sha256sum"):
        found = shutil.which(name)
        assert found
        (programs / name).symlink_to(found)
    answer = node.run("setup.sh", PATH=str(programs))
    assert answer.returncode == 1
    assert "neither uv nor curl" in answer.stderr


def test_files_that_did_not_come(node: Node) -> None:
    for path in node.files.glob("*.whl"):
        path.unlink()
    answer = node.run("setup.sh")
    assert answer.returncode == 1
    assert "not one wheel of Gridray" in answer.stderr


def test_ray_starts_with_what_the_metadata_say(node: Node, ray: Path) -> None:
    with MetadataService() as service:
        service.answers["/latest/meta-data/instance-type"] = "g4dn.xlarge"
        service.answers["/latest/meta-data/placement/availability-zone"] = "us-west-2b"
        answer = node.run(
            "start.sh",
            "--head",
            "--a=b c",
            AWS_EC2_METADATA_SERVICE_ENDPOINT=service.endpoint,
        )
    assert answer.returncode == 0, answer.stderr
    called = (node.home / "called").read_text().splitlines()
    assert called[0] == "ray stop" and "gridray.node.rayscript" in called[1]
    assert called[1].endswith(f" {node.root} start --disable-usage-stats --head --a=b c")
    env = dict(line.split("=", 1) for line in (node.home / "env").read_text().splitlines())
    assert env["GRIDRAY_INSTANCE_TYPE"] == "g4dn.xlarge"
    assert env["RAY_NODE_ZONE"] == "us-west-2b"
    assert env["PATH"].startswith(f"{ray.parent}:")
    assert not {"OMP_NUM_THREADS", "PYTHONWARNINGS"} & set(env)


def test_ray_starts_where_there_are_no_metadata(node: Node, ray: Path) -> None:
    nowhere = "http://127.0.0.1:9"
    answer = node.run("start.sh", "--head", AWS_EC2_METADATA_SERVICE_ENDPOINT=nowhere)
    assert answer.returncode == 0, answer.stderr
    env = (node.home / "env").read_text()
    assert "GRIDRAY_INSTANCE_TYPE" not in env and "RAY_NODE_ZONE" not in env


def test_the_fuse_is_the_one_that_was_put_in() -> None:
    assert f"-e {fuse.FUSE} " in (nodefiles.SCRIPTS / "start.sh").read_text()


def test_the_files_are_those_of_today(tmp_path: Path) -> None:
    nodefiles.main([str(tmp_path / "node")])
    (tmp_path / "node/gridray-0.0.1-py3-none-any.whl").write_bytes(b"old")
    token = (tmp_path / "node/token").read_text()
    nodefiles.main([str(tmp_path / "node")])
    assert (tmp_path / "node/token").read_text() == token
    assert len(token) == 64
    assert len(list((tmp_path / "node").glob("*.whl"))) == 1
    assert (tmp_path / "node/python-version").read_text() == f"{PYTHON}\n"
    assert os.stat(tmp_path / "node/token").st_mode & 0o777 == 0o600
