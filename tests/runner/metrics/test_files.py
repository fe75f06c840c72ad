"""Files are read in one order, whenever they are seen, so that each has the same names."""

from pathlib import Path

from gridray.runner.metrics.files import MetricFiles


def test_event_files_come_in_the_order_of_their_times(tmp_path: Path) -> None:
    paths = [
        "eval/events.out.tfevents.1700000002.host",
        "train/events.out.tfevents.1700000001.host",
        "metrics.jsonl",
    ]
    for path in paths:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    found = MetricFiles(tmp_path, ()).samples(paths, is_last=False)
    assert [source for source, _ in found] == [
        ("", "metrics.jsonl"),
        ("train", "events"),
        ("eval", "events"),
    ]
