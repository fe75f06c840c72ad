"""How the command starts, and does not."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import jsonschema

from gridray.cli import reference
from tests.pages import Pages

COMMAND = [sys.executable, "-m", "gridray", "ui", "--no-browser"]


def test_a_port_in_use_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = subprocess.run(
            [*COMMAND, "--port", str(port)], capture_output=True, text=True, timeout=60
        )
    assert answer.returncode == 2 and answer.stdout == ""
    assert f"the port {port} of 127.0.0.1 is in use" in answer.stderr
    assert "--port 0" in answer.stderr


def test_it_listens_on_loopback_only(pages: Pages) -> None:
    addresses = {
        line.split()[1]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{pages.port:04X}")
    }
    assert addresses == {f"0100007F:{pages.port:04X}"}
    assert f":{pages.port:04X} " not in Path("/proc/net/tcp6").read_text()


def test_without_nicegui_it_says_what_to_install(tmp_path: Path) -> None:
    hidden = tmp_path / "sitecustomize.py"
    hidden.write_text(
        "import importlib.util\nfind = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: "
        "None if name == 'nicegui' else find(name, *rest)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    answer = subprocess.run(COMMAND, capture_output=True, text=True, env=environment, timeout=60)
    assert answer.returncode == 2 and 'pip install "gridray[ui]"' in answer.stderr


def test_the_link_as_json_and_the_end(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", "-o", "json"], stdout=subprocess.PIPE, text=True, cwd=tmp_path
    )
    assert process.stdout is not None
    try:
        document, depth = "", 0
        while not document or depth:
            line = process.stdout.readline()
            assert line, document
            document += line
            depth += line.count("{") - line.count("}")
        jsonschema.validate(json.loads(document), reference.schema("ui"))
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(20) in (0, 130)
        process.stdout.close()
    assert not (tmp_path / ".nicegui").exists()
