"""What git says of a directory, asked for without touching the repository or running its hooks."""

import os
import subprocess
from pathlib import Path

import pytest

from gridray import git, source
from gridray.errors import SourceError
from gridray.records import GitRecord
from tests.repositories import Repository


def found(root: Path) -> tuple[GitRecord, bytes]:
    look = git.look(root)
    assert look is not None
    files = source.scan(root).files
    record = look.record(file.path for file in files if not file.is_dir)
    assert record is not None
    return record


def applied(repository: Repository, patch: bytes, tmp_path: Path) -> dict[str, bytes]:
    """Return the files of HEAD with a patch on them."""
    copy = tmp_path / "copy"
    subprocess.run(["git", "clone", "-q", str(repository.path), str(copy)], check=True)
    subprocess.run(["git", "apply", "-"], cwd=copy, input=patch, check=True)
    files = (path for path in copy.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {str(path.relative_to(copy)): path.read_bytes() for path in files}


def test_a_clean_tree(repository: Repository) -> None:
    repository.git("remote", "add", "origin", "https://me:secret@host/o/r.git?token=secret")
    record, changes = found(repository.path)
    commit = repository.git("rev-parse", "HEAD")
    assert record == GitRecord(commit, "main", "https://host/o/r.git", False)
    assert changes == b""


def test_changes_are_a_patch_that_git_applies(repository: Repository, tmp_path: Path) -> None:
    names = ["with space", 'it\'s "quoted"', "new\nline", "ünïcödé 文件", "-dash", ":(top)x", "a/b"]
    repository.commit(dict.fromkeys(names, "old\n"))
    for name in names:
        (repository.path / name).write_bytes(bytes(range(256)) * 3)
    (repository.path / "main.py").unlink()
    (repository.path / "staged.txt").write_text("staged")
    repository.git("add", "staged.txt")
    record, patch = found(repository.path)
    assert record.is_dirty
    expected = dict.fromkeys(names, bytes(range(256)) * 3)
    made = applied(repository, patch, tmp_path)
    assert made == {**expected, "staged.txt": b"staged", "sub/train.py": b"print('sub')"}


def test_what_an_ignore_file_keeps_back_is_in_no_patch(repository: Repository) -> None:
    repository.commit({"creds.txt": "old password\n", "gone/key.pem": "old key\n"})
    repository.write({".gridignore": "creds.txt\ngone/\n", "creds.txt": "new password\n"})
    (repository.path / "gone" / "key.pem").unlink()
    (repository.path / "main.py").write_text("changed\n")
    _, patch = found(repository.path)
    assert b"+changed" in patch and b"password" not in patch and b"old key" not in patch
    assert b"creds.txt" in patch and b"gone/key.pem" in patch


def test_settings_of_the_user_do_not_change_the_patch(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit({"long.txt": "\n".join(map(str, range(20)))})
    repository.write({"main.py": "changed\n", "long.txt": "\n".join(map(str, range(1, 20)))})
    plain = found(repository.path)
    for name, value in {
        "diff.noprefix": "true",
        "diff.mnemonicPrefix": "true",
        "diff.external": "false",
        "diff.relative": "true",
        "color.ui": "always",
        "status.showUntrackedFiles": "no",
        "core.quotePath": "false",
        "diff.submodule": "log",
    }.items():
        repository.git("config", name, value)
    for name in ("GIT_LITERAL_PATHSPECS", "GIT_DIFF_OPTS"):
        monkeypatch.setenv(name, "-u0" if name == "GIT_DIFF_OPTS" else "1")
    assert found(repository.path) == plain


def test_nothing_that_the_repository_names_is_run(repository: Repository, tmp_path: Path) -> None:
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch '{tmp_path}/sprung'\ncat\n")
    trap.chmod(0o755)
    quoted = f"'{trap}'"
    repository.write({".gitattributes": "*.py diff=evil\n", "main.py": "changed"})
    for name in ("diff.evil.command", "diff.evil.textconv", "diff.external", "core.fsmonitor"):
        repository.git("config", name, quoted)
    hooks = repository.path / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("post-index-change", "fsmonitor-watchman", "post-checkout"):
        (hooks / hook).symlink_to(trap)
    os.utime(repository.path / "sub" / "train.py", (0, 0))
    repository.git("config", "core.splitIndex", "true")
    index = (repository.path / ".git" / "index").read_bytes()
    before = sorted(repository.path.rglob("*"))
    record, _ = found(repository.path)
    assert record.is_dirty
    assert not (tmp_path / "sprung").exists()
    assert (repository.path / ".git" / "index").read_bytes() == index
    assert sorted(repository.path.rglob("*")) == before


def test_a_change_within_the_tick_of_the_clock_is_seen(repository: Repository) -> None:
    repository.git("config", "core.trustctime", "false")
    path, index = repository.path / "main.py", repository.path / ".git" / "index"
    path.write_text("aaaa")
    os.utime(path, (10**9, 10**9))
    repository.commit({})
    path.write_text("bbbb")
    for each in (path, index):
        os.utime(each, (10**9, 10**9))
    assert b"+bbbb" in found(repository.path)[1]


def test_files_that_git_does_not_know_and_go_along_are_named(repository: Repository) -> None:
    repository.write({"new\nfile.txt": "x", "stays.log": "x", ".gitignore": "*.log\n"})
    record, changes = found(repository.path)
    assert record.is_dirty
    lines = changes.decode().splitlines()
    assert lines == ["# untracked, and went along:", "#   .gitignore", "#   new\\nfile.txt"]


def test_a_subdirectory_has_the_changes_of_its_own(repository: Repository) -> None:
    repository.write({"main.py": "changed", "sub/new.txt": "x"})
    record, changes = found(repository.path / "sub")
    assert changes == b"# untracked, and went along:\n#   new.txt\n" and record.is_dirty
    repository.write({"sub/train.py": "changed"})
    _, changes = found(repository.path / "sub")
    assert b"a/sub/train.py" in changes and b"main.py" not in changes


def test_large_changes_are_cut_with_a_mark(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git, "PATCH_LIMIT", 10_000)
    repository.commit({"*.bin": "small", "a.bin": "x", "many.txt": "x"})
    (repository.path / "*.bin").write_bytes(os.urandom(10_001))
    _, changes = found(repository.path)
    assert changes == b"# changed, but too large to be kept:\n#   *.bin\n"
    repository.write({"a.bin": "y"})
    assert b"a/a.bin" in found(repository.path)[1]
    (repository.path / "many.txt").write_text("line\n" * 2000)
    repository.write({"main.py": "\n".join(map(str, range(1500)))})
    _, changes = found(repository.path)
    assert len(changes) < 10_200 and b"\n# cut here: only the first" in changes


def test_what_is_of_no_commit_is_none(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    assert git.look(tmp_path / "plain") is None
    (tmp_path / "plain" / ".git").mkdir()
    assert git.look(tmp_path / "plain") is None
    assert git.look(Repository.made(tmp_path / "unborn").path) is None
    (repository.path / "other").mkdir()
    (repository.path / "other" / "main.py").write_text("")
    within = git.look(repository.path / "other")
    assert within is not None and within.record(["main.py"]) is None


def test_without_git_there_is_no_record(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git.look(repository.path) is None
    with pytest.raises(SourceError, match="git cannot be started"):
        git.run(repository.path, "status")


@pytest.mark.skipif(os.getuid() != 0, reason="gives a directory to somebody else")
def test_a_repository_that_git_distrusts_is_told(repository: Repository) -> None:
    for path in (repository.path, repository.path / ".git"):
        os.chown(path, 12345, 12345)
    with pytest.raises(SourceError, match="dubious ownership"):
        git.look(repository.path)


def test_what_git_cannot_read_is_told(repository: Repository) -> None:
    (repository.path / ".git" / "index").write_text("garbage")
    with pytest.raises(SourceError, match="index file"):
        git.look(repository.path)


def test_a_tree_is_not_taken_for_clean_where_git_fails(repository: Repository) -> None:
    repository.write({"main.py": "changed"})
    for lost in ("HEAD:main.py", "HEAD^{tree}"):
        name = repository.git("rev-parse", lost)
        (repository.path / ".git" / "objects" / name[:2] / name[2:]).unlink()
        with pytest.raises(SourceError, match=r"unable to read|bad tree object"):
            git.look(repository.path)


def test_variables_of_git_do_not_lead_elsewhere(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = found(repository.path)
    other = Repository.made(tmp_path / "other")
    other.commit({"x": ""})
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "no-index"))
    assert found(repository.path) == expected


def test_detached_heads_worktrees_and_odd_branches(repository: Repository, tmp_path: Path) -> None:
    commit = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "-q", "-b", "feature/#12@ünï")
    assert found(repository.path)[0].branch == "feature/#12@ünï"
    repository.git("checkout", "-q", "--detach")
    assert found(repository.path)[0] == GitRecord(commit, None, None, False)
    repository.git("worktree", "add", "-q", str(tmp_path / "tree"), "main")
    assert found(tmp_path / "tree")[0] == GitRecord(commit, "main", None, False)


def test_submodules(repository: Repository, tmp_path: Path) -> None:
    inner = Repository.made(tmp_path / "inner")
    inner.commit({"lib.py": "one\n"})
    repository.git("submodule", "--quiet", "add", inner.url, "libs/inner")
    repository.commit({})
    assert not found(repository.path)[0].is_dirty
    assert found(repository.path / "libs" / "inner")[0].remote == inner.url
    repository.write({"libs/inner/lib.py": "two\n"})
    record, changes = found(repository.path)
    assert record.is_dirty
    assert b"--- a/libs/inner/lib.py\n+++ b/libs/inner/lib.py\n" in changes
    repository.write({"libs/inner/lib.py": "one\n", "libs/inner/new.py": ""})
    assert found(repository.path)[1] == b"# untracked, and went along:\n#   libs/inner/new.py\n"
    within = Repository(repository.path / "libs" / "inner")
    commit = within.commit({})
    repository.git("config", "diff.submodule", "log")
    assert f"\n+Subproject commit {commit}\n".encode() in found(repository.path)[1]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://token@host/o/r.git", "https://host/o/r.git"),
        ("https://me:pa@ss@host:8443/o/r", "https://host:8443/o/r"),
        ("https://me:pa#ss@host/o", "https://host/o"),
        ("https://host/o?access_token=x#y", "https://host/o"),
        ("ssh://git:pw@host:22/o/r", "ssh://git@host:22/o/r"),
        ("git@host:o/r.git", "git@host:o/r.git"),
        ("/a/directory", "/a/directory"),
        ("http://[", "http://["),
    ],
)
def test_credentials_are_not_shown(address: str, shown: str) -> None:
    assert git.without_credentials(address) == shown


def test_refs_are_never_options(repository: Repository) -> None:
    for word in (
        "--help",
        "-x",
        "--since=1 day",
        "--glob=*",
        "--all",
        "--output=/tmp/x",
        "nope",
        "",
        "a\0b",
        "HEAD:main.py",
    ):
        assert git.find_commit(repository.path, word) is None
    assert git.find_commit(repository.path, "HEAD~1") == repository.git("rev-parse", "v1^{commit}")
