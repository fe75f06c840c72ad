"""The command line in this process, and a store that the library's own writers have filled."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gridray import layout, marks, records, settings
from gridray.artifactindex import ArtifactIndex, ArtifactRecord
from gridray.cli.app import main
from gridray.layout import AttemptName
from gridray.logformat import Encoder
from gridray.metricrecords import (
    AttemptMetrics,
    Chunk,
    ExperimentMetrics,
    Point,
    RunMetrics,
    summarize,
)
from gridray.records import (
    AttemptState,
    ClusterRecord,
    Resources,
    Row,
    RunRecord,
    RunStatus,
    SourceRecord,
    write_points,
)
from gridray.states import Reason, State
from gridray.store import Store

NOW = 1_800_000_000.0


@dataclass(frozen=True)
class Result:
    """What one call has printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Call = Callable[..., Result]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Run `gridray` with these words."""

    def run(*words: str) -> Result:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main(words)
        captured = capsys.readouterr()
        return Result(int(end.value.code or 0), captured.out, captured.err)

    return run


class Filler:
    """Writes runs into the store as client, controller and runner do."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._recorded: dict[str, dict[int, ExperimentMetrics]] = {}

    def run(
        self,
        name: str,
        rows: list[Row],
        *,
        argv: tuple[str, ...] = ("--lr", "0.1"),
        lrs: Sequence[str] = (),
        created_at: float = NOW,
        identity: str = "1",
        cluster: ClusterRecord = ClusterRecord("local", "local-test"),  # noqa: B008
    ) -> None:
        points = [records.Point({"lr": lr or argv[-1]}, argv) for lr in lrs or [""] * len(rows)]
        record = RunRecord(
            name=name,
            identity=identity,
            created_at=created_at,
            script="train.py",
            args=argv,
            sweep={},
            count=len(rows),
            resources=Resources(),
            env={},
            max_parallel=None,
            source=SourceRecord("0" * 64, 10, 1, 12),
            cluster=cluster,
            user="somebody",
            versions={"gridray": "0.1.0"},
        )
        write_points(self.store, name, points)
        self.store.put(layout.active_run(cluster.key, name, "1"), b"")
        self.store.create_json(layout.run_record(name), record.to_json())
        self.store.put_json(layout.status(name), RunStatus(NOW, tuple(rows)).to_json())
        for index, row in enumerate(rows):
            state = AttemptState(row.state, row.reason, row.exit_code, row.started_at, row.ended_at)
            key = layout.attempt_state(AttemptName(name, index, row.attempt))
            self.store.put_json(key, state.to_json())

    def log(self, name: AttemptName, data: bytes, stream: str = "stdout") -> None:
        encoder = Encoder(stream)
        stored = encoder.feed(data, NOW) + encoder.flush(NOW)
        self.store.put(layout.log_chunk(name, stream, 0), stored)

    def artifacts(self, name: AttemptName, files: dict[str, bytes]) -> None:
        records = []
        for path, data in files.items():
            self.store.put(layout.artifact(name, path), data)
            records.append(ArtifactRecord(path, len(data), 0o644, int(NOW * 1e9), name.attempt))
        index = ArtifactIndex(tuple(records))
        self.store.put_json(layout.artifact_index(name), index.to_json())

    def metrics(self, name: AttemptName, **values: Sequence[float]) -> None:
        """Write the metrics of an attempt, a step a second."""
        found = {
            each: [Point(step, NOW + step, value) for step, value in enumerate(numbers)]
            for each, numbers in values.items()
        }
        summaries = {each: summarize(points) for each, points in found.items()}
        told = AttemptMetrics({each: one for each, one in summaries.items() if one}, ("a note",))
        chunk = Chunk(found).to_json()
        self.store.put_json(layout.metric_chunk(name, 0), marks.marked(chunk, "1"))
        self.store.put_json(layout.attempt_summary(name), marks.marked(told.to_json(), "1"))
        self._recorded.setdefault(name.run, {})[name.index] = ExperimentMetrics(
            name.attempt, told.metrics
        )
        raw = RunMetrics(self._recorded[name.run]).to_json()
        self.store.put_json(layout.run_metrics(name.run), marks.marked(raw, "1"))


def fake_tensorboard(directory: Path, then: str = "true") -> Path:
    """Make a program that says how it was started, and ends; return its directory."""
    place = directory / "programs"
    place.mkdir()
    program = place / "tensorboard"
    program.write_text(f"#!/bin/sh\necho \"$@\" > '{place}/asked'\n{then}\n")
    program.chmod(0o755)
    return place


@pytest.fixture
def filler() -> Filler:
    """The default store of this test's own home, with a writer."""
    return Filler(Store(settings.load().store))


def succeeded(seconds: float = 10) -> Row:
    return Row(State.SUCCEEDED, None, 0, 0, NOW, NOW + 1, NOW + 2, NOW + 2 + seconds)


def failed(code: int = 3) -> Row:
    return Row(State.FAILED, Reason.EXIT_CODE, 0, code, NOW, NOW + 1, NOW + 2, NOW + 5)


def running() -> Row:
    return Row(State.RUNNING, None, 0, None, NOW, NOW + 1, NOW + 2)


@pytest.fixture
def filled(filler: Filler) -> Filler:
    """`over`: one experiment succeeded, with a log and files, one failed. `busy`: one runs."""
    filler.run("over", [succeeded(), failed()])
    filler.run("busy", [running(), Row(queued_at=NOW)], created_at=NOW + 1)
    filler.log(AttemptName("over", 0, 0), b"one\ntwo\nthree\n")
    filler.artifacts(AttemptName("over", 0, 0), {"a.txt": b"1234", "sub/b.bin": b"\0" * 2000})
    filler.artifacts(AttemptName("over", 1, 0), {"a.txt": b"5678"})
    return filler
