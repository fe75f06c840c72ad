"""Downloads: how many connections they have, what ends them, and where they write."""

import threading
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from gridray import objectfiles
from gridray.artifactindex import ArtifactRecord
from gridray.errors import StoreError
from gridray.layout import ExperimentName
from gridray.readers import download as module
from gridray.readers.download import Artifact, download
from gridray.store import Store, Tagged

PIECES = 3000


class Watched(Store):
    """Gives pieces slowly, of objects that are in no store, and counts them and who reads them."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.pieces = self.active = self.most = 0
        self._turn = threading.Lock()

    def find_tagged(self, key: str) -> Tagged | None:
        return Tagged(key, 10 * objectfiles.PART, "tag")

    def stream(self, key: str) -> Generator[bytes, None, None]:
        with self._turn:
            self.active += 1
            self.most = max(self.most, self.active)
        try:
            for _ in range(PIECES):
                self.pieces += 1
                yield b"x"
                time.sleep(0.001)
        finally:
            with self._turn:
                self.active -= 1

    def stream_tagged(self, wanted: Tagged, start: int, end: int) -> Generator[bytes, None, None]:
        return self.stream(wanted.key)


def wanted(directory: Path, size: int, count: int) -> list[tuple[Artifact, Path]]:
    return [
        (Artifact(ExperimentName("run", 0), ArtifactRecord(name, size, 0o644, 0, 0), name), path)
        for name in map(str, range(count))
        for path in [directory / name]
    ]


@pytest.mark.parametrize(("size", "count"), [(10, 40), (2 * objectfiles.PART, 3)])
def test_a_check_that_fails_once_ends_all_that_is_under_way(
    tmp_path: Path, size: int, count: int
) -> None:
    store, calls = Watched(tmp_path), iter([False] * 100 + [True])

    def check() -> None:
        # Once: the others have to hear of it otherwise.
        if next(calls, False):
            raise LookupError

    with pytest.raises(LookupError):
        download(store, wanted(tmp_path / "got", size, count), check=check)
    assert store.active == 0 and store.pieces < 8 * PIECES
    assert [path for path in (tmp_path / "got").rglob("*") if path.is_file()] == []


def test_who_is_interrupted_waits_for_no_file(tmp_path: Path) -> None:
    store = Watched(tmp_path)
    files = wanted(tmp_path / "got", 2 * objectfiles.PART, 3)
    files[1:1] = [(Artifact(*_link()), tmp_path / "got" / "link")]

    def progress(artifact: Artifact) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(store, files, progress)
    assert store.active == 0 and store.pieces < 8 * PIECES


def _link() -> tuple[ExperimentName, ArtifactRecord, str]:
    return ExperimentName("run", 0), ArtifactRecord("link", 1, 0o777, 0, 0, link="0"), "link"


@pytest.mark.parametrize(("size", "count"), [(10, 40), (2 * objectfiles.PART, 1), (10**9, 40)])
def test_several_connections_are_used_but_not_too_many(
    tmp_path: Path, size: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.readers.test_download.PIECES", 30)
    store = Watched(tmp_path)
    assert download(store, wanted(tmp_path / "got", size, count)) == []
    assert 2 <= store.most <= module.CONNECTIONS


@pytest.mark.parametrize("path", ["../out", "/out", "a/../../out"])
def test_what_would_leave_the_directory_is_refused(store: Store, tmp_path: Path, path: str) -> None:
    record = ArtifactRecord(path, 0, 0o644, 0, 0)
    store.put("x", b"")
    found = Artifact(ExperimentName("run", 0), record, "x")
    with pytest.raises(StoreError, match="would leave"):
        download(store, [(found, tmp_path / "got" / path.lstrip("/"))])
    assert not (tmp_path / "out").exists()
