"""Pages of what is not there any more, or not yet."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from gridray import actions
from gridray.store import Store
from tests.pages import opened, serving
from tests.ui import gallery

RUN = "/runs/happy-otter-412"


@pytest.fixture
def home(tmp_path: Path, browser: Browser) -> Path:
    return tmp_path / "own-home"


@pytest.fixture
def store(home: Path) -> Store:
    found = Store(str(home / "store"))
    gallery.all_runs(found)
    return found


def test_each_page_says_that_the_store_is_gone(
    store: Store, home: Path, browser: Browser, tmp_path: Path
) -> None:
    with serving(home, tmp_path) as pages, opened(browser, pages) as page:
        page.goto(RUN)
        expect(page.get_by_text("exp11")).to_be_visible()
        moved = shutil.move(home / "store", home / "away")
        page.get_by_role("tab", name="Curves").click()
        expect(page.get_by_text("The curves cannot be read now. The store")).to_be_visible()
        expect(page.get_by_text("No metric of these experiments")).to_have_count(0)
        page.get_by_role("tab", name="Failures").click()
        expect(page.locator(".tab-panel .banner").get_by_text("is gone.")).to_be_visible()
        for path in ("/", RUN, "/experiments/happy-otter-412-exp0"):
            page.goto(path)
            expect(page.locator(".banner:visible")).to_contain_text("is gone. Trying again.")
            expect(page.get_by_text("No run yet")).to_be_hidden()
        page.goto("/")
        expect(page.locator(".banner:visible")).to_have_count(1)
        shutil.move(moved, home / "store")
        expect(page.get_by_text("happy-otter-412")).to_be_visible()
        expect(page.locator(".banner:visible")).to_have_count(0)


def test_a_store_that_goes_before_any_page_is_opened(
    store: Store, home: Path, browser: Browser, tmp_path: Path
) -> None:
    with serving(home, tmp_path) as pages:
        shutil.move(home / "store", home / "away")
        with opened(browser, pages) as page:
            page.goto("/")
            expect(page.locator(".banner:visible")).to_contain_text("is gone. Trying again.")


def test_a_store_that_is_not_there_yet_is_empty(
    home: Path, browser: Browser, tmp_path: Path
) -> None:
    with serving(home, tmp_path) as pages, opened(browser, pages) as page:
        page.goto("/")
        expect(page.get_by_text("No run yet")).to_be_visible()
        gallery.all_runs(Store(str(home / "store")))
        expect(page.get_by_text("happy-otter-412")).to_be_visible()


@pytest.mark.parametrize(
    "path, delete, names",
    [
        (
            "/runs/calm-heron-118",
            lambda store: actions.delete_run(store, "calm-heron-118"),
            ("Rerun", "Delete"),
        ),
        (
            "/experiments/happy-otter-412-exp5",
            lambda store: actions.delete_experiment(store, "happy-otter-412", 5),
            ("Retry", "Delete"),
        ),
    ],
)
def test_nothing_can_be_done_with_what_was_deleted(
    path: str,
    delete: Callable[[Store], None],
    names: tuple[str, ...],
    store: Store,
    home: Path,
    browser: Browser,
    tmp_path: Path,
) -> None:
    with serving(home, tmp_path) as pages, opened(browser, pages) as page:
        page.goto(path)
        for name in names:
            expect(page.get_by_role("button", name=name, exact=True)).to_be_enabled()
        delete(store)
        expect(page.get_by_text("It was deleted; this is how it was")).to_be_visible()
        for name in names:
            expect(page.get_by_role("button", name=name, exact=True)).to_be_disabled()
