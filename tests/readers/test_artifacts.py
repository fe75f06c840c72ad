"""Artifacts come back with their bytes, modes, times and names, and nowhere else."""

import os
from pathlib import Path

import pytest

from gridray.errors import NotFoundError, UsageError
from gridray.layout import AttemptName
from gridray.readers import artifacts
from gridray.readers.download import Artifact, download
from gridray.records import Row
from gridray.runner.artifacts import ArtifactSync
from gridray.states import State
from gridray.store import Store
from tests.builders import add_run

NAME = AttemptName("run", 0, 0)


@pytest.fixture
def work(tmp_path: Path, store: Store) -> Path:
    add_run(store, "run", [Row(State.SUCCEEDED), Row(State.QUEUED)])
    root = tmp_path / "work"
    (root / "deep" / "er").mkdir(parents=True)
    return root


def sync(store: Store, root: Path, attempt: int = 0) -> ArtifactSync:
    made = ArtifactSync(store, AttemptName("run", 0, attempt), root, frozenset())
    while not made.sync():
        continue
    return made


def fetch(store: Store, directory: Path, pattern: str | None = None) -> list[Artifact]:
    found = artifacts.of_experiment(store, "run", 0, pattern)
    download(store, [(each, directory / each.path) for each in found])
    return found


def test_everything_comes_back(
    store: Store, work: Path, tmp_path: Path, hostile_names: list[str]
) -> None:
    for name in hostile_names:
        (work / "deep" / "er" / name).write_bytes(os.fsencode(name))
    (work / "tool").write_text("x")
    (work / "tool").chmod(0o754)
    os.utime(work / "tool", ns=(5, 1_111_111_111_123_456_789))
    (work / "deep" / "link").symlink_to("er/with space")
    sync(store, work)
    fetch(store, tmp_path / "got")
    for name in hostile_names:
        assert (tmp_path / "got" / "deep" / "er" / name).read_bytes() == os.fsencode(name)
    status = (tmp_path / "got" / "tool").stat()
    assert (status.st_mode & 0o777, status.st_mtime_ns) == (0o754, 1_111_111_111_123_456_789)
    assert (tmp_path / "got" / "deep" / "link").read_text() == "with space"
    assert not list((tmp_path / "got").rglob(".gridray-*"))


def test_a_pattern_chooses(store: Store, work: Path, tmp_path: Path) -> None:
    for name in ("a.pt", "deep/b.pt", "c.txt"):
        (work / name).write_text(name)
    sync(store, work)
    assert [each.path for each in fetch(store, tmp_path / "got", r"\.pt$")] == ["a.pt", "deep/b.pt"]
    with pytest.raises(UsageError, match="regular expression"):
        fetch(store, tmp_path / "got", "(")


def test_an_experiment_without_files_and_one_that_does_not_exist(store: Store, work: Path) -> None:
    assert artifacts.of_experiment(store, "run", 1) == []
    with pytest.raises(NotFoundError, match="2 experiments"):
        artifacts.of_experiment(store, "run", 2)
    with pytest.raises(NotFoundError, match="'other'"):
        artifacts.of_experiment(store, "other", 0)


def test_links_that_lead_out_are_left_out_and_those_within_are_made_relative(
    store: Store, work: Path, tmp_path: Path
) -> None:
    (work / "deep" / "last.pt").write_text("weights")
    (work / "latest").symlink_to(work / "deep" / "last.pt")
    (work / "absolute").symlink_to("/etc/passwd")
    (work / "deep" / "up").symlink_to("../../elsewhere")
    sync(store, work)
    found = artifacts.of_experiment(store, "run", 0)
    left = download(store, [(each, tmp_path / "got" / each.path) for each in found])
    assert [each.path for each in left] == ["absolute", "deep/up"]
    assert (tmp_path / "got" / "latest").read_text() == "weights"
    assert not (tmp_path / "got" / "absolute").is_symlink()


def test_only_what_changed_is_stored_again(store: Store, work: Path) -> None:
    (work / "same").write_text("1")
    (work / "grows").write_text("1")
    for name in ("same", "grows"):
        os.utime(work / name, ns=(10**18, 10**18))
    made = sync(store, work)
    key = {each.path: each.key for each in artifacts.of_experiment(store, "run", 0)}
    store.put(key["same"], b"a mark")
    (work / "grows").write_text("12")
    while not made.sync():
        continue
    assert store.get(key["same"]) == b"a mark" and store.get(key["grows"]) == b"12"


def test_a_file_that_is_written_right_now_is_stored_again(store: Store, work: Path) -> None:
    (work / "fresh").write_text("1")
    made = ArtifactSync(store, NAME, work, frozenset())
    assert made.sync() is False
    (work / "fresh").write_text("2")
    while not made.sync():
        continue
    (found,) = artifacts.of_experiment(store, "run", 0)
    assert store.get(found.key) == b"2"
