"""The handle of the box, which tests and the command line use."""

import fcntl
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.awsbox import answers, cache, cloud
from tests.awsbox.daemon import READY, Options, remove_leftovers
from tests.awsbox.image import PATH
from tests.awsbox.machine import (
    HOSTS,
    REGIONS,
    REQUESTS,
    ROOT,
    STATE,
    BoxError,
    process_of,
    read_json,
    run,
    wait_for,
    what_is_missing,
    write_json,
)

LOCK = STATE / "lock"
OUT = "InsufficientInstanceCapacity"
ON_DEMAND_QUOTA = "VcpuLimitExceeded"
SPOT_QUOTA = "MaxSpotInstanceCountExceeded"


def take_lock() -> int:
    """Take what only one box on a machine has, for as long as this process lives.

    Raises:
        BoxError: there is a box.
    """
    while True:
        STATE.mkdir(parents=True, exist_ok=True)
        file = os.open(LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BoxError("a box is running: `python -m tests.awsbox down` stops it") from None
        # The last box may have removed the file while we opened it.
        if LOCK.exists() and LOCK.stat().st_ino == os.fstat(file).st_ino:
            os.truncate(file, 0)
            os.write(file, str(os.getpid()).encode())
            return file
        os.close(file)


def running() -> int | None:
    """Return the process id of the box; `None` without one."""
    try:
        with open(LOCK) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read() or 0) or None
    except FileNotFoundError:
        pass
    return None


