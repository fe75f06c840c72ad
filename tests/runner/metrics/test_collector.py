"""What is collected is written once, whole, and in spite of a store that fails."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from gridray import layout
from gridray.errors import StoreError
from gridray.layout import AttemptName
from gridray.metricrecords import summarize
from gridray.readers.metrics import points_of
from gridray.runner.metrics.collector import CHUNK_POINTS, Collector
from gridray.runner.metrics.files import MetricFiles
from gridray.runner.metrics.thinning import UNTHINNED
from gridray.runner.metrics.usage import Usage
from gridray.store import Store

NAME = AttemptName("run", 0, 0)
PATH = ["metrics.jsonl"]


class Script:
    """What a script writes, and who collects it."""

    def __init__(self, root: Path, attempt: int = 0) -> None:
        self.store = Store(str(root / "store"))
        self.work = root / "work"
        self.work.mkdir(exist_ok=True)
        self.name = AttemptName("run", 0, attempt)
        before = PATH if attempt else []
        usage = Usage(lambda: None, {}, 0)
        files = MetricFiles(self.work, before)
        self.collector = Collector(self.store, self.name, "1", 0.0, files, None, usage)

    def write(self, *rows: Mapping[str, float], path: str = PATH[0]) -> None:
        (self.work / path).parent.mkdir(exist_ok=True)
        with (self.work / path).open("a") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)

    def values(self, name: str) -> list[float]:
        points = points_of(self.store, "1", [self.name])[name]
        return [points[step].value for step in sorted(points)]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    return Script(tmp_path)


def test_an_outage_of_the_store_costs_no_point(script: Script, tmp_path: Path) -> None:
    directory = tmp_path / "store"
    directory.write_text("in the way")
    script.write(*({"loss": value} for value in range(CHUNK_POINTS + 10)))
    with pytest.raises(StoreError):
        script.collector.look(PATH)
    script.write({"loss": -1})
    with pytest.raises(StoreError):
        script.collector.look(PATH)
    directory.unlink()
    script.collector.look(PATH)
    found = script.values("loss")
    assert found[:UNTHINNED] == list(range(UNTHINNED)) and found[-1] == -1
    assert script.collector.latest["loss"].count == CHUNK_POINTS + 11


def test_full_chunks_are_not_written_again(script: Script) -> None:
    names = [f"m{number}" for number in range(10)]
    for step in range(UNTHINNED):
        script.write(dict.fromkeys(names, float(step)))
        if step % 100 == 99:
            script.collector.look(PATH)
    script.collector.look(PATH, is_last=True)
    keys = [entry.key for entry in script.store.entries(layout.metrics(NAME))]
    assert keys == [layout.metric_chunk(NAME, number) for number in range(len(keys))]
    assert len(keys) == 3
    for name in names:
        assert script.values(name) == list(range(UNTHINNED))


def test_nothing_new_is_nothing_to_write(script: Script) -> None:
    script.write({"loss": 1})
    script.collector.look(PATH)
    script.store.delete(layout.attempt_summary(NAME))
    script.collector.look(PATH)
    assert not script.store.exists(layout.attempt_summary(NAME))


def test_names_of_several_sources_are_kept_apart(script: Script) -> None:
    paths = ["a/metrics.jsonl", "b/metrics.jsonl", "a/metrics.csv"]
    for value, path in enumerate(paths[:2]):
        script.write({"loss": value}, path=path)
    (script.work / paths[2]).write_text("loss,acc\n7,8\n")
    script.collector.look(paths)
    found = {name: each.last for name, each in script.collector.latest.items()}
    assert found == {"loss": 7, "acc": 8, "b/loss": 1}


def test_another_attempt_goes_on_from_what_the_store_has(script: Script, tmp_path: Path) -> None:
    script.write(*({"step": step, "loss": 9 - step, "old": 1} for step in range(5)))
    script.collector.look(PATH, is_last=True)
    later = Script(tmp_path, attempt=1)
    later.write({"step": 3, "loss": 50}, {"step": 4, "loss": 40})
    later.collector.look(PATH, is_last=True)
    points = points_of(later.store, "1", [NAME, later.name])
    for name in ("loss", "old"):
        expected = summarize(points[name][step] for step in sorted(points[name]))
        assert later.collector.latest[name] == expected
    assert later.collector.latest["loss"].least == 7


def test_damage_in_what_attempts_before_have_left_is_told(script: Script, tmp_path: Path) -> None:
    script.write({"loss": 1})
    script.store.put(layout.metric_chunk(NAME, 0), b"{")
    later = Script(tmp_path, attempt=1)
    later.write({"loss": 2})
    later.collector.look(PATH)
    assert later.collector.latest["loss"].last == 2
    assert any("is damaged" in note for note in later.collector.notes)
