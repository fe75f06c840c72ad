"""A run in a store, and the runner as a process of its own, as Ray starts it."""

import io
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from gridray import archive, layout, source
from gridray.artifactindex import ArtifactIndex, ArtifactRecord
from gridray.layout import AttemptName
from gridray.readers import logs
from gridray.records import (
    AttemptState,
    ClusterRecord,
    Point,
    Resources,
    RunRecord,
    SourceRecord,
    write_points,
)
from gridray.states import State
from gridray.store import Store
from tests.runner.gate import Gate
from tests.s3 import S3Server


@dataclass
class Attempt:
    """An attempt whose runner runs here."""

    store: Store
    name: AttemptName
    process: "subprocess.Popen[bytes]"
    temporary: Path
    output: bytes = field(default=b"")

    def wait(self) -> AttemptState:
        self.output = self.process.communicate(timeout=120)[0]
        return self.state()

    def state(self) -> AttemptState:
        return AttemptState.from_json(self.store.get_json(layout.attempt_state(self.name)))

    def wait_for_log(self, text: bytes) -> None:
        self.wait_until(lambda: text in self.log())

    def wait_for_state(self, state: State) -> None:
        self.wait_until(lambda: self._said() is state)

    def wait_for_artifact(self, path: str) -> None:
        self.wait_until(lambda: path in self.artifacts())

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not is_so():
            assert time.monotonic() < deadline and self.process.poll() is None, self._said()
            time.sleep(0.05)

    def _said(self) -> State | None:
        raw = self.store.find_json(layout.attempt_state(self.name))
        return None if raw is None else AttemptState.from_json(raw).state

    def log(self) -> bytes:
        return b"".join(logs.raw(self.store, self.name))

    def build_log(self) -> str:
        pieces = logs.raw(self.store, self.name, "build")
        return b"".join(pieces).decode()

    def artifacts(self) -> dict[str, ArtifactRecord]:
        raw = self.store.find_json(layout.artifact_index(self.name))
        return {} if raw is None else {f.path: f for f in ArtifactIndex.from_json(raw).files}

    def content(self, path: str) -> bytes:
        return self.store.get(layout.artifact(self.name, path))

    def stop(self, grace: float) -> None:
        self.store.put_json(layout.attempt_stop(self.name), {"grace": grace})


Start = Callable[..., Attempt]
EMPTY: Mapping[str, str] = MappingProxyType({})
IDENTITY = "identity-of-the-run"


def record_run(
    store: Store, project: Path, script: str, argv: tuple[str, ...], **fields: Any
) -> RunRecord:
    """Put a run of one experiment into the store; `fields` are more of its record."""
    manifest = source.scan(project)
    buffer = io.BytesIO()
    digest = archive.write(project, manifest.files, buffer)
    store.put(layout.source(digest), buffer.getvalue())
    record = RunRecord(
        name="test-run",
        identity=IDENTITY,
        created_at=time.time(),
        script=script,
        args=argv,
        sweep={},
        count=1,
        resources=fields.pop("resources", Resources()),
        env={"FROM_USER": 'it\'s "quoted"'} | fields.pop("env", {}),
        max_parallel=None,
        source=SourceRecord(digest, manifest.size, len(manifest.files), len(buffer.getvalue())),
        cluster=ClusterRecord("local", "local-1"),
        user="somebody",
        versions={},
        **fields,
    )
    write_points(store, record.name, [Point({}, argv)])
    store.create_json(layout.run_record(record.name), record.to_json())
    return record


def run_again(attempt: Attempt, number: int = 0) -> Attempt:
    """Start another attempt at the same experiment."""
    name = AttemptName(attempt.name.run, attempt.name.index, number)
    return _start(attempt.store, name, attempt.temporary)


def _start(store: Store, name: AttemptName, temporary: Path, within: Sequence[str] = ()) -> Attempt:
    words = [store.url, name.run, IDENTITY, str(name.index), str(name.attempt)]
    process = subprocess.Popen(
        [*within, sys.executable, "-m", "gridray.runner", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=temporary.parent,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    return Attempt(store, name, process, temporary)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a script below the runner: `start("print(1)")`; the project has two more files.

    `files` are more of them, by their paths; `within` are the words of a command that runs what
    follows it; `fields` are of the run's record.
    """
    begun: list[Attempt] = []

    def begin(
        text: str,
        *,
        script: str = "main.py",
        argv: tuple[str, ...] = (),
        store: Store | None = None,
        files: Mapping[str, str] = EMPTY,
        within: Sequence[str] = (),
        **fields: Any,
    ) -> Attempt:
        project = tmp_path / "project"
        project.mkdir()
        (project / script).write_text(text)
        (project / script).chmod(0o755)
        (project / "data").mkdir()
        (project / "data" / "given.txt").write_text("given")
        for path, content in files.items():
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            (project / path).write_text(content)
        where = store or Store(str(tmp_path / "store"))
        record = record_run(where, project, script, argv, **fields)
        temporary = tmp_path / "t"
        temporary.mkdir(exist_ok=True)
        begun.append(_start(where, AttemptName(record.name, 0, 0), temporary, within))
        return begun[-1]

    yield begin
    for attempt in begun:
        attempt.process.kill()
        assert attempt.process.stdout is not None
        attempt.process.stdout.close()
        attempt.process.wait()


@pytest.fixture
def gate(s3_server: S3Server, s3_store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """A gate before the S3 server of `s3_store`, for runners only: the store itself is open."""
    s3_store.exists("nothing")
    with Gate(s3_server.endpoint) as between:
        monkeypatch.setenv("AWS_ENDPOINT_URL", between.endpoint)
        yield between
