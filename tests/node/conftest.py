"""The watch as a real process, a head that speaks as Ray's does, and a raylet by its name."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest

from gridray.node import place
from gridray.node.worker import CHECK
from tests.s3 import free_ports

NODE_ID = os.urandom(28)
PATIENCE = 60.0


def wait_until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class FakeHead:
    """Answers CheckAlive for the nodes that it knows, on a port of its own, while it is up."""

    def __init__(self, *known: bytes) -> None:
        self.known = known
        self.asked: list[dict[str, Any]] = []
        self.port = free_ports(1)[0]
        self.address = f"127.0.0.1:{self.port}"
        self._server: Any = None

    def up(self) -> "FakeHead":
        self._server = grpc.server(
            ThreadPoolExecutor(1), handlers=[self], options=[("grpc.so_reuseport", 0)]
        )
        self._server.add_insecure_port(self.address)
        self._server.start()
        return self

    def down(self) -> None:
        if self._server is not None:
            self._server.stop(None).wait()
            self._server = None

    def service(self, details: Any) -> Any:
        """Serve; grpc calls it for each request."""
        if details.method != CHECK:
            return None
        self.asked.append(dict(details.invocation_metadata))
        return grpc.unary_unary_rpc_method_handler(self._answer)

    def _answer(self, body: bytes, _: object) -> bytes:
        ids = [body[at + 2 : at + 30] for at in range(0, len(body), 30)]
        said = bytes(each in self.known for each in ids)
        # As Ray 2.60 was seen to answer.
        return b"\n\x00\x12\x062.60.0\x1a" + bytes([len(said)]) + said + b" \x01"


@pytest.fixture
def head() -> Iterator[FakeHead]:
    made = FakeHead(NODE_ID).up()
    yield made
    made.down()


@pytest.fixture
def raylet(tmp_path: Path) -> Iterator[None]:
    """A process that is called as Ray's is, and names its node as Ray's does."""
    program = tmp_path / "raylet"
    program.symlink_to(Path(sys.executable).resolve())
    words = ["-c", "import time; time.sleep(600)", f"--node_id={NODE_ID.hex()}"]
    process = subprocess.Popen([program, *words])
    yield
    process.kill()
    process.wait()


class Watches:
    """Starts watches; `ended` appears when one of them ends the machine."""

    def __init__(self, directory: Path) -> None:
        self.ended = directory / "the machine has ended"

    def arguments(self, *words: str) -> list[str]:
        shutdown = f"--shutdown=touch '{self.ended}'"
        return [sys.executable, "-m", place.PROGRAM, "watch", shutdown, *words]

    def start(self, *words: str, **options: Any) -> "subprocess.CompletedProcess[str]":
        """Start one as a node does: it leaves for the background."""
        return subprocess.run(
            self.arguments(*words), capture_output=True, text=True, timeout=PATIENCE, **options
        )

    def process(self) -> psutil.Process:
        pid = place.holder()
        assert pid is not None
        return psutil.Process(pid)

    def said(self) -> str:
        try:
            return (place.home() / "watch.log").read_text()
        except FileNotFoundError:
            return ""

    def wait_for(self, text: str) -> None:
        wait_until(lambda: text in self.said())

    def wait_for_end(self) -> None:
        wait_until(self.ended.exists)


@pytest.fixture
def watches(tmp_path: Path) -> Iterator[Watches]:
    made = Watches(tmp_path)
    yield made
    for process in psutil.process_iter():
        try:
            if place.PROGRAM in process.cmdline() and str(made.ended) in str(process.cmdline()):
                process.send_signal(signal.SIGKILL)
        except psutil.Error:
            continue
