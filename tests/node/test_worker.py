import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gridray.node import end
from gridray.node.answer import Word
from gridray.node.worker import HeadLook, is_known
from tests.node.conftest import FakeHead, Watches, wait_until

pytestmark = pytest.mark.usefixtures("raylet")
SOON = "--timeout=1.5"


def worker(head: FakeHead, *words: str) -> list[str]:
    return ["--role=worker", f"--head={head.address}", *words]


def test_a_worker_ends_when_its_head_is_gone(head: FakeHead, watches: Watches) -> None:
    watches.start(*worker(head, SOON))
    watches.wait_for("needed: ")
    assert not watches.ended.exists()
    head.down()
    watches.wait_for_end()


def test_a_head_that_comes_back_is_not_lost(head: FakeHead, watches: Watches) -> None:
    watches.start(*worker(head, "--timeout=30"))
    watches.wait_for("needed: ")
    head.down()
    watches.wait_for("idle: ")
    head.up()
    wait_until(lambda: watches.said().count("needed: ") == 2)
    assert not watches.ended.exists()


def test_a_head_that_hangs_is_lost(watches: Watches) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hung:
        address = f"127.0.0.1:{hung.getsockname()[1]}"
        watches.start("--role=worker", f"--head={address}", SOON)
        watches.wait_for_end()


def test_a_head_that_has_never_lived_is_lost(watches: Watches) -> None:
    watches.start(*worker(FakeHead(), SOON))
    watches.wait_for_end()


def test_another_head_at_its_address_is_not_its_head(head: FakeHead, watches: Watches) -> None:
    watches.start(*worker(head, SOON))
    watches.wait_for("needed: ")
    head.known = (bytes(28),)
    watches.wait_for_end()
    assert "does not know this machine" in watches.said()


def test_the_head_is_asked_with_the_token_of_ray(
    head: FakeHead, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "abc")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert HeadLook(head.address, 10)().word is Word.NEEDED
    assert head.asked[-1]["authorization"] == "Bearer abc"


def test_a_head_of_another_ray_is_one(head: FakeHead, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridray.node.worker.CHECK", "/another/Check")
    assert HeadLook(head.address, 10)().word is Word.NEEDED


@pytest.mark.parametrize(
    ("reply", "known"),
    [
        (b"\n\x00\x12\x062.60.0\x1a\x01\x01 \x01", True),
        (b"\n\x00\x12\x062.60.0\x1a\x01\x00 \x01", False),
        (b"\n\x00\x12\x062.60.0\x1a\x02\x00\x01 \x01", True),
        (b"\n\x00\x12\x062.60.0 \x01", True),
        (b"", True),
        (b"\x1a", True),
    ],
)
def test_what_ray_answers_is_understood(reply: bytes, known: bool) -> None:
    assert is_known(reply) is known


RUNNER = """
import os, pathlib, signal, sys, time
def end(*_):
    time.sleep(float(sys.argv[3]))
    pathlib.Path(sys.argv[2]).write_text(str(os.path.exists(os.environ["ENDED"])))
    sys.exit()
signal.signal(signal.SIGTERM, end)
print(flush=True)
time.sleep(600)
"""


class Runner:
    """A process by the name of a runner, which takes its time to end."""

    def __init__(self, address: str, word: Path, ended: Path, takes: float) -> None:
        self.word = word
        self.process = subprocess.Popen(
            [sys.executable, "-c", RUNNER, end.RUNNER, str(word), str(takes)],
            env={**os.environ, "RAY_ADDRESS": address, "ENDED": str(ended)},
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        self.process.stdout.readline()


@pytest.fixture
def runners(tmp_path: Path, head: FakeHead, watches: Watches) -> Iterator[dict[str, Runner]]:
    made = {
        "ours": Runner(head.address, tmp_path / "ours", watches.ended, 1),
        "others": Runner("127.0.0.1:1", tmp_path / "others", watches.ended, 0),
        "endless": Runner(head.address, tmp_path / "endless", watches.ended, 600),
    }
    yield made
    for each in made.values():
        each.process.kill()
        each.process.communicate()


def test_runners_end_before_the_machine(
    head: FakeHead, watches: Watches, runners: dict[str, Runner]
) -> None:
    watches.start(*worker(head, SOON, "--grace=5"))
    head.down()
    watches.wait_for_end()
    assert runners["ours"].word.read_text() == "False"
    assert runners["endless"].process.poll() is None
    assert runners["others"].process.poll() is None and not runners["others"].word.exists()


def test_a_shutdown_that_has_no_effect_is_tried_again(
    head: FakeHead, watches: Watches, tmp_path: Path
) -> None:
    tries = tmp_path / "tries"
    watches.start(*worker(head, SOON, "--retry=0.2", f"--shutdown=echo >> {tries}; exit 1"))
    head.known = ()
    wait_until(lambda: tries.exists() and len(tries.read_text()) >= 3)


def test_a_way_that_fails_is_followed_by_the_next_at_once(tmp_path: Path) -> None:
    ways = [["no-such-program"], ["false"], ["touch", str(tmp_path / "done")]]
    code = f"from gridray.node import end; end.end_machine({ways}, 600)"
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        wait_until((tmp_path / "done").exists)
        process.kill()


def test_a_way_that_only_seems_to_work_is_followed_by_the_next_later(tmp_path: Path) -> None:
    ways = [["true"], ["touch", str(tmp_path / "done")]]
    code = f"from gridray.node import end; end.end_machine({ways}, 0.1)"
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        wait_until((tmp_path / "done").exists)
        process.kill()


def test_the_machine_is_shut_down_by_root_or_in_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert end.commands(None) == [["shutdown", "-h", "now"], ["poweroff"]]
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert end.commands(None)[0] == ["sudo", "-n", "shutdown", "-h", "now"]
    assert end.commands("echo $HOME") == [["sh", "-c", "echo $HOME"]]
