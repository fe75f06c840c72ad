"""Pages of a store that is as users have them, and a browser."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from gridray.store import Store
from tests.pages import Pages, chromium, serving
from tests.ui import gallery


@pytest.fixture(scope="session")
def gallery_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a store that no test changes."""
    home = tmp_path_factory.mktemp("gallery")
    store = Store(str(home / "store"))
    gallery.all_runs(store)
    gallery.hostile(store)
    return home


@pytest.fixture(scope="session")
def pages(gallery_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    with serving(gallery_home, tmp_path_factory.mktemp("project")) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for no longer than it is needed: its event loop occupies this thread."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="session")
def gallery_wall(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots are kept: in the directory that SCREENSHOTS names, if it does."""
    chosen = os.environ.get("SCREENSHOTS")
    return Path(chosen) if chosen else tmp_path_factory.mktemp("screenshots")


def keep(page: Page, wall: Path, name: str) -> None:
    page.screenshot(path=wall / f"{name}.png")
