"""`ray up` as a process: what it says when it fails, and that it ends with its caller."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from gridray.clusters.aws import rayup
from gridray.clusters.aws.made import Made
from gridray.errors import ClusterError
from tests.node.conftest import wait_until

ONE = Made("one", "us-east-1", "123456789012", 0.0, "s3://bucket", "owner")
# As Ray says it of a security group that is gone.
NO_GROUP = """\
2026-11-24 21:01:33,500\tINFO config.py:133 -- AWS config
2026-11-24 21:01:33,501\tVINFO utils.py:149 -- Creating AWS resource `ec2` in `us-east-1`
2026-11-24 21:01:33,645\tPANIC config.py:678 -- Failed to detect a security group with this id.
Traceback (most recent call last):
  File "scripts.py", line 1, in main
    return cli()
           ^^^^^
  File "cli_logger.py", line 581, in doassert
    self.abort(msg, *args, exc=exc, **kwargs)
  File "cli_logger.py", line 557, in abort
    raise exc
  File "a.py", line 1, in b
    raise exc
AssertionError
"""
# As it says it of a command that fails on the head.
NO_SETUP = """\
2026-11-24 21:01:41,970\tINFO updater.py:469 -- [6/7] Running setup commands
2026-11-24 21:01:41,970\tVVINFO command_runner.py:401 -- Full command is `ssh`
curl: (6) Could not resolve host: astral.sh
gridray: this node cannot be set up: fetching uv failed
Shared connection to 127.0.0.1 closed.
2026-11-24 21:02:13,315\tERR updater.py:177 -- New status: update-failed
2026-11-24 21:02:13,315\tERR updater.py:179 -- !!!
2026-11-24 21:02:13,315\tVERR updater.py:189 -- Exception details: {'message': 'SSH failed'}
2026-11-24 21:02:13,316\tERR updater.py:191 -- Full traceback: Traceback (most recent call last):
  File "updater.py", line 159, in run
    self.do_update()
  File "command_runner.py", line 293, in _run_helper
    raise click.ClickException(fail_msg) from None
click.exceptions.ClickException: SSH command failed.

2026-11-24 21:02:13,316\tERR updater.py:194 -- !!!
2026-11-24 21:02:13,323\tPANIC commands.py:925 -- Failed to setup head node.
Error: Failed to setup head node.
"""
# It takes no notice of SIGTERM, as an ssh that waits for its head.
STUBBORN = """
import os, pathlib, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path(__file__).with_name("pid").write_text(str(os.getpid()))
time.sleep(120)
"""
CALLER = """
import pathlib, sys
from gridray.clusters.aws import rayup
from gridray.clusters.aws.made import Made
rayup.RAY = (sys.executable, sys.argv[1])
rayup.END_SECONDS = 1.0
one = Made("one", "us-east-1", "123456789012", 0.0, "s3://bucket", "owner")
rayup.run(pathlib.Path(sys.argv[1]).with_name("cluster.yaml"), one, print)
"""


@pytest.mark.parametrize(
    "said, told",
    [
        (NO_GROUP, ["AWS config", "Failed to detect a security group with this id."]),
        (
            NO_SETUP,
            [
                "[6/7] Running setup commands",
                "curl: (6) Could not resolve host: astral.sh",
                "gridray: this node cannot be set up: fetching uv failed",
                "click.exceptions.ClickException: SSH command failed.",
                "Failed to setup head node.",
                "Error: Failed to setup head node.",
            ],
        ),
        ("", ["it said nothing"]),
    ],
)
def test_a_failure_is_told_in_ray_s_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, told: list[str]
) -> None:
    script = tmp_path / "ray.py"
    script.write_text(f"import sys\nsys.stdout.write({said!r})\nsys.exit(1)\n")
    monkeypatch.setattr(rayup, "RAY", (sys.executable, str(script)))
    with pytest.raises(ClusterError) as caught:
        rayup.run(tmp_path / "cluster.yaml", ONE, lambda line: None)
    assert [line.strip() for line in caught.value.message.splitlines()[1:]] == told
    assert (tmp_path / rayup.LOG).read_text() == said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_it_ends_with_its_caller(tmp_path: Path, number: signal.Signals) -> None:
    script = tmp_path / "ray.py"
    script.write_text(STUBBORN)
    caller = subprocess.Popen(
        [sys.executable, "-c", CALLER, str(script)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # In a group of its own, as a shell's job.
        start_new_session=True,
    )
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    ray = psutil.Process(int((tmp_path / "pid").read_text()))
    os.killpg(caller.pid, number)
    caller.wait(30)
    wait_until(lambda: not ray.is_running() or ray.status() == psutil.STATUS_ZOMBIE)
