"""One commit is one source, wherever it is taken from; and nothing of it is left behind."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from gridray import launch
from gridray.errors import NotFoundError, SourceError, UsageError
from gridray.spec import RunSpec, make_spec
from tests.repositories import Repository


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "temporary"
    path.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(path))
    return path


def digest(spec: RunSpec) -> str:
    with launch.planning(spec) as planned:
        assert planned.git is not None and not planned.git.is_dirty and not planned.changes
        return planned.manifest.digest()


def test_the_same_commit_is_the_same_source(repository: Repository, temporary: Path) -> None:
    repository.commit({".gridignore": "*.md\n", "read.md": "", "sub/run.sh": ""})
    (repository.path / "sub" / "run.sh").chmod(0o755)
    repository.commit({})
    repository.git("tag", "v2")
    for directory, script in (("", "main.py"), ("sub", "run.sh")):
        root = repository.path / directory
        specs = [
            RunSpec(script=script, root=root),
            RunSpec(script=script, root=root, git="HEAD"),
            RunSpec(script=script, root=root, git="v2"),
            RunSpec(script=script, repository=f"{repository.url}@v2#{directory}"),
            RunSpec(script=script, repository=f"{repository.url}@main#{directory}"),
        ]
        assert len(set(map(digest, specs))) == 1
        before = os.umask(0o077)
        try:
            assert set(map(digest, specs)) == {digest(specs[0])}
        finally:
            os.umask(before)
    assert list(temporary.iterdir()) == []


def test_the_files_last_as_long_as_the_plan(repository: Repository, temporary: Path) -> None:
    with launch.planning(RunSpec(script="main.py", root=repository.path, git="v1")) as planned:
        assert (planned.manifest.root / "main.py").read_text() == "print('first')"
        assert list(temporary.iterdir()) != []
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"repository": "{url}", "git": "v1"}, "--git goes with the directory"),
        ({"repository": "{url}@nope"}, "no commit, branch or tag 'nope'"),
        ({"repository": "{url}#main.py"}, "has no directory 'main.py'"),
        ({"repository": "{url}#out"}, "has no directory 'out'"),
        ({"repository": "{url}#sub"}, "the script 'main.py' does not exist"),
        ({"git": "nope"}, "no commit, branch or tag 'nope'"),
        ({"git": "v1", "script": "later.py"}, "the script 'later.py' does not exist"),
        ({"git": "v1", "script": "../x.py"}, "'../x.py' does not exist"),
    ],
)
def test_what_cannot_be_leaves_nothing(
    repository: Repository, temporary: Path, fields: dict[str, str], told: str
) -> None:
    (repository.path / "out").symlink_to("/etc")
    repository.commit({"later.py": ""})
    filled = {name: value.format(url=repository.url) for name, value in fields.items()}
    spec = make_spec({"script": "main.py", "root": repository.path, **filled})
    with pytest.raises((UsageError, NotFoundError)) as caught, launch.planning(spec):
        pass
    assert told in caught.value.message and caught.value.hint
    assert str(temporary) not in f"{caught.value.message}{caught.value.hint}"
    assert list(temporary.iterdir()) == []


@pytest.mark.skipif(os.getuid() != 0, reason="mounts a small disk")
def test_a_full_disk(repository: Repository, temporary: Path) -> None:
    (repository.path / "large").write_bytes(os.urandom(2**20))
    repository.commit({})
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", temporary], check=True)
    try:
        spec = RunSpec(script="main.py", root=repository.path)
        for fields in ({"repository": repository.url}, {"git": "HEAD"}):
            spec = make_spec({"script": "main.py", "root": repository.path, **fields})
            with pytest.raises(SourceError) as caught, launch.planning(spec):
                pass
            assert f"below {temporary}" in (caught.value.hint or "")
            assert list(temporary.iterdir()) == []
        (temporary / "full").touch()
        with pytest.raises(OSError), open(temporary / "full", "wb") as full:
            full.write(b"x" * 2**20)
        planned = launch.plan(RunSpec(script="main.py", root=repository.path))
        assert planned.git is None
        assert "No space left" in planned.warnings[0]
        with pytest.raises(SourceError, match="space"), launch.planning(spec):
            pass
    finally:
        subprocess.run(["umount", temporary], check=True)


def test_a_temporary_directory_that_is_none(repository: Repository, temporary: Path) -> None:
    temporary.rmdir()
    temporary.touch()
    with (
        pytest.raises(SourceError, match="no files can be put below"),
        launch.planning(RunSpec(script="main.py", root=repository.path, git="v1")),
    ):
        pass


def test_a_dirty_tree_is_recorded(repository: Repository) -> None:
    repository.write({"main.py": "changed", "new.py": ""})
    (repository.path / "empty").mkdir()
    planned = launch.plan(RunSpec(script="main.py", root=repository.path))
    assert planned.git is not None and planned.git.is_dirty
    assert planned.git.commit == repository.git("rev-parse", "HEAD")
    assert planned.changes.startswith(
        b"# untracked, and went along:\n#   new.py\ndiff --git a/main"
    )


@pytest.mark.skipif(os.getuid() != 0, reason="gives a directory to somebody else")
def test_a_repository_that_git_distrusts_is_a_warning(repository: Repository) -> None:
    for path in (repository.path, repository.path / ".git"):
        os.chown(path, 12345, 12345)
    planned = launch.plan(RunSpec(script="main.py", root=repository.path))
    assert planned.git is None
    assert "the commit is not recorded: fatal: detected dubious ownership" in planned.warnings[0]
