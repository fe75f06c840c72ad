"""This machine's own Ray cluster: started on first use, left running, closed to others."""

import fcntl
import hashlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from gridray.clusters import localstate, rayenvironment
from gridray.clusters.cluster import Cluster
from gridray.clusters.localstate import LocalState
from gridray.errors import ClusterError
from gridray.rayjobs import RayJobs
from gridray.scratch import private_directory
from gridray.settings import LOCAL, Settings

# Every process of the cluster inherits it, so that exactly these are ended with it.
TAG = "GRIDRAY_LOCAL_CLUSTER"
START_TIMEOUT = 120.0
# Whatever else listens on the port that the dashboard had may never answer.
ANSWER_TIMEOUT = 10.0
RUNNER_END_TIMEOUT = 60.0
PROCESS_END_TIMEOUT = 5.0
# What ends may start something else at the last moment.
KILL_ROUNDS = 3
SESSIONS_KEPT = 2
STORE_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CONFIG_FILE",
)


class LocalCluster:
    """The cluster of one `GRIDRAY_HOME`."""

    def __init__(self, settings: Settings) -> None:
        self._settings_home = settings.home
        self._home = localstate.directory(settings.home)

    def running(self) -> Cluster | None:
        """Return the cluster if it answers."""
        state = self._load()
        if state is None:
            return None
        cluster = _cluster(state)
        try:
            RayJobs(cluster.address, cluster.token, answer_timeout=ANSWER_TIMEOUT).version()
        except ClusterError:
            return None
        return cluster

    def key(self) -> str | None:
        """Return the cluster's key in the store, if it has ever been started."""
        state = self._load()
        return None if state is None else state.key

    def ensure(self) -> tuple[Cluster, bool]:
        """Return the cluster, and whether it had to be started.

        Raises:
            ClusterError: it cannot be started.
        """
        if (cluster := self.running()) is not None:
            return cluster, False
        with self._locked():
            if (cluster := self.running()) is not None:
                return cluster, False
            return self._start(), True

    def check_variables(self, store_url: str) -> None:
        """Check that the cluster has what an S3 store needs from the environment.

        Raises:
            ClusterError: it was started without, or with something else.
        """
        state = self._load()
        if state is None or not store_url.startswith("s3://"):
            return
        now = _hashes(state.token)
        other = [name for name, value in now.items() if state.variables.get(name) != value]
        if other:
            raise ClusterError(
                f"the local cluster was started without {', '.join(other)}, or with other values; "
                f"the store {store_url} needs them",
                hint=f"`gridray clusters down {LOCAL}`, then do this again",
            )

    def down(self) -> bool:
        """End every process of the cluster, scripts with a grace; return whether there was any."""
        state = self._load()
        if state is None:
            return False
        with self._locked():
            return _end(state.identity)

    def _start(self) -> Cluster:
        old = self._load()
        identity = old.identity if old else secrets.token_hex(4)
        _end(identity)
        # The same one as before: it opens the secrets of runs that go on.
        token = old.token if old else secrets.token_hex(32)
        port = _free_port(old.port if old else None)
        # Short, since Ray makes sockets below it, and their paths end at 107 characters.
        temporary = private_directory(Path("/tmp")) / f"ray-{identity}"
        temporary.mkdir(exist_ok=True)
        _remove_old_sessions(temporary)
        state = LocalState(identity, port, token, _hashes(token))
        # Before the start, so that what a killed start leaves running can be found.
        localstate.save(self._settings_home, state)
        self._run_ray_start(_environment(identity, token), port, temporary)
        return self._wait_until_up(_cluster(state))

    def ray(self) -> list[str]:
        """Return what starts it, in place of `ray`."""
        return [sys.executable, "-m", "gridray.node.rayscript", str(self._home)]

    def _run_ray_start(self, env: dict[str, str], port: int, temporary: Path) -> None:
        command = [*self.ray(), "start", "--head", "--port=0"]
        command += ["--dashboard-host=127.0.0.1", f"--dashboard-port={port}"]
        command += [
            f"--ray-client-server-port={_free_port(None)}",
            "--dashboard-agent-listen-port=0",
        ]
        command += ["--metrics-export-port=0", "--disable-usage-stats", f"--temp-dir={temporary}"]
        log = self._home / "start.log"
        with open(log, "wb") as output:
            answer = subprocess.run(
                command,
                env=env,
                cwd=self._home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        if answer.returncode != 0:
            _end(env[TAG])
            last = log.read_text(errors="replace").strip().splitlines()[-1:]
            raise ClusterError(
                f"the local Ray cluster did not start: {' '.join(last)}", hint=f"see {log}"
            )

    def _wait_until_up(self, cluster: Cluster) -> Cluster:
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                cluster.jobs().version()
                return cluster
            except ClusterError as error:
                if time.monotonic() > deadline:
                    raise ClusterError(
                        f"the local Ray cluster has started, but its dashboard does not answer "
                        f"after {START_TIMEOUT:.0f} s",
                        hint=f"see {self._home / 'start.log'}, and `gridray clusters down {LOCAL}`",
                    ) from error
            time.sleep(0.2)

    def _load(self) -> LocalState | None:
        return localstate.load(self._settings_home)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = open(self._home / "lock", "w")
        except OSError as error:
            raise ClusterError(
                f"{self._home} cannot be written: {error}", hint="set GRIDRAY_HOME"
            ) from error
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _cluster(state: LocalState) -> Cluster:
    address = f"http://127.0.0.1:{state.port}"
    return Cluster(LOCAL, state.key, address, state.token)


def _environment(identity: str, token: str) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return env | rayenvironment.VARIABLES | {TAG: identity, "RAY_AUTH_TOKEN": token}


def _hashes(token: str) -> dict[str, str]:
    """Return a hash of each variable that a store needs and that is set here."""
    return {
        name: hashlib.sha256(f"{token}{os.environ[name]}".encode()).hexdigest()
        for name in STORE_VARIABLES
        if name in os.environ
    }


def _free_port(wanted: int | None) -> int:
    for port in (wanted or 0, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ClusterError("this machine has no free port", hint="end something that listens on one")


def _remove_old_sessions(temporary: Path) -> None:
    sessions = sorted(path for path in temporary.glob("session_2*") if path.is_dir())
    for session in sessions[:-SESSIONS_KEPT]:
        shutil.rmtree(session, ignore_errors=True)


def _end(identity: str) -> bool:
    """End a cluster's processes: what starts new ones, then scripts, in peace, then the rest."""
    processes = _processes(identity)
    for process in processes:
        if _name(process) == "gcs_server":
            _signal([process], signal.SIGKILL)
    runners = [process for process in processes if "gridray.runner" in _command(process)]
    _signal(runners, signal.SIGTERM)
    psutil.wait_procs(runners, RUNNER_END_TIMEOUT)
    for number in (signal.SIGTERM, *[signal.SIGKILL] * KILL_ROUNDS):
        rest = _processes(identity)
        _signal(rest, number)
        psutil.wait_procs(rest, PROCESS_END_TIMEOUT)
    return bool(processes)


def _processes(identity: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(TAG) == identity and process.pid != os.getpid():
                found.append(process)
        except psutil.Error:
            continue
    return found


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return ""


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.Error:
            continue
