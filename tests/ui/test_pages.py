"""The pages in a browser, on a store that no cluster writes to."""

import shutil
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from gridray import actions, layout
from gridray.store import Store
from tests.pages import Pages, opened, serving
from tests.ui import gallery
from tests.ui.conftest import keep

RUN = "/runs/happy-otter-412"
EXPERIMENT = "/experiments/happy-otter-412-exp0"
VIEWS = {
    "runs": "/",
    "run": RUN,
    "curves": f"{RUN}?tab=curves&smoothing=0.5&axes=y",
    "plots": f"{RUN}?tab=plots",
    "failures": f"{RUN}?tab=failures",
    "experiment": EXPERIMENT,
    "build": f"{EXPERIMENT}?tab=build",
    "files": f"{EXPERIMENT}?tab=files&file=plot.png",
    "metrics": f"{EXPERIMENT}?tab=metrics",
    "attempts": f"{EXPERIMENT}?tab=attempts",
    "clusters": "/clusters",
    "launch": "/launch",
}
SEEN = {
    "runs": "happy-otter-412",
    "run": "exp3",
    "failures": "ValueError: loss is nan after step 18",
    "experiment": "epoch  59",
    "build": "Installed 14 packages",
    "files": "checkpoints/last.bin",
    "attempts": "Attempt 0",
    "clusters": "The next run starts it",
    "launch": "Name a script",
}


@pytest.mark.parametrize("name", VIEWS)
def test_each_view_is_drawn(name: str, browser: Browser, pages: Pages, gallery_wall: Path) -> None:
    with opened(browser, pages) as page:
        page.goto(VIEWS[name])
        if name in SEEN:
            expect(page.get_by_text(SEEN[name]).first).to_be_visible()
        else:
            expect(page.locator("canvas").first).to_be_visible()
        keep(page, gallery_wall, name)


