"""A run in a store, and the runner as a process of its own, as Ray starts it."""

import io
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gridray import archive, layout, source
from gridray.layout import AttemptName
from gridray.readers import logs
from gridray.records import (
    ArtifactIndex,
    ArtifactRecord,
    AttemptState,
    ClusterRecord,
    Point,
    Resources,
    RunRecord,
    SourceRecord,
    write_points,
)
from gridray.store import Store


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
        deadline = time.monotonic() + 60
        while text not in self.log():
            assert time.monotonic() < deadline and self.process.poll() is None, self.log()
            time.sleep(0.05)

    def log(self) -> bytes:
        return b"".join(logs.raw(self.store, self.name))

    def artifacts(self) -> dict[str, ArtifactRecord]:
        raw = self.store.find_json(layout.artifact_index(self.name))
        return {} if raw is None else {f.path: f for f in ArtifactIndex.from_json(raw).files}

    def content(self, path: str) -> bytes:
        return self.store.get(layout.artifact(self.name, path))

    def stop(self, grace: float) -> None:
        self.store.put_json(layout.attempt_stop(self.name), {"grace": grace})


Start = Callable[..., Attempt]
IDENTITY = "identity-of-the-run"


def record_run(
    store: Store, project: Path, script: str, argv: tuple[str, ...], max_time: float | None
) -> RunRecord:
    """Put a run of one experiment into the store."""
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
        resources=Resources(),
        env={"FROM_USER": 'it\'s "quoted"'},
        max_parallel=None,
        source=SourceRecord(digest, manifest.size, len(manifest.files), len(buffer.getvalue())),
        cluster=ClusterRecord("local", "local-1"),
        user="somebody",
        versions={},
        max_time=max_time,
    )
    write_points(store, record.name, [Point({}, argv)])
    store.create_json(layout.run_record(record.name), record.to_json())
    return record


def run_again(attempt: Attempt, number: int = 0) -> Attempt:
    """Start another attempt at the same experiment."""
    name = AttemptName(attempt.name.run, attempt.name.index, number)
    return _start(attempt.store, name, attempt.temporary)


def _start(store: Store, name: AttemptName, temporary: Path) -> Attempt:
    words = [store.url, name.run, IDENTITY, str(name.index), str(name.attempt)]
    process = subprocess.Popen(
        [sys.executable, "-m", "gridray.runner", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=temporary.parent,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    return Attempt(store, name, process, temporary)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a script below the runner: `start("print(1)")`; the project has two more files."""
    begun: list[Attempt] = []

    def begin(
        text: str,
        *,
        script: str = "main.py",
        argv: tuple[str, ...] = (),
        store: Store | None = None,
        max_time: float | None = None,
    ) -> Attempt:
        project = tmp_path / "project"
        project.mkdir()
        (project / script).write_text(text)
        (project / script).chmod(0o755)
        (project / "data").mkdir()
        (project / "data" / "given.txt").write_text("given")
        where = store or Store(str(tmp_path / "store"))
        record = record_run(where, project, script, argv, max_time)
        temporary = tmp_path / "t"
        temporary.mkdir(exist_ok=True)
        begun.append(_start(where, AttemptName(record.name, 0, 0), temporary))
        return begun[-1]

    yield begin
    for attempt in begun:
        attempt.process.kill()
        assert attempt.process.stdout is not None
        attempt.process.stdout.close()
        attempt.process.wait()
