"""TensorBoard over the event files of a run, which are brought here and follow."""

import errno
import os
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gridray import settings
from gridray.cli import metricshapes as shapes
from gridray.cli import text
from gridray.cli.output import Output
from gridray.errors import GridrayError, NotFoundError, StateError, StoreError, UsageError
from gridray.layout import parse_name
from gridray.readers import artifacts, runs
from gridray.readers.download import Artifact, download
from gridray.records import read_run
from gridray.store import Store

PROGRAM = "tensorboard"
EVENTS = r"(^|/)[^/]*events\.out\.tfevents\.[^/]*$"
# Seconds between two looks for what is new, and that the program has to end.
REFRESH = 10.0
PATIENCE = 5.0
LOOPBACK = "127.0.0.1"
BLOCK = 1024 * 1024


@dataclass
class Board:
    """The event files of a run or an experiment, and the directory that they are brought to.

    `identity` is that of the run: another one may get its name.
    """

    store: Store
    name: str
    identity: str
    program: list[str]
    directory: Path
    files: int = 0

    def shape(self) -> shapes.Board:
        return shapes.Board(self.name, str(self.directory), self.files)

    def refresh(self) -> None:
        """Bring what is new, into the same files: TensorBoard keeps those open that it reads.

        Raises:
            NotFoundError: there is no such run or experiment (any more).
            StoreError: the store cannot be read.
            UsageError: a file cannot be written.
        """
        found = _events(self.store, self.name)
        if _identity(self.store, self.name) != self.identity:
            raise NotFoundError(
                f"{self.name} is of another run by now",
                hint=f"`gridray tensorboard {self.name}` shows that one",
            )
        self.files = len(found)
        wanted = [(each, self._target(each)) for each in found]
        missing = [pair for pair in wanted if not _is_there(*pair)]
        download(self.store, missing, put=_extend)

    def serve(self, out: Output, port: int | None) -> None:
        """Run TensorBoard until it ends, or Ctrl-C.

        Raises:
            StateError: it ends with an error.
        """
        out.flush()
        asked = ["--logdir", str(self.directory), "--host", LOOPBACK]
        asked += ["--port", str(port)] if port is not None else []
        process = subprocess.Popen([*self.program, *asked])
        try:
            while (code := _wait(process, REFRESH)) is None:
                if not self._is_over():
                    self._follow(out)
        except KeyboardInterrupt:
            return
        finally:
            _end(process)
        if code:
            raise StateError(f"TensorBoard has ended with exit code {code}", hint=_hint(port))

    def _follow(self, out: Output) -> None:
        try:
            self.refresh()
        except StoreError as error:
            out.warn(f"nothing new is shown just now: {error.message}")

    def _is_over(self) -> bool:
        """Whether nothing new can come; it is looked once more after the end."""
        was_over, self._over = self._over, self._is_over_now()
        return was_over

    _over: bool = False

    def _is_over_now(self) -> bool:
        run, index = parse_name(self.name)
        try:
            if index is not None:
                view = runs.experiment_view(self.store, run, index, time.time())
                return view.state.is_terminal
            return runs.run_view(self.store, run, time.time()).summary.state.is_terminal
        except GridrayError:
            return False

    def _target(self, artifact: Artifact) -> Path:
        return self.directory / str(artifact.experiment) / artifact.path


def prepare(store: Store, name: str, directory: Path | None) -> Board:
    """Find TensorBoard, and bring the event files that there are.

    Raises:
        NotFoundError: there is no such run or experiment, or it has no event files.
        UsageError: TensorBoard is not installed, or the directory or a file cannot be written.
    """
    identity = _identity(store, name)
    found = _events(store, name)
    board = Board(store, name, identity, _program(), directory or _home(name, identity))
    if not found and board._is_over_now():
        raise NotFoundError(
            f"{name} has no event files of TensorBoard",
            hint=f"`gridray metrics {name}` shows metrics of other files, too",
        )
    try:
        board.directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{text.harmless(str(board.directory))} cannot be made: {error.strerror}",
            hint="choose another --logdir",
        ) from error
    board.refresh()
    return board


def show(out: Output, found: shapes.Board) -> None:
    out.line(found.logdir)
    out.note(f"{text.count(found.files, 'event file')}; Ctrl-C ends TensorBoard")


def _events(store: Store, name: str) -> Sequence[Artifact]:
    run, index = parse_name(name)
    if index is None:
        return artifacts.of_run(store, run, EVENTS)
    return artifacts.of_experiment(store, run, index, EVENTS)


def _identity(store: Store, name: str) -> str:
    run, _ = parse_name(name)
    return read_run(store, run).identity


def _home(name: str, identity: str) -> Path:
    return settings.home() / PROGRAM / name / identity


def _is_there(artifact: Artifact, target: Path) -> bool:
    try:
        status = target.stat()
    except OSError:
        return False
    record = artifact.record
    return (status.st_size, status.st_mtime_ns) == (record.size, record.mtime_ns)


def _extend(new: Path, target: Path) -> None:
    """Append to a file what another version of it has more; one that it does not begin is replaced.

    What is there already is never written differently, so that two of these may do it at once.
    """
    if not _begins(target, new):
        new.replace(target)
        return
    status = new.stat()
    with open(new, "rb") as source, open(target, "r+b") as file:
        source.seek(file.seek(0, os.SEEK_END))
        shutil.copyfileobj(source, file)
    os.utime(target, ns=(status.st_mtime_ns, status.st_mtime_ns))
    new.unlink()


def _begins(path: Path, other: Path) -> bool:
    """Whether there is a file that can be written, and the other one begins with its bytes."""
    try:
        is_file = stat.S_ISREG(path.lstat().st_mode) and os.access(path, os.W_OK)
    except FileNotFoundError:
        return False
    if not is_file:
        return False
    with open(path, "rb") as file, open(other, "rb") as longer:
        while block := file.read(BLOCK):
            if longer.read(len(block)) != block:
                return False
    return True


def _hint(port: int | None) -> str:
    """Return what to do when TensorBoard has ended with an error."""
    if port is None or not _is_taken(port):
        return "it has said why above"
    return f"port {port} is taken: name another --port, or none, and TensorBoard finds a free one"


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        # A port that was listened on a moment ago is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def _program() -> list[str]:
    """Return the words that start TensorBoard: of the PATH, or beside this Python."""
    beside = shutil.which(PROGRAM, path=str(Path(sys.executable).parent))
    found = shutil.which(PROGRAM) or beside
    if found is None:
        raise UsageError(
            "TensorBoard is not installed here",
            hint="`pip install tensorboard`, or see the curves with `gridray metrics --plot`",
        )
    return [found]


def _wait(process: "subprocess.Popen[bytes]", seconds: float) -> int | None:
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    if _wait(process, PATIENCE) is None:
        process.kill()
        process.wait()