@pytest.mark.parametrize("name", ["runs", "run", "experiment", "launch"])
def test_a_phone_in_the_dark_sees_no_wider_page(
    name: str, browser: Browser, pages: Pages, gallery_wall: Path
) -> None:
    with opened(browser, pages, phone=True, dark=True) as page:
        page.goto(VIEWS[name])
        expect(page.get_by_text(SEEN[name] if name != "run" else "exp0").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        keep(page, gallery_wall, f"{name}-phone")


def test_a_view_is_in_its_address(browser: Browser, pages: Pages) -> None:
    with opened(browser, pages) as page:
        page.goto(RUN)
        page.get_by_role("columnheader", name="val_loss").click()
        page.get_by_role("button", name="succeeded").click()
        expect(page.get_by_text("14 shown")).to_be_visible()
        first = page.locator(".ag-center-cols-container .ag-row[row-index='0']")
        best = first.get_attribute("row-id")
        assert "sort=m%3Aval_loss%7Easc" in page.url and "filter=" in page.url
        address = page.url
        page.goto("/")
        page.goto(address)
        expect(page.get_by_text("14 shown")).to_be_visible()
        assert first.get_attribute("row-id") == best
        page.get_by_role("textbox", name="Search experiments").fill("0.03")
        expect(page.get_by_text("14 shown")).to_be_hidden()
        assert "search=0.03" in page.url


def test_columns_are_chosen_and_curves_compared(browser: Browser, pages: Pages) -> None:
    with opened(browser, pages) as page:
        page.goto(RUN)
        page.get_by_role("button", name="Columns").click()
        page.get_by_role("checkbox", name="val_loss (min)").click()
        page.keyboard.press("Escape")
        expect(page.get_by_role("columnheader", name="val_loss (min)")).to_be_visible()
        assert "shown=" in page.url
        for row in (0, 2):
            page.locator(f".ag-row[row-index='{row}'] input[type=checkbox]").check()
        page.get_by_role("button", name="Compare curves").click()
        expect(page.get_by_role("textbox", name="Experiments", exact=True)).to_have_value("0, 2")
        expect(page.locator("canvas").first).to_be_visible()


def test_the_keyboard_goes_everywhere(browser: Browser, pages: Pages) -> None:
    with opened(browser, pages) as page:
        page.goto("/")
        expect(page.get_by_text("happy-otter-412")).to_be_visible()
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        page.keyboard.press("/")
        expect(page.get_by_role("textbox", name="Search runs")).to_be_focused()
        page.keyboard.type("otter")
        expect(page.get_by_text("1 shown")).to_be_visible()
        page.locator(".ag-cell[col-id=name]").first.focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/runs/happy-otter-412")


def test_logs_are_searched(browser: Browser, pages: Pages) -> None:
    with opened(browser, pages) as page:
        page.goto(EXPERIMENT)
        page.get_by_role("textbox", name="Search in the log").first.fill("epoch  5")
        expect(page.get_by_text("10 of 60 lines")).to_be_visible()
        assert "find=epoch" in page.url


def test_a_live_log_keeps_its_search_and_shows_an_attempt_once(
    own: tuple[Store, Path], browser: Browser, tmp_path: Path
) -> None:
    store, home = own
    attempt = gallery.resumed(store)
    with serving(home, tmp_path) as pages, opened(browser, pages) as page:
        page.goto("/experiments/resumed-run-exp0?find=alpha")
        search = page.get_by_role("textbox", name="Search in the log").first
        expect(page.get_by_text("1 of 2 lines")).to_be_visible()
        search.fill("beta")
        gallery.log(store, attempt, b"beta 3\nalpha 4\n", time.time())
        expect(page.get_by_text("2 of 4 lines")).to_be_visible()
        assert "find=beta" in page.url
        search.fill("")
        page.get_by_role("combobox", name="Attempt").first.click()
        page.get_by_role("option", name="attempt 0").click()
        expect(page.get_by_text("2 lines", exact=True)).to_be_visible()
        # Longer than from one look at the run to the next.
        page.wait_for_timeout(7000)
        expect(page.get_by_text("2 lines", exact=True)).to_be_visible()


def test_nothing_of_a_user_is_taken_for_a_page(
    browser: Browser, pages: Pages, gallery_wall: Path
) -> None:
    with opened(browser, pages) as page:
        page.goto("/experiments/hostile-run-exp0")
        log = page.get_by_role("log").first
        expect(log.get_by_text("<img src=x onerror=\"document.title='hacked'\">")).to_be_visible()
        expect(log.locator(".ansi-1")).to_have_text("red")
        expect(log.get_by_text("100%", exact=True)).to_be_visible()
        assert "\x1b" not in log.inner_text() and "50%" not in log.inner_text()
        for tab in ("files&file=page.html", "metrics", "attempts"):
            page.goto(f"/experiments/hostile-run-exp0?tab={tab}")
            page.wait_for_timeout(400)
        for tab in ("table", "curves", "plots", "failures"):
            page.goto(f"/runs/hostile-run?tab={tab}")
            page.wait_for_timeout(400)
            keep(page, gallery_wall, f"hostile-{tab}")
        assert page.title() == "hostile-run · Gridray"


def test_a_file_with_an_odd_name_is_shown_and_downloaded(browser: Browser, pages: Pages) -> None:
    with opened(browser, pages) as page:
        page.goto("/experiments/hostile-run-exp0?tab=files")
        page.get_by_role("button", name="page.html").click()
        expect(page.get_by_text("<script>document.title = 'hacked'</script>")).to_be_visible()
        with page.expect_download() as told:
            page.get_by_role("link", name="Download 50% & more #1.bin").click()
        path = "50% & more #1.bin"
        assert told.value.suggested_filename == path
        assert Path(told.value.path()).read_bytes() == gallery.HOSTILE_FILES[path]


@pytest.mark.parametrize(
    "path, words",
    [
        ("/runs/nothing-here", "There is no run 'nothing-here'"),
        ("/runs/Not_A_Name", "is no name for a run"),
        ("/experiments/happy-otter-412-exp99", "has no experiment 'happy-otter-412-exp99'"),
        ("/experiments/a b", "is no name"),
    ],
)
def test_what_there_is_not_is_said(browser: Browser, pages: Pages, path: str, words: str) -> None:
    with opened(browser, pages) as page:
        page.goto(path)
        expect(page.locator(".banner").get_by_text(words)).to_be_visible()
        expect(page.get_by_role("button", name="Stop")).to_be_hidden()


def test_all_that_a_run_takes_is_asked_for_and_no_secret_is_in_the_address(
    gallery_home: Path,
    browser: Browser,
    tmp_path: Path,
    gallery_wall: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HUB_TOKEN", "s3cret")
    project = tmp_path / "project"
    project.mkdir()
    (project / "train.py").write_text("pass\n")
    with serving(gallery_home, project) as pages, opened(browser, pages) as page:
        page.goto("/launch?script=train.py&on_build=make")
        # What the address asks for is seen; the other groups open by a click.
        expect(page.get_by_label("On build", exact=True)).to_have_value("make")
        page.get_by_text("Variables, secrets and data").click()
        page.get_by_label("Scratch size").fill("100")
        secrets = page.get_by_label("Secrets", exact=True)
        secrets.fill("TOKEN=HUB_TOKEN\nKEY=HUNTER2")
        problem = page.locator(".problem:visible")
        expect(problem).to_contain_text("HUNTER2 is not set in this shell")
        expect(page.get_by_role("button", name="Launch", exact=True)).to_be_disabled()
        assert "HUNTER2" not in page.url and "HUB_TOKEN" in page.url
        secrets.fill("TOKEN=HUB_TOKEN")
        expect(page.get_by_role("heading", name="1 experiment")).to_be_visible()
        for words in ("100.0 GB in /tmp/scratch", "TOKEN", "make"):
            expect(page.locator(".fact-value").get_by_text(words, exact=True)).to_be_visible()
        keep(page, gallery_wall, "launch-all")
        assert "s3cret" not in page.content() + page.url
        page.goto(page.url)
        expect(page.get_by_label("Secrets", exact=True)).to_have_value("TOKEN=HUB_TOKEN")


@pytest.fixture
def own(tmp_path: Path, browser: Browser) -> tuple[Store, Path]:
    home = tmp_path / "own-home"
    store = Store(str(home / "store"))
    gallery.all_runs(store)
    return store, home


def test_a_run_that_is_deleted_and_a_store_that_goes(
    own: tuple[Store, Path], browser: Browser, tmp_path: Path
) -> None:
    store, home = own
    with serving(home, tmp_path) as pages, opened(browser, pages) as page:
        page.goto("/runs/calm-heron-118")
        expect(page.get_by_text("exp7")).to_be_visible()
        actions.delete_run(store, "calm-heron-118")
        expect(page.get_by_text("It was deleted; this is how it was")).to_be_visible()
        expect(page.get_by_text("exp7")).to_be_visible()
        page.goto(RUN)
        expect(page.get_by_text("exp11")).to_be_visible()
        moved = shutil.move(home / "store", home / "away")
        expect(page.get_by_text("is gone. This is how it was")).to_be_visible()
        shutil.move(moved, home / "store")
        expect(page.locator(".banner").first).to_be_hidden()


def test_nothing_is_deleted_without_a_yes(
    own: tuple[Store, Path], browser: Browser, tmp_path: Path
) -> None:
    store, home = own
    with serving(home, tmp_path) as pages, opened(browser, pages) as page:
        page.goto("/runs/calm-heron-118")
        page.get_by_role("button", name="Delete").click()
        question = page.get_by_role("alertdialog")
        question.get_by_role("button", name="Keep").click()
        expect(question).to_be_hidden()
        assert store.exists(layout.run_record("calm-heron-118"))
        page.get_by_role("button", name="Delete").click()
        question.get_by_role("button", name="Delete").click()
        page.wait_for_url(pages.origin + "/")
        assert not store.exists(layout.run_record("calm-heron-118"))


def test_a_link_lets_another_browser_in(browser: Browser, pages: Pages) -> None:
    with opened(browser, pages) as page:
        page.goto("/")
        page.get_by_role("button", name="Link for another browser").click()
        link = page.locator(".copy").inner_text()
        other: Page = browser.new_context().new_page()
        other.goto(link)
        other.wait_for_url(pages.origin + "/")
        expect(other.get_by_text("happy-otter-412")).to_be_visible()
        assert "ticket" not in other.url
        other.context.close()
