"""The places of environments on a node: who may build, who may use, and what is thrown away."""

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gridray.errors import BuildError
from gridray.runner import shelf
from gridray.runner.shelf import ENVIRONMENT, Place


@pytest.fixture
def room(tmp_path: Path) -> Path:
    return tmp_path / "environments"


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as each:
        yield each


def nobody() -> None:
    """Who waits here waits for nothing, since nobody else is there."""
    raise AssertionError("it waits")


def built(place: Path, key: str, stack: ExitStack) -> Place:
    made = Place(place, key)
    assert made.take(stack, nobody) is None
    (made.home / ENVIRONMENT).mkdir()
    made.keep({"key": key})
    return made


def test_what_is_whole_is_shared(room: Path, stack: ExitStack) -> None:
    built(room, "a", stack)
    for _ in range(2):
        assert Place(room, "a").take(stack, nobody) == {"key": "a"}


def test_what_is_not_whole_is_built_anew(room: Path) -> None:
    with ExitStack() as killed:
        place = Place(room, "a")
        assert place.take(killed, nobody) is None
        (place.home / "half").touch()
    with ExitStack() as stack:
        assert place.take(stack, nobody) is None
        assert list(place.home.iterdir()) == []


def test_what_a_build_has_left_running_keeps_nobody_out(room: Path, stack: ExitStack) -> None:
    with ExitStack() as stopped:
        place = Place(room, "a")
        place.take(stopped, nobody)
        stack.callback(os.close, os.dup(place.lock))
    assert Place(room, "a").take(stack, nobody) is None


def test_who_waits_can_be_called_away(room: Path, stack: ExitStack) -> None:
    assert Place(room, "a").take(stack, nobody) is None
    with pytest.raises(AssertionError, match="it waits"):
        Place(room, "a").take(stack, nobody)


def test_who_waits_hears_of_a_failure_and_who_comes_later_does_not(
    room: Path, stack: ExitStack
) -> None:
    building, waiting = Place(room, "a"), Place(room, "a")
    assert building.take(stack, nobody) is None
    waits = threading.Event()
    heard: list[str] = []

    def wait() -> None:
        with ExitStack() as own, pytest.raises(BuildError) as caught:
            waiting.take(own, waits.set)
        heard.append(caught.value.message)

    thread = threading.Thread(target=wait)
    thread.start()
    waits.wait()
    building.fail("the cause")
    thread.join()
    assert heard == ["the cause"]
    assert Place(room, "a").take(stack, nobody) is None


def test_what_was_used_longest_ago_goes_but_not_what_is_in_use(
    room: Path, monkeypatch: pytest.MonkeyPatch, stack: ExitStack
) -> None:
    monkeypatch.setattr(shelf, "KEPT", 2)
    with ExitStack() as over:
        for age, key in enumerate(["used", "old", "recent"]):
            built(room, key, stack if key == "used" else over)
            os.utime(room / f"{key}.lock", (age, age))
    built(room, "new", stack)
    assert sorted(path.name for path in room.iterdir() if path.is_dir()) == [
        "new",
        "recent",
        "used",
    ]
    assert Place(room, "old").take(stack, nobody) is None
