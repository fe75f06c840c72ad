"""What all tests share: a home and an environment of their own, and names that break things."""

import os
import resource
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gridray.store import Store
from tests.dashboard import Dashboard, Handler
from tests.repositories import Repository
from tests.s3 import BUCKET, S3Server

FOREIGN = ("GRIDRAY_", "GRID_", "AWS_", "RAY_", "GIT_")


@pytest.fixture(autouse=True)
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the settings, the credentials or the home of whoever runs it."""
    for name in list(os.environ):
        if name.startswith(FOREIGN):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GRIDRAY_HOME", str(tmp_path / "gridray-home"))


@pytest.fixture
def hostile_names() -> list[str]:
    """File names that have broken programs; each is one segment of a path."""
    return [
        "with space",
        " leading and trailing ",
        'it\'s "quoted"',
        "new\nline",
        "tab\tand\rreturn",
        "ünïcödé 文件 🚀",
        "100%25 & more %",
        "hash#1",
        "back\\slash",
        "-dash",
        "*?[glob]",
        "$HOME `id` $(id)",
        "..dots..",
        "a" * 255,
        os.fsdecode(b"latin-\xe9"),
        "\x01\x7f",
    ]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A Git repository with two commits, and no settings of Git but its own."""
    settings = tmp_path / "gitconfig"
    settings.write_text(
        "[user]\nname = somebody\nemail = somebody@example.com\n"
        "[init]\ndefaultBranch = main\n"
        # What Git refuses for submodules by default, and tests have no other way to bring them.
        '[protocol "file"]\nallow = always\n'
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    made = Repository.made(tmp_path / "a repository")
    made.commit({"main.py": "print('first')", "sub/train.py": "print('sub')"})
    made.git("tag", "-a", "-m", "the first", "v1")
    made.commit({"main.py": "print('second')"})
    return made


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """One S3 server for all tests."""
    server = S3Server(tmp_path_factory.mktemp("s3") / "server")
    server.start()
    server.create_bucket()
    yield server
    server.stop()


@pytest.fixture
def mortal_s3_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """A server for a test that stops it, with what it needs in the environment.

    One that was killed and started again makes missing buckets for everybody.
    """
    server = S3Server(tmp_path / "mortal-s3")
    server.start()
    server.create_bucket()
    for name, value in server.variables.items():
        monkeypatch.setenv(name, value)
    yield server
    server.stop()


@pytest.fixture
def s3_store(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty store on the S3 server, with what it needs in the environment."""
    for name, value in s3_server.variables.items():
        monkeypatch.setenv(name, value)
    return Store(f"s3://{BUCKET}/{secrets.token_hex(4)}/prefix")


@pytest.fixture(params=["directory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store of each kind."""
    if request.param == "directory":
        return Store(str(tmp_path / "store with space"))
    s3: Store = request.getfixturevalue("s3_store")
    return s3


@pytest.fixture
def dashboard() -> Iterator[Dashboard]:
    server = Dashboard(("127.0.0.1", 0), Handler)
    server.answers, server.asked = {}, []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file can grow beyond a million bytes: any user's tests can have that of a disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
