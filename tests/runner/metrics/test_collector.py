"""What is collected is written once, whole, and in spite of a store that fails."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest

from gridray import layout
from gridray.errors import StoreError
from gridray.layout import AttemptName
from gridray.metricrecords import Point, Summary, summarize
from gridray.readers.metrics import points_of
from gridray.runner.metrics import earlier
from gridray.runner.metrics.collector import CHUNK_POINTS, FILES_TOLD, Collector
from gridray.runner.metrics.files import MetricFiles
from gridray.runner.metrics.thinning import UNTHINNED
from gridray.runner.metrics.usage import Usage
from gridray.store import Store

NAME = AttemptName("run", 0, 0)
PATH = ["metrics.jsonl"]


class Script:
    """What a script writes, and who collects it."""

    def __init__(self, root: Path, attempt: int = 0, before: Sequence[str] = PATH) -> None:
        self.store = Store(str(root / "store"))
        self.work = root / "work"
        self.work.mkdir(exist_ok=True)
        self.name = AttemptName("run", 0, attempt)
        usage = Usage(lambda: None, {}, 0)
        files = MetricFiles(self.work, before if attempt else [])
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


def test_a_lost_end_of_an_event_file_is_told_at_the_last_look(script: Script) -> None:
    path = "events.out.tfevents.1"
    (script.work / path).write_bytes(b"\x18")
    script.collector.look([path])
    assert script.collector.notes == []
    script.collector.look([path], is_last=True)
    told = script.store.get_json(layout.attempt_summary(NAME))
    assert f"{path}: it ends in the middle of a record" in json.dumps(told)


def test_names_of_several_sources_are_kept_apart(script: Script) -> None:
    paths = ["a/metrics.jsonl", "b/metrics.jsonl", "a/metrics.csv"]
    (script.work / "a").mkdir()
    (script.work / paths[2]).write_text("loss,acc\n7,8\n")
    for value, path in enumerate(paths[:2]):
        script.write({"loss": value}, path=path)
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


def test_a_directory_keeps_its_names_in_the_next_attempt(script: Script, tmp_path: Path) -> None:
    paths = ["train/metrics.jsonl", "eval/metrics.jsonl"]
    script.write({"loss": 1}, path=paths[0])
    script.collector.look(paths[:1])
    script.write({"loss": 2}, path=paths[1])
    script.collector.look(paths, is_last=True)
    later = Script(tmp_path, attempt=1, before=paths)
    later.write({"loss": 3}, path=paths[1])
    later.collector.look(paths)
    later.write({"loss": 4}, path=paths[0])
    later.collector.look(paths)
    found = {name: each.last for name, each in later.collector.latest.items()}
    assert found == {"loss": 4, "eval/loss": 3}


def test_a_new_directory_has_the_names_of_one_that_has_nothing_new(
    script: Script, tmp_path: Path
) -> None:
    paths = ["version_0/metrics.jsonl", "version_1/metrics.jsonl"]
    script.write({"step": 0, "loss": 1}, path=paths[0])
    script.collector.look(paths[:1], is_last=True)
    later = Script(tmp_path, attempt=1, before=paths[:1])
    later.write({"step": 1, "loss": 3}, path=paths[1])
    later.collector.look(paths)
    assert later.collector.latest["loss"].count == 2
    assert list(later.collector.latest) == ["loss"]


def test_values_that_were_thinned_or_done_again_are_counted_once(
    script: Script, tmp_path: Path
) -> None:
    script.write(*({"step": 3 * step, "loss": math.sin(step)} for step in range(10_000)))
    script.collector.look(PATH, is_last=True)
    before = PATH
    for attempt, first in ((1, 7_500), (2, 9_001), (3, 7_501)):
        later = Script(tmp_path, attempt=attempt, before=before)
        later.write(*({"step": 3 * step, "loss": 0.5} for step in range(first, first + 3_000)))
        later.collector.look(PATH, is_last=True)
        assert later.collector.latest["loss"].count == first + 3_000


def test_what_earlier_attempts_had_is_summed_up_once(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.write(*({"step": step, "loss": step} for step in range(5)))
    script.collector.look(PATH, is_last=True)
    summed: list[int] = []

    def counted(points: Iterable[Point]) -> Summary | None:
        found = list(points)
        summed.append(len(found))
        return summarize(found)

    monkeypatch.setattr(earlier, "summarize", counted)
    later = Script(tmp_path, attempt=1)
    for step in (4, 5, 2, 6):
        later.write({"step": step, "loss": -step})
        later.collector.look(PATH)
    assert [each for each in summed if each] == [4, 2]
    assert later.collector.latest["loss"].count == 2 + 4


def test_many_broken_files_are_told_in_a_few_words(script: Script) -> None:
    paths = [f"{number}/metrics.jsonl" for number in range(FILES_TOLD + 5)]
    for path in paths:
        script.write(path=path)
        (script.work / path).write_text("{\n")
    script.collector.look(paths)
    notes = script.collector.notes
    assert len(notes) == FILES_TOLD + 1 and notes[-1] == "5 more files could not be read in full"
    assert notes[0].endswith("line 1 cannot be understood")


def test_damage_in_what_attempts_before_have_left_is_told(script: Script, tmp_path: Path) -> None:
    script.write({"loss": 1})
    script.store.put(layout.metric_chunk(NAME, 0), b"{")
    later = Script(tmp_path, attempt=1)
    later.write({"loss": 2})
    later.collector.look(PATH)
    assert later.collector.latest["loss"].last == 2
    assert any("is damaged" in note for note in later.collector.notes)
