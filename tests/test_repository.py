"""Repositories by their addresses: what they mean, and copies of their commits."""

import base64
import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gridray.errors import GridrayError, NotFoundError, SourceError, UsageError
from gridray.records import GitRecord
from gridray.repository import Address, _told, clone, is_address, parse
from tests.repositories import Repository


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://host/o/r.git", Address("https://host/o/r.git")),
        ("https://host/o/r", Address("https://host/o/r")),
        ("https://host/o/r.git@v1", Address("https://host/o/r.git", "v1")),
        ("https://host/o/r@v1#a/b/", Address("https://host/o/r", "v1", "a/b")),
        ("https://host/o/r.git#sub", Address("https://host/o/r.git", None, "sub")),
        ("https://me:pw@host/o/r.git", Address("https://me:pw@host/o/r.git")),
        ("https://host/o/r@feature/x@2", Address("https://host/o/r", "feature/x@2")),
        ("https://host/@scope/r.git", Address("https://host/@scope/r.git")),
        ("https://host/@scope/r.git@a/b", Address("https://host/@scope/r.git", "a/b")),
        ("https://host/o/r.git@fix%2312#a%23b", Address("https://host/o/r.git", "fix#12", "a#b")),
        ("git@host:o/r.git", Address("git@host:o/r.git")),
        ("git@host:o/r.git@v1#sub", Address("git@host:o/r.git", "v1", "sub")),
        ("git@host:o/r@v1", Address("git@host:o/r", "v1")),
        ("ssh://git@host:22/o/r.git@v1", Address("ssh://git@host:22/o/r.git", "v1")),
        ("file:///a b/r@v1#s b", Address("file:///a b/r", "v1", "s b")),
        ("https://host/o/r.git@--help", Address("https://host/o/r.git", "--help")),
    ],
)
def test_addresses(text: str, address: Address) -> None:
    assert is_address(text)
    assert parse(text) == address


@pytest.mark.parametrize(
    "word", ["main.py", "a/b.sh", "./x@y", "C:x", "s3://bucket/x", "ext::sh -c id", "host:x", "-x"]
)
def test_what_is_no_address(word: str) -> None:
    assert not is_address(word)


@pytest.mark.parametrize("text", ["https://host/r.git@", "https://host/@", "x", "git@h:r#../x"])
def test_bad_addresses_are_told(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


def cloned(address: str, tmp_path: Path) -> tuple[GitRecord, str]:
    target = tmp_path / "target"
    tmp_path.mkdir(exist_ok=True)
    record = clone(parse(address), target)
    return record, (target / "main.py").read_text()


def test_branches_tags_and_commits(repository: Repository, tmp_path: Path) -> None:
    first, second = repository.git("rev-parse", "v1^{commit}"), repository.git("rev-parse", "main")
    repository.git("branch", "feature/#1", "v1")
    repository.git("update-ref", "refs/pull/7/head", "v1^{commit}")
    url = repository.url
    for number, (ref, commit, branch) in enumerate(
        (
            ("", second, "main"),
            ("@main", second, "main"),
            ("@feature/%231", first, "feature/#1"),
            ("@v1", first, None),
            (f"@{first}", first, None),
            (f"@{first[:8]}", first, None),
            ("@refs/pull/7/head", first, None),
        )
    ):
        record, text = cloned(url + ref, tmp_path / str(number))
        assert record == GitRecord(commit, branch, url, False)
        assert text == f"print('{'first' if commit == first else 'second'}')"


def test_what_is_not_there(repository: Repository, tmp_path: Path) -> None:
    for address, told, hint in (
        (f"{repository.url}@mian", "no commit, branch or tag 'mian'", "there are: main"),
        (f"{repository.url}@--upload-pack=x", "'--upload-pack=x'", "main"),
        (f"{repository.url}@{'ab' * 20}", "'abab", "main"),
        (f"{repository.url}@abcdef", "'abcdef'", "main"),
        (f"file://{tmp_path}/nothing", "does not appear to be a git repository", "ls-remote"),
        ("ssh://127.0.0.1:1/o/r.git", "cannot be read: ", "ls-remote"),
    ):
        with pytest.raises(NotFoundError) as caught:
            clone(parse(address), tmp_path / "target")
        assert told in caught.value.message and hint in (caught.value.hint or "")
    with pytest.raises(NotFoundError, match="no commit at its HEAD"):
        clone(parse(Repository.made(tmp_path / "unborn").url), tmp_path / "empty")


def test_submodules_come_along(repository: Repository, tmp_path: Path) -> None:
    inner = Repository.made(tmp_path / "inner")
    inner.commit({"lib.py": "one"})
    repository.git("submodule", "--quiet", "add", inner.url, "libs/inner")
    repository.commit({})
    clone(parse(repository.url), tmp_path / "target")
    assert (tmp_path / "target" / "libs" / "inner" / "lib.py").read_text() == "one"
    (tmp_path / "inner").rename(tmp_path / "moved")
    with pytest.raises(SourceError, match=r"cannot be checked out: .*fatal: "):
        clone(parse(repository.url), tmp_path / "other")


class Guarded(SimpleHTTPRequestHandler):
    """A web server with a password, which knows nothing of Git."""

    def do_GET(self) -> None:
        expected = "Basic " + base64.b64encode(b"me:secret").decode()
        if self.headers["Authorization"] == expected:
            super().do_GET()
            return
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="x"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Print nothing."""


@pytest.fixture
def web(repository: Repository, tmp_path: Path) -> Iterator[str]:
    """The address of a server that has the repository as `r.git`."""
    repository.git("clone", "-q", "--bare", ".", str(tmp_path / "web" / "r.git"))
    Repository(tmp_path / "web" / "r.git").git("update-server-info")
    handler = functools.partial(Guarded, directory=str(tmp_path / "web"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"127.0.0.1:{server.server_port}/r.git"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_server_without_shallow_copies(web: str, tmp_path: Path) -> None:
    record, text = cloned(f"http://me:secret@{web}@v1", tmp_path)
    assert text == "print('first')" and record.remote == f"http://{web}"


def test_credentials_are_the_users_own_and_never_told(
    web: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TERMINAL_PROMPT", "0")
    for address in (f"http://{web}", f"http://me:wrong-word@{web}", f"http://{web[:-5]}x"):
        with pytest.raises(GridrayError) as caught:
            clone(parse(address), tmp_path / "target")
        assert "wrong-word" not in f"{caught.value.message}{caught.value.hint}"
    helper = "!f() { echo username=me; echo password=secret; }; f"
    with open(tmp_path / "gitconfig", "a") as settings:
        settings.write(f'[credential]\nhelper = "{helper}"\n')
    assert cloned(f"http://{web}", tmp_path / "0")[1] == "print('second')"


def test_what_git_tells_has_no_credentials_in_it() -> None:
    address = parse("https://me:secret@host/r.git")
    told = _told(address, b"remote: no\nfatal: 'https://me:secret@host/r.git' is none\nPlease\n")
    assert told == "remote: no; fatal: 'https://host/r.git' is none"
