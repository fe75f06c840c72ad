"""Answers are kept for a while, and a cache that is broken is as good as none."""

import os
from pathlib import Path

import pytest

from gridray.clusters.aws.cache import Cache


class Oracle:
    """Answers with the lengths of names, and knows what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, names: list[str]) -> dict[str, int]:
        self.asked.append(names)
        return {name: len(name) for name in names if name != "unknown"}


def test_only_what_is_missing_is_asked_for(tmp_path: Path) -> None:
    ask = Oracle()
    path = tmp_path / "deep" / "file.json"
    assert Cache(path, 60).many(["a", "bb"], ask, int) == {"a": 1, "bb": 2}
    assert Cache(path, 60).many(["bb", "ccc", "a"], ask, int) == {"bb": 2, "ccc": 3, "a": 1}
    assert ask.asked == [["a", "bb"], ["ccc"]]
    assert os.listdir(path.parent) == ["file.json"]


def test_what_has_no_answer_is_asked_for_again(tmp_path: Path) -> None:
    ask = Oracle()
    cache = Cache(tmp_path / "file.json", 60)
    assert cache.many(["unknown"], ask, int) == {}
    assert cache.many(["unknown"], ask, int) == {}
    assert len(ask.asked) == 2


def test_answers_grow_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = Oracle()
    cache = Cache(tmp_path / "file.json", 60)
    times = iter([1000.0, 1000.0, 1059.0, 1060.0, 1060.0, 1000.0, 1000.0])
    monkeypatch.setattr("time.time", lambda: next(times))
    for _ in range(4):
        cache.many(["a"], ask, int)
    assert len(ask.asked) == 3, "too old, and from the future"


def test_refresh_asks_anew_and_keeps_it(tmp_path: Path) -> None:
    ask = Oracle()
    path = tmp_path / "file.json"
    Cache(path, 60).many(["a"], ask, int)
    Cache(path, 60, refresh=True).many(["a"], ask, int)
    Cache(path, 60).many(["a"], ask, int)
    assert len(ask.asked) == 2


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[1]", b'{"a": 1}', b'{"a": ["x", 1]}', b'{"a": [4e9, "no"]}'],
)
def test_a_corrupt_file_is_ignored_and_replaced(tmp_path: Path, content: bytes) -> None:
    ask = Oracle()
    path = tmp_path / "file.json"
    path.write_bytes(content)
    assert Cache(path, 60).many(["a"], ask, int) == {"a": 1}
    assert Cache(path, 60).many(["a"], ask, int) == {"a": 1}
    assert len(ask.asked) == 1


def test_a_disk_that_takes_nothing_is_no_error(tmp_path: Path, full_disk: None) -> None:
    (tmp_path / "file").write_text("is no directory")
    assert Cache(tmp_path / "file" / "x.json", 60).many(["a"], Oracle(), int) == {"a": 1}
    long = Cache(tmp_path / "x.json", 60).many(["a"], lambda names: {"a": "x" * 2_000_000}, str)
    assert len(long["a"]) == 2_000_000
    assert not [name for name in os.listdir(tmp_path) if name not in ("home", "file")]
