"""Sealed values: only the token, the run and the identity that they were sealed for open them."""

import pytest

from gridray import sealing
from gridray.errors import ClusterError, DamagedError, UsageError

VALUES = {"A": "a value", "B": "ünïcödé\n\0", "C": "x" * 100_000}


def seal(token: str | None = "token") -> bytes:
    return sealing.seal(VALUES, token, "run", "identity")


def test_what_is_sealed_can_be_opened() -> None:
    sealed = seal()
    assert b"a value" not in sealed and b'"A"' not in sealed
    assert sealing.unseal(sealed, "token", "run", "identity") == VALUES
    assert seal() != sealed, "the same values never look the same"


@pytest.mark.parametrize(
    ("token", "run", "identity"),
    [("other", "run", "identity"), ("token", "ru", "identity"), ("token", "run", "other")],
)
def test_nobody_else_can_open_it(token: str, run: str, identity: str) -> None:
    with pytest.raises(ClusterError, match="another token"):
        sealing.unseal(seal(), token, run, identity)


def test_what_was_changed_is_not_opened() -> None:
    sealed = seal()
    for place in (len(sealing.MAGIC), len(sealing.MAGIC) + 20, len(sealed) - 1):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(ClusterError):
            sealing.unseal(bytes(changed), "token", "run", "identity")
    for cut in (sealed[:20], sealed[:-1], sealing.MAGIC):
        with pytest.raises(ClusterError):
            sealing.unseal(cut, "token", "run", "identity")
    for other in (b"", b"{}", sealed[1:]):
        with pytest.raises(DamagedError):
            sealing.unseal(other, "token", "run", "identity")


@pytest.mark.parametrize("token", [None, ""])
def test_without_a_token_nothing_is_sealed(token: str | None) -> None:
    with pytest.raises(ClusterError, match="has no token") as caught:
        seal(token)
    assert caught.value.hint is not None and "RAY_AUTH_TOKEN" in caught.value.hint
    assert "a value" not in repr(caught.value)


def test_values_come_from_the_shell() -> None:
    shell = {"MINE": "1", "TOKEN": "2", "EMPTY": ""}
    names = {"A": "MINE", "TOKEN": "TOKEN"}
    assert sealing.values(names, shell) == {"A": "1", "TOKEN": "2"}
    with pytest.raises(UsageError) as caught:
        sealing.values({"A": "MINE", "B": "EMPTY", "C": "MISSING"}, shell)
    assert caught.value.message.startswith("EMPTY, MISSING are not set")
    assert caught.value.message.endswith("the secret B, C")
