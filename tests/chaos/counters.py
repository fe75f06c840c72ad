"""Counters that can be interrupted at any moment, and the model of what they leave behind.

Each keeps its steps in one file, goes on from it, and leaves a mark where all attempts are seen.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import gridray
from gridray import layout
from gridray.artifactindex import ArtifactIndex
from gridray.layout import AttemptName
from gridray.readers import logs
from gridray.states import State
from gridray.store import Store

COUNTER = """
import os, signal, sys, time
def stop(*_):
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
steps, journal, attempt = int(sys.argv[1]), sys.argv[2], os.environ['GRIDRAY_ATTEMPT']
path = journal + "/" + os.environ["GRIDRAY_EXPERIMENT_INDEX"]
witness = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
done = open('steps').read() if os.path.exists('steps') else ''
n = done.count('\\n')
print('from', n, flush=True)
while n < steps:
    n += 1
    done += f'{n}\\n'
    open('new', 'w').write(done); os.replace('new', 'steps')
    os.write(witness, f'{attempt}\\n'.encode())
    print('step', n, flush=True)
    time.sleep(0.25)
print('done')
"""


@dataclass
class Counters:
    """A run of so many counters, each of so many steps; `journal` is where the marks are."""

    run: gridray.Run
    steps: int
    journal: Path

    def wait_for_first_log(self) -> None:
        deadline = time.monotonic() + 120
        while not any(experiment.log() for experiment in self.run.experiments):
            assert time.monotonic() < deadline, self.run.status()
            time.sleep(0.5)

    def check(self, store: Store, cut_off: Collection[AttemptName] = ()) -> None:
        """Wait for the end, and check it.

        Args:
            cut_off: attempts that could not know for a time that they were replaced.
        """
        view = self.run.wait(timeout=400)
        ends = [
            (each.name, each.attempt, each.state.value, each.explanation)
            for each in view.experiments
        ]
        assert {each.state for each in view.experiments} == {State.SUCCEEDED}, ends
        for each in view.experiments:
            self._check_files(store, each.index, each.attempt)
            self._check_log(store, AttemptName(self.run.name, each.index, each.attempt))
            self._check_alone(each.index, {n.attempt for n in cut_off if n.index == each.index})

    def _check_files(self, store: Store, index: int, last: int) -> None:
        """Each step is there once and in order; each attempt went on from what was stored."""
        expected = "".join(f"{n}\n" for n in range(1, self.steps + 1)).encode()
        assert steps_of(store, AttemptName(self.run.name, index, last)) == expected
        stored = b""
        for attempt in range(last + 1):
            name = AttemptName(self.run.name, index, attempt)
            lines = b"".join(logs.raw(store, name)).splitlines()
            if lines:
                went_on = f"{name} began {lines[0]!r}, and {len(stored.splitlines())} were stored"
                assert lines[0] == b"from %d" % stored.count(b"\n"), went_on
            if store.exists(layout.artifact_index(name)):
                stored = steps_of(store, name)

    def _check_log(self, store: Store, name: AttemptName) -> None:
        """Every line that the last attempt wrote is in the store, once and in order."""
        first, *others = b"".join(logs.raw(store, name)).decode().splitlines()
        begun = int(first.removeprefix("from "))
        assert others == [*(f"step {n}" for n in range(begun + 1, self.steps + 1)), "done"]

    def _check_alone(self, index: int, cut_off: Collection[int]) -> None:
        """No attempt did a step after the next one had; one that was cut off could not know."""
        seen = [int(line) for line in (self.journal / str(index)).read_text().splitlines()]
        known = [attempt for attempt in seen if attempt not in cut_off]
        assert known == sorted(known), f"two attempts of exp{index} at once: {seen}"


def submit(tmp_path: Path, name: str, *, count: int, steps: int, retries: int = 0) -> Counters:
    project, journal = tmp_path / "project", tmp_path / "journal"
    project.mkdir()
    journal.mkdir()
    (project / "main.py").write_text(COUNTER)
    spec = gridray.RunSpec(
        script="main.py",
        args=(str(steps), str(journal), "--x", f"range({count})"),
        root=project,
        name=name,
        cluster="auto",
        gpus=1,
        cpus=0.1,
        auto_resume=True,
        retries=retries,
        grace=5,
    )
    return Counters(gridray.submit(spec), steps, journal)


def steps_of(store: Store, name: AttemptName) -> bytes:
    """Return the steps that an attempt's files show, wherever their copy is."""
    key = layout.artifact_index(name)
    for file in ArtifactIndex.from_json(store.get_json(key)).files:
        if file.path == "steps":
            source = AttemptName(name.run, name.index, file.attempt)
            return store.get(layout.artifact(source, "steps"))
    return b""