class AwsBox:
    """The box: started and stopped as a context, or whichever runs here.

    `variables` are set in every SSH session on every host; `region` is the user's default one;
    `logs` is a directory that keeps Ray's logs of hosts that have ended.
    """

    def __init__(
        self,
        region: str = "us-west-2",
        variables: Mapping[str, str] | None = None,
        logs: Path | None = None,
    ) -> None:
        self._given = (region, dict(variables or {}), logs)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "AwsBox":
        self.start(for_good=False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self, for_good: bool = True) -> None:
        """Start a box: one that outlives this process, or not.

        Raises:
            BoxError: it cannot run here, one runs already, or it did not start.
        """
        missing = what_is_missing()
        if missing is not None:
            raise BoxError(f"the box cannot run here: {missing}")
        if running():
            raise BoxError("a box is running: `python -m tests.awsbox down` stops it")
        region, variables, logs = self._given
        where = str(cache.directory())
        options = Options(region, variables, where, str(logs.resolve()) if logs else None)
        tie = [] if for_good else ["setpriv", "--pdeathsig", "TERM"]
        STATE.mkdir(parents=True, exist_ok=True)
        READY.unlink(missing_ok=True)
        with open(STATE / "log", "w+") as log:
            process = subprocess.Popen(
                [*tie, sys.executable, "-m", "tests.awsbox", "serve", options.text()],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                wait_for("the box", lambda: process.poll() is not None or READY.exists(), 120)
            except BaseException:
                process.terminate()
                process.wait(30)
                raise
            if process.poll() is not None:
                log.seek(0)
                raise BoxError(f"the box did not start: {log.read()[-2000:]}")
        self._process = process

    def stop(self) -> None:
        """Stop the box that runs here, and all of its hosts."""
        pid = running()
        if pid:
            os.kill(pid, signal.SIGTERM)
            try:
                wait_for("the box to stop", lambda: running() != pid, 60)
            except BoxError:
                os.kill(pid, signal.SIGKILL)
                time.sleep(1)  # its hosts die with it
                remove_leftovers()
        if self._process is not None:
            self._process.wait(10)
            self._process = None

    @property
    def state(self) -> dict[str, Any]:
        """What there is to know of the box.

        Raises:
            BoxError: none is running.
        """
        found: dict[str, Any] | None = read_json(READY, None) if running() else None
        if found is None:
            raise BoxError("no box is running: `python -m tests.awsbox up` starts one")
        return found

    def env(self) -> dict[str, str]:
        """Return what a user of this account has in the environment."""
        return {
            "AWS_ACCESS_KEY_ID": cloud.USER_KEY,
            "AWS_SECRET_ACCESS_KEY": cloud.SECRET_KEY,
            "AWS_ENDPOINT_URL": self.state["endpoint"],
            "AWS_DEFAULT_REGION": self.state["region"],
            "AWS_EC2_METADATA_DISABLED": "true",
            "RAY_USAGE_STATS_ENABLED": "0",
        }

    def client(self, service: str, region: str | None = None) -> Any:
        """Return a client of the test's own: `api_calls` does not have its calls."""
        state = self.state
        return cloud.client(service, region or state["region"], state["endpoint"])

    def instances(self) -> dict[str, dict[str, Any]]:
        """Return what EC2 says of each instance, those of the past too, by id."""
        found = {}
        for region in [path.name for path in REGIONS.iterdir()]:
            ec2 = self.client("ec2", region)
            for page in ec2.get_paginator("describe_instances").paginate():
                for reservation in page["Reservations"]:
                    found.update({each["InstanceId"]: each for each in reservation["Instances"]})
            ec2.close()
        return found

    def hosts(self) -> list[str]:
        """Return the instances whose host is up, so that its SSH server answers."""
        return sorted(path.name for path in HOSTS.glob("*") if process_of(path.name))

    def preempt(
        self, instance_id: str, notice: float = 120, cut: bool = False, wait: bool = True
    ) -> None:
        """Have a spot instance's end announced, and end it `notice` seconds later.

        With `cut` its network goes first, so that nobody hears of its end.
        """
        self._ask(action="preempt", instance_id=instance_id, notice=notice, cut=cut)
        if wait:
            wait_for(
                f"the end of {instance_id}",
                lambda: self.instances()[instance_id]["State"]["Name"] == "terminated",
                notice + 30,
            )

    def rebalance(self, instance_id: str) -> None:
        """Publish a recommendation to rebalance; nothing ends."""
        self._ask(action="rebalance", instance_id=instance_id)

    def kill_host(self, instance_id: str, terminated: bool = False, cut: bool = True) -> None:
        """End a machine as a fault does: EC2 calls the instance running still, or terminated."""
        self._ask(action="kill", instance_id=instance_id, cut=cut)
        if terminated:
            region = self.instances()[instance_id]["Placement"]["AvailabilityZone"][:-1]
            self.client("ec2", region).terminate_instances(InstanceIds=[instance_id])

    def _ask(self, **request: Any) -> None:
        if request["instance_id"] not in self.hosts():
            raise BoxError(f"{request['instance_id']} has no host; these have: {self.hosts()}")
        path = REQUESTS / f"{secrets.token_hex(4)}.json"
        write_json(path, request)
        wait_for(f"the box to {request['action']}", lambda: not path.exists(), 30)

    def capacity(
        self, instance_type: str, is_there: bool, market: str = "spot", zone: str = "*"
    ) -> None:
        """Have launches fail for want of capacity, or work again; in one zone or all."""
        self._refuse(f"{instance_type} {market} {zone}", None if is_there else OUT)

    def quota_error(self, instance_type: str, is_over: bool, market: str = "spot") -> None:
        """Have launches fail at the account's quota, or work again."""
        code = SPOT_QUOTA if market == "spot" else ON_DEMAND_QUOTA
        self._refuse(f"{instance_type} {market} *", code if is_over else None)

    def _refuse(self, what: str, code: str | None) -> None:
        refused: dict[str, str] = read_json(answers.REFUSALS, {})
        refused.pop(what, None)
        write_json(answers.REFUSALS, refused | ({what: code} if code else {}))

    def permit(self, action: str, is_allowed: bool) -> None:
        """Have an action, as "ec2:RunInstances", be denied to everybody, or allowed again."""
        denied = set(read_json(answers.DENIED, [])) - {action}
        write_json(answers.DENIED, sorted(denied if is_allowed else denied | {action}))

    def quota(self, code: str, vcpus: float) -> None:
        """Set what ServiceQuotas says of one of EC2's quotas; no launch is refused for it."""
        write_json(answers.QUOTAS, read_json(answers.QUOTAS, {}) | {code: vcpus})

    def spot_price(self, instance_type: str, zone: str, price: str, at: float = 1.0) -> None:
        """Set the spot price in dollars an hour from a moment on (Unix seconds; 1 for ever)."""
        known = read_json(answers.PRICES, [])
        write_json(answers.PRICES, [*known, [at, instance_type, zone, price]])

    def api_calls(self) -> set[tuple[str, str]]:
        """Return who has called what, as ("user" | "role", "ec2:RunInstances")."""
        calls = (line.split() for line in cloud.CALLS.read_text().splitlines())
        return {(who, call) for who, call in calls}

    def fill_cache(self, *requirements: str) -> None:
        """Have packages or wheels, with what they need, at hand on hosts that start later."""
        cache.fill(Path(self.state["cache"]), *requirements)

    def exec_argv(self, instance_id: str) -> Sequence[str]:
        """Return what to put before a command to run it on a host, as root in its home."""
        process = process_of(instance_id)
        if process is None:
            raise BoxError(f"{instance_id} has no host; these have: {self.hosts()}")
        variables = {"PATH": PATH, "HOME": "/root", "USER": "root", "LANG": "C.UTF-8"}
        settings = [
            f"{name}={value}" for name, value in (variables | self.state["variables"]).items()
        ]
        enter = ["nsenter", "-t", str(process), "-n", "-m", "-p", "-u", "-i"]
        return [*enter, "env", "-i", *settings, "sh", "-c", 'cd && exec "$@"', "sh"]

    def exec(self, instance_id: str, *command: str, timeout: float = 60) -> str:
        """Run a command on a host and return its output.

        Raises:
            BoxError: there is no such host, or the command failed.
        """
        return run(*self.exec_argv(instance_id), *command, timeout=timeout)
