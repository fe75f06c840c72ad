"""Files are read in one order, whenever they are seen, so that each has the same names."""

from pathlib import Path

from gridray.runner.metrics.birth import born_at
from gridray.runner.metrics.files import MetricFiles


def make(path: Path, *, after: Path | None = None) -> Path:
    """Make a file; clocks of file systems are coarse."""
    path.parent.mkdir(exist_ok=True)
    path.touch()
    while after is not None and (born_at(path) or 0) <= (born_at(after) or 0):
        path.unlink()
        path.touch()
    return path


def sources(files: MetricFiles, paths: list[str]) -> list[str]:
    return [source[0] for source, _ in files.samples(paths, is_last=False)]


def test_event_files_come_in_the_order_of_their_times(tmp_path: Path) -> None:
    paths = [
        "eval/events.out.tfevents.1700000002.host",
        "train/events.out.tfevents.1700000001.host",
        "metrics.jsonl",
    ]
    for path in paths:
        make(tmp_path / path)
    found = MetricFiles(tmp_path, ()).samples(paths, is_last=False)
    assert [source for source, _ in found] == [
        ("train", "events"),
        ("eval", "events"),
        ("", "metrics.jsonl"),
    ]


def test_other_files_come_in_the_order_in_which_they_were_made(tmp_path: Path) -> None:
    paths = ["train/metrics.csv", "eval/metrics.csv", "eval/metrics.jsonl"]
    first, second = make(tmp_path / paths[0]), tmp_path / paths[1]
    files = MetricFiles(tmp_path, ())
    assert sources(files, paths[:1]) == ["train"]
    make(second, after=first)
    make(tmp_path / paths[2], after=second)
    in_order = ["train", "eval", "eval"]
    assert sources(files, paths) == in_order == sources(MetricFiles(tmp_path, ()), paths)


def test_those_from_before_the_script_come_first_by_path(tmp_path: Path) -> None:
    paths = ["new/metrics.csv", "z/metrics.csv", "a/metrics.csv"]
    made = [make(tmp_path / path) for path in paths]
    make(made[2], after=made[1])
    assert sources(MetricFiles(tmp_path, paths[1:]), paths) == ["a", "z", "new"]
