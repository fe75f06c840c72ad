"""Objects come into files whole, as they were at one moment, in parts or at once."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gridray import objectfiles
from gridray.errors import NotFoundError, StoreError
from gridray.store import Store


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objectfiles, "PART", 1_000_000)


def replacing(store: Store, contents: Iterator[bytes]) -> Callable[[], None]:
    """Return a check that puts the next content in the place of the object, if there is one."""

    def check() -> None:
        if (content := next(contents, None)) is not None:
            store.put("key", content)

    return check


@pytest.mark.parametrize("size", [0, 1, 1_000_000, 1_000_001, 6_500_001])
def test_all_bytes_come(store: Store, tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    store.put("key", content)
    objectfiles.bring(store, "key", tmp_path / "back", size)
    assert (tmp_path / "back").read_bytes() == content


@pytest.mark.parametrize("size", [0, 50, 2_000_000, 9_000_000])
def test_the_size_need_not_be_the_one_that_is_known(
    store: Store, tmp_path: Path, size: int
) -> None:
    content = os.urandom(size)
    store.put("key", content)
    for known in (1, 3_000_000):
        objectfiles.bring(store, "key", tmp_path / "back", known)
        assert (tmp_path / "back").read_bytes() == content


@pytest.mark.parametrize("size", [500_000, 9_000_000, 12_000_000])
def test_an_object_that_is_replaced_meanwhile_is_read_anew(
    store: Store, tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that the part after the first one is read after the check of the first one.
    monkeypatch.setattr(objectfiles, "PARTS_AT_ONCE", 1)
    store.put("key", os.urandom(9_000_000))
    new = os.urandom(size)
    objectfiles.bring(store, "key", tmp_path / "back", 9_000_000, replacing(store, iter([new])))
    assert (tmp_path / "back").read_bytes() == new


def test_one_that_is_replaced_again_and_again_is_told_of(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objectfiles, "PARTS_AT_ONCE", 1)
    store.put("key", os.urandom(9_000_000))
    endless = (os.urandom(9_000_000) for _ in iter(int, 1))
    with pytest.raises(StoreError, match=r"key was replaced 3 times while it was read"):
        objectfiles.bring(store, "key", tmp_path / "back", 9_000_000, replacing(store, endless))


@pytest.mark.parametrize("size", [1, 4_000_000])
def test_one_that_is_not_there(store: Store, tmp_path: Path, size: int) -> None:
    with pytest.raises(NotFoundError, match="key"):
        objectfiles.bring(store, "key", tmp_path / "back", size)


@pytest.mark.parametrize("size", [1, 4_000_000])
def test_a_check_ends_it(store: Store, tmp_path: Path, size: int) -> None:
    store.put("key", os.urandom(size))

    def check() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        objectfiles.bring(store, "key", tmp_path / "back", size, check)


@pytest.mark.parametrize("size", [1, 4_000_000])
def test_a_full_disk_is_an_error_of_the_disk(store: Store, size: int) -> None:
    store.put("key", os.urandom(size))
    with pytest.raises(OSError, match="No space left") as caught:
        objectfiles.bring(store, "key", Path("/dev/full"), size)
    assert not isinstance(caught.value, StoreError)
