"""`datastore`, and the options of `run` that are about datastores."""

import time
from pathlib import Path

import pytest

from gridray import layout, settings
from gridray.datastores import workplace
from gridray.datastores.workplace import StartedUpload
from gridray.store import Store
from tests.cli.conftest import Call


@pytest.fixture(autouse=True)
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "cats"
    root.mkdir()
    (root / "a").write_bytes(b"one")
    (root / "b").write_bytes(b"two" * 1000)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.chdir(tmp_path)
    return root


def test_create_and_list(call: Call, dataset: Path) -> None:
    assert "datastore create" in call("datastore").err
    made = call("datastore", "create", "cats")
    assert made.code == 0 and made.out == "cats:1\n"
    assert "2 files, 3.0 kB; uploaded 2 files, 3.0 kB" in made.err
    assert "--datastore_name cats" in made.err and "/datastores/cats" in made.err
    (dataset / "a").write_bytes(b"1")
    again = call("datastore", "create", "cats", "--name", "cats", "-o", "json").json
    assert (again["version"], again["uploaded_files"], again["uploaded_size"]) == (2, 1, 1)
    lines = call("datastore").out.splitlines()
    assert lines[0].split() == ["Datastore", "Version", "Size", "Files", "Created", "Source"]
    assert [line.split()[:2] for line in lines[1:]] == [["cats", "1"], ["cats", "2"]]
    assert lines[1].endswith(str(dataset))
    found = call("datastore", "-o", "json").json["datastores"]
    assert [(each["version"], each["size"], each["files"]) for each in found] == [
        (1, 3003, 2),
        (2, 3001, 2),
    ]


def test_the_same_again_says_so(call: Call) -> None:
    call("datastore", "create", "cats")
    again = call("datastore", "create", "cats")
    assert again.out == "cats:2\n" and "same files as in version 1" in again.err
    assert "uploaded 0 files" in again.err


def test_delete(call: Call) -> None:
    call("datastore", "create", "cats")
    asked = call("datastore", "delete", "--name", "cats", "--version", "1")
    assert asked.code == 2 and "add --yes" in asked.err
    gone = call("datastore", "delete", "--name", "cats", "--version", "1", "--yes")
    assert gone.out == "cats:1: deleted, with 2 files that no other version has\n"
    assert call("datastore", "delete", "--name", "cats", "--version", "1", "--yes").code == 1
    assert call("datastore", "delete", "--name", "cats").code == 2


def test_an_interrupted_upload_is_listed_and_resumed(call: Call, dataset: Path) -> None:
    assert "no upload was interrupted" in call("datastore", "resume").err
    store = Store(settings.load().store)
    begun = StartedUpload(store.url, "pets", str(dataset), True, time.time())
    with pytest.raises(KeyboardInterrupt), workplace.started(settings.home(), begun):
        raise KeyboardInterrupt
    listed = call("datastore", "resume", "--list", "-o", "json").json["uploads"]
    assert [(each["name"], each["source"]) for each in listed] == [("pets", str(dataset))]
    assert call("datastore", "resume", "dogs").code == 1
    resumed = call("datastore", "resume", "-o", "json").json["created"]
    assert [(each["name"], each["version"]) for each in resumed] == [("pets", 1)]
    assert call("datastore", "resume", "--list", "-o", "json").json["uploads"] == []


def test_clearcache(call: Call, dataset: Path) -> None:
    call("datastore", "create", "cats")
    store = Store(settings.load().store)
    begun = StartedUpload(store.url, "pets", str(dataset), True, time.time())
    with pytest.raises(KeyboardInterrupt), workplace.started(settings.home(), begun):
        raise KeyboardInterrupt
    assert call("datastore", "clearcache", "-o", "json").json == {
        "versions": 0,
        "size": 0,
        "uploads": 1,
    }
    assert not (settings.home() / "datastores" / "hashes.sqlite").exists()
    assert "no upload" in call("datastore", "resume", "--list").err


def test_what_a_run_would_mount_is_shown(call: Call, dataset: Path) -> None:
    (dataset.parent / "project").mkdir()
    script = dataset.parent / "project" / "train.py"
    script.touch()
    words = ["run", "--dry-run", "--datastore-name", "cats:2", "--datastore_name", "dogs"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(script.parent)
        found = call(*words, "-o", "json", "train.py").json["datastores"]
        assert found == [
            {"name": "cats", "version": 2, "mount_dir": "/datastores/cats"},
            {"name": "dogs", "version": None, "mount_dir": "/datastores/dogs"},
        ]
        assert "datastore cats, version 2, at /datastores/cats" in call(*words, "train.py").out
        missing = call("run", "--datastore_name", "cats", "train.py")
        assert missing.code == 1 and "there is no datastore 'cats'" in missing.err
        wrong = call(*words, "--datastore_version", "1", "train.py")
        assert wrong.code == 2 and "--datastore_version goes with one" in wrong.err
    assert Store(settings.load().store).names(layout.RUNS) == []
