"""How datastores are named, and what of a run's options cannot be."""

from pathlib import Path

import pytest

from gridray.datastores.names import default_name, parse_mounts, variable
from gridray.errors import SpecError, UsageError
from gridray.spec import make_spec


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("/data/Cats & Dogs/", "cats-dogs"),
        ("file.CSV", "file-csv"),
        ("local.tar.gz", "local-tar-gz"),
        ("s3://bucket/some/prefix_1/", "prefix-1"),
        ("s3://bucket", "bucket"),
        ("https://host/a/Set.TAR.GZ?x=y", "set"),
        ("https://host/a/b.zip", "b"),
        ("https://host", "host"),
        ("/data/" + "x" * 100, "x" * 63),
    ],
)
def test_default_names(source: str, name: str) -> None:
    assert default_name(source) == name


def test_the_directory_that_one_is_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Here").mkdir()
    monkeypatch.chdir(tmp_path / "Here")
    assert default_name(".") == "here"
    with pytest.raises(UsageError, match="'文件'"):
        default_name("文件")


def test_options_become_mounts() -> None:
    assert parse_mounts(["a", "b:2"], None, None) == [
        {"name": "a", "version": None, "mount_dir": None},
        {"name": "b", "version": 2, "mount_dir": None},
    ]
    expected = [{"name": "a", "version": 3, "mount_dir": "/x"}]
    assert parse_mounts(["a"], 3, "/x") == expected == parse_mounts(["a:3"], 3, "/x")
    assert variable("my-set-2") == "GRIDRAY_DATASTORE_MY_SET_2"


@pytest.mark.parametrize(
    ("names", "version", "mount_dir", "why"),
    [
        ([], 1, None, "--datastore_version goes with one"),
        (["a", "b"], None, "/x", "--datastore_mount_dir goes with one"),
        (["a:1"], 2, None, "contradict"),
        (["a", "a:1"], None, None, "'a' is there twice"),
        (["A"], None, None, "'A' is no name"),
        (["a:"], None, None, "'' is no version"),
        (["a:0"], None, None, "'0' is no version"),
        (["a:latest"], None, None, "'latest' is no version"),
        (["a"], None, "x/y", "--datastore_mount_dir 'x/y': it has to be an absolute"),
        (["a"], None, "/", "directory of its own"),
        (["a"], None, "/x/../etc", "absolute path without"),
    ],
)
def test_what_cannot_be_meant(
    names: list[str], version: int | None, mount_dir: str | None, why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        parse_mounts(names, version, mount_dir)


@pytest.mark.parametrize(
    ("mounts", "why"),
    [
        ([("a", "/x"), ("b", "/x")], "one directory"),
        ([("a", "/x"), ("b", "/x/y")], "/x/y lies in /x"),
        ([("a", None), ("b", "/datastores/a")], "one directory"),
        ([("a", "x")], "absolute"),
        ([("A", None)], "no name for a datastore"),
    ],
)
def test_a_spec_is_checked_too(mounts: list[tuple[str, str | None]], why: str) -> None:
    datastores = [{"name": name, "mount_dir": place} for name, place in mounts]
    with pytest.raises((SpecError, UsageError), match=why):
        make_spec({"script": "main.py", "datastores": datastores})


def test_directories_are_made_plain() -> None:
    made = make_spec({"script": "x", "datastores": [{"name": "a", "mount_dir": "//x/./y/"}]})
    assert made.datastores[0].mount_dir == "/x/y"
