"""Secrets on a node: opened for the script alone, or the attempt says why it cannot begin."""

import os
from pathlib import Path

import pytest

from gridray import layout, sealing
from gridray.records import AttemptState, EnvironmentRecord
from gridray.states import Reason, State
from gridray.store import Store
from tests.runner.conftest import IDENTITY, Attempt, Start, run_again

TOKEN = "0123456789abcdef" * 4
SHOWS = """
import os
print(sorted(name for name in os.environ if name in ('API_KEY', 'OTHER')))
open('seen', 'w').write(os.environ['API_KEY'])
"""
VALUE = 'it\'s "quoted"\nand\tü 🚀 $HOME'


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN)
    return Store(str(tmp_path / "store"))


def put(store: Store, value: str, nonce: str = "", token: str = TOKEN) -> None:
    sealed = sealing.seal({"API_KEY": value}, token, "test-run", IDENTITY)
    store.put(layout.sealed("test-run", IDENTITY, nonce), sealed)


def told(attempt: Attempt) -> AttemptState:
    state = attempt.wait()
    assert (state.state, state.reason) == (State.FAILED, Reason.SECRETS_FAILED)
    assert state.started_at is None and attempt.log() == b""
    return state


def test_the_script_has_them(store: Store, start: Start) -> None:
    put(store, VALUE)
    attempt = start(SHOWS, store=store, secrets={"API_KEY": "MINE"})
    assert attempt.wait().state is State.SUCCEEDED
    assert attempt.log() == b"['API_KEY']\n"
    assert attempt.content("seen").decode() == VALUE
    everything = b"".join(store.get(each.key) for each in store.entries("runs/"))
    assert everything.count(VALUE.encode()) == 1, "the artifact that the script has written"


def test_a_build_with_another_value_is_another_one(store: Store, start: Start) -> None:
    put(store, "first-value")
    builds = EnvironmentRecord(on_build=("echo $API_KEY > built",))
    script = "print(open('built').read(), end='')"
    fields = {"secrets": {"API_KEY": "MINE"}, "environment": builds}
    attempt = start(script, store=store, **fields)
    attempt.wait()
    assert attempt.log() == b"first-value\n"
    put(store, "second-value", layout.nonce(2_000_000_000_000, "00"))
    again = run_again(attempt, 1)
    again.wait()
    assert again.log() == b"second-value\n"
    salt = attempt.temporary / f"gridray-{os.getuid()}" / "environments" / "salt"
    assert salt.stat().st_mode & 0o077 == 0 and len(salt.read_bytes()) == 32


def test_the_newest_count(store: Store, start: Start) -> None:
    put(store, "old")
    put(store, "newest", layout.nonce(2_000_000_000_000, "00"))
    put(store, "newer", layout.nonce(1_700_000_000_000, "ff"))
    attempt = start(SHOWS, store=store, secrets={"API_KEY": "MINE"})
    attempt.wait()
    assert attempt.content("seen") == b"newest"


def test_without_them_nothing_starts(store: Store, start: Start) -> None:
    attempt = start(SHOWS, store=store, secrets={"API_KEY": "MINE"})
    message = told(attempt).message
    assert message is not None and "not in the store any more; `gridray retry`" in message
    # Sealed anew, as a retry does it.
    put(store, "again", layout.nonce(1_700_000_000_000, "ff"))
    assert run_again(attempt, 1).wait().state is State.SUCCEEDED


@pytest.mark.parametrize("token", ["another", ""])
def test_another_token_reads_nothing(
    store: Store, start: Start, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, VALUE)
    monkeypatch.setenv("RAY_AUTH_TOKEN", token)
    message = told(start(SHOWS, store=store, secrets={"API_KEY": "MINE"})).message
    expected = "sealed with another token" if token else "no token to read the secrets with"
    assert message is not None and expected in message


def test_what_is_damaged_is_not_read(store: Store, start: Start) -> None:
    store.put(layout.sealed("test-run", IDENTITY), b"nothing of ours")
    message = told(start(SHOWS, store=store, secrets={"API_KEY": "MINE"})).message
    assert message is not None and "damaged" in message


def test_a_node_without_the_library_says_so(store: Store, start: Start, tmp_path: Path) -> None:
    put(store, VALUE)
    (tmp_path / "cryptography").mkdir()
    (tmp_path / "cryptography" / "__init__.py").write_text("raise ImportError('no such library')")
    python = f"PYTHONPATH={tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    attempt = start(SHOWS, store=store, secrets={"API_KEY": "MINE"}, within=["env", python])
    message = told(attempt).message
    assert message is not None and "no `cryptography` (no such library)" in message
