"""The files of a commit: the same whatever the user's settings, and the repository as it was."""

import os
from pathlib import Path

import pytest

from gridray import commits, source
from gridray.errors import NotFoundError, SourceError
from gridray.records import GitRecord
from tests.repositories import Repository


def files(root: Path) -> dict[str, str]:
    return {file.path: (root / file.path).read_text() for file in source.scan(root).files}


def exported(root: Path, ref: str, tmp_path: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    where, _, warnings = commits.export(root, ref, tmp_path / "target")
    return files(where), warnings


def test_a_commit_without_what_came_later(repository: Repository, tmp_path: Path) -> None:
    repository.write({"main.py": "dirty", "new.py": ""})
    repository.git("config", "core.splitIndex", "true")
    before = repository.git("status", "--porcelain"), sorted(repository.path.rglob("*"))
    made, warnings = exported(repository.path, "v1", tmp_path)
    assert made == {"main.py": "print('first')", "sub/train.py": "print('sub')"}
    assert "2 changes are not committed" in warnings[0] and "main.py, new.py" in warnings[0]
    assert (repository.git("status", "--porcelain"), sorted(repository.path.rglob("*"))) == before


def test_what_is_recorded(repository: Repository, tmp_path: Path) -> None:
    repository.git("remote", "add", "upstream", "git@host:o/r.git")
    first, second = repository.git("rev-parse", "v1^{commit}"), repository.git("rev-parse", "main")
    for ref, commit, branch in (
        ("HEAD", second, "main"),
        ("main", second, "main"),
        ("v1", first, None),
        ("HEAD~1", first, None),
        (first[:7], first, None),
    ):
        _, record, warnings = commits.export(repository.path, ref, tmp_path / ref)
        assert record == GitRecord(commit, branch, "git@host:o/r.git", False)
        assert warnings == ()


def test_a_subdirectory_at_a_commit(repository: Repository, tmp_path: Path) -> None:
    sub = repository.path / "sub"
    assert exported(sub, "v1", tmp_path)[0] == {"train.py": "print('sub')"}
    (repository.path / "later").mkdir()
    repository.commit({"later/x.py": ""})
    with pytest.raises(NotFoundError, match=r"has no directory later/"):
        commits.export(repository.path / "later", "v1", tmp_path / "other")


@pytest.mark.parametrize("ref", ["nope", "--help", "-q", "0" * 40, "v1:main.py", "a b\n"])
def test_a_ref_that_names_no_commit(repository: Repository, tmp_path: Path, ref: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        commits.export(repository.path, ref, tmp_path / "target")
    assert repr(ref) in caught.value.message
    assert not (tmp_path / "target").exists()


def test_no_repository_and_no_commits(tmp_path: Path, repository: Repository) -> None:
    (tmp_path / "plain").mkdir()
    with pytest.raises(SourceError, match="--git needs a Git repository"):
        commits.export(tmp_path / "plain", "HEAD", tmp_path / "target")
    unborn = Repository.made(tmp_path / "unborn")
    with pytest.raises(SourceError, match="no commits yet"):
        commits.export(unborn.path, "HEAD", tmp_path / "target")


def test_hostile_names_and_modes(
    repository: Repository, tmp_path: Path, hostile_names: list[str]
) -> None:
    names = [name for name in hostile_names if name.isprintable() or name.isascii()]
    more = {":(top)": "x", "dir [a]/*": "y", "dir a/*": "z"}
    repository.commit({**dict.fromkeys(names, "text"), **more})
    (repository.path / "main.py").chmod(0o755)
    (repository.path / "link").symlink_to("main.py")
    repository.commit({})
    repository.git("rm", "-q", "-r", "--cached", "sub")
    where, _, _ = commits.export(repository.path, "HEAD", tmp_path / "target")
    found = {file.path: file for file in source.scan(where).files}
    assert set(found) == {*names, *more, "main.py", "link", "sub/train.py"}
    assert found["main.py"].mode == 0o755 and found[names[0]].mode == 0o644
    assert found["link"].link == "main.py"
    odd = commits.export(repository.path / "dir [a]", "HEAD", tmp_path / "odd")[0]
    assert files(odd) == {"*": "y"} and not (odd.parent / "dir a").exists()


def test_settings_umask_and_time_do_not_matter(repository: Repository, tmp_path: Path) -> None:
    repository.write({".gitattributes": "*.py text\n", "a/x.py": "1\n2\n", "b/y.txt": "1\n2\n"})
    (repository.path / "link").symlink_to("main.py")
    repository.commit({})
    where, _, _ = commits.export(repository.path, "HEAD", tmp_path / "one")
    expected = source.scan(where).digest()
    for setting in ("core.autocrlf=true", "core.eol=crlf", "core.symlinks=false"):
        repository.git("config", *setting.split("="))
    repository.git("sparse-checkout", "set", "--cone", "sub")
    before = os.umask(0o077)
    try:
        where, _, _ = commits.export(repository.path, "HEAD", tmp_path / "two")
    finally:
        os.umask(before)
    assert source.scan(where).digest() == expected


def test_filters_run_as_git_does_it(repository: Repository, tmp_path: Path) -> None:
    repository.commit({".gitattributes": "*.big filter=upper\n", "sub/x.big": "content\n"})
    repository.git("config", "filter.upper.smudge", "tr a-z A-Z")
    assert exported(repository.path / "sub", "HEAD", tmp_path)[0]["x.big"] == "CONTENT\n"


def test_hooks_do_not_run(repository: Repository, tmp_path: Path) -> None:
    for hook in ("post-checkout", "post-index-change"):
        path = repository.path / ".git" / "hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch '{tmp_path}/sprung'\n")
        path.chmod(0o755)
    commits.export(repository.path, "HEAD", tmp_path / "target")
    assert not (tmp_path / "sprung").exists()


def test_submodules_of_the_commit(repository: Repository, tmp_path: Path) -> None:
    deep = Repository.made(tmp_path / "deep")
    deep.commit({"deep.py": ""})
    inner = Repository.made(tmp_path / "inner")
    inner.commit({"lib.py": "one"})
    inner.git("submodule", "--quiet", "add", deep.url, "deep")
    old = inner.commit({})
    repository.git("submodule", "--quiet", "add", "--name", "odd name", inner.url, "libs/inner")
    repository.git("submodule", "--quiet", "update", "--init", "--recursive")
    repository.commit({})
    inner.commit({"lib.py": "two"})
    repository.git("submodule", "--quiet", "update", "--remote", "libs/inner")
    repository.commit({})
    now = exported(repository.path / "libs", "HEAD", tmp_path)[0]
    assert now["inner/lib.py"] == "two" and "inner/deep/deep.py" in now
    then = commits.export(repository.path, "HEAD~1", tmp_path / "then")[0]
    assert files(then)["libs/inner/lib.py"] == "one"
    (tmp_path / "clone").parent.mkdir(exist_ok=True)
    repository.git("clone", "-q", ".", str(tmp_path / "clone"))
    where, _, warnings = commits.export(tmp_path / "clone", "HEAD", tmp_path / "empty")
    assert list((where / "libs" / "inner").iterdir()) == []
    assert "the submodule libs/inner is empty" in warnings[0]
    repository.git("update-index", "--cacheinfo", f"160000,{old[::-1]},libs/inner")
    repository.git("commit", "-q", "-m", "a commit that nobody has")
    with pytest.raises(NotFoundError, match="libs/inner has no commit"):
        commits.export(repository.path, "HEAD", tmp_path / "lost")
