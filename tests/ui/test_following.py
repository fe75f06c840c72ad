"""Pages of what changes, or does not: what is read again, what is sent, and what is said."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, WebSocket, expect

from gridray import layout, marks
from gridray.artifactindex import ArtifactIndex, ArtifactRecord
from gridray.layout import AttemptName
from gridray.metricrecords import Chunk
from gridray.metricrecords import Point as Value
from gridray.records import Point, RunStatus
from gridray.store import Store
from tests.builders import add_run
from tests.pages import opened, serving
from tests.ui import gallery

# Milliseconds: longer than from one look of a page to the next.
LOOKS = 6_000


@pytest.fixture
def home(tmp_path: Path, browser: Browser) -> Path:
    return tmp_path / "own-home"


@pytest.fixture
def store(home: Path) -> Store:
    return Store(str(home / "store"))


@pytest.mark.parametrize("path", ["/runs/over", "/experiments/over-exp0"])
def test_what_is_over_is_read_again_when_it_changes(
    path: str, store: Store, home: Path, browser: Browser, tmp_path: Path
) -> None:
    rows = [gallery.succeeded(time.time() - 900, 5)]
    add_run(store, "over", rows, created_at=time.time() - 900)
    with serving(home, tmp_path) as pages, opened(browser, pages) as page:
        page.goto(path)
        expect(page.locator(".head .state-succeeded").first).to_be_visible()
        points = store.get(layout.wave("over", 0))
        # Whoever reads all of it comes upon this.
        store.put(layout.wave("over", 0), b"{")
        page.wait_for_timeout(LOOKS)
        expect(page.locator(".banner:visible")).to_have_count(0)
        failed = RunStatus(time.time(), (gallery.failed(time.time() - 900),))
        store.put_json(layout.status("over"), failed.to_json())
        expect(page.locator(".banner").get_by_text("is damaged")).to_be_visible()
        store.put(layout.wave("over", 0), points)
        expect(page.locator(".head .state-failed").first).to_be_visible()
        expect(page.locator(".banner:visible")).to_have_count(0)


def test_a_fault_is_said_and_its_place_printed(
    store: Store,
    home: Path,
    browser: Browser,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    rows = [gallery.running(time.time() - 90)]
    add_run(store, "faulty", rows)
    with serving(home, tmp_path) as pages, opened(browser, pages) as page:
        page.goto("/runs/faulty")
        expect(page.get_by_role("link", name="exp0")).to_be_visible()
        # No Gridray writes more experiments than there are points.
        more = RunStatus(time.time(), (*rows, *rows))
        store.put_json(layout.status("faulty"), more.to_json())
        banner = page.locator(".banner:visible")
        expect(banner).to_contain_text("A fault in Gridray: IndexError: ")
        expect(banner).to_contain_text("This is how it was at")
        store.put_json(layout.status("faulty"), RunStatus(time.time(), tuple(rows)).to_json())
        expect(banner).to_have_count(0)
    printed = capfd.readouterr().err
    assert printed.count("Traceback") == 1 and "in run_view" in printed


def test_missing_values_come_last_whichever_way_is_sorted(
    store: Store, home: Path, browser: Browser, tmp_path: Path
) -> None:
    texts = ["2", None, "10", None, "1e-3"]
    points = [Point({} if text is None else {"lr": text}, ()) for text in texts]
    add_run(store, "holes", [gallery.succeeded(time.time() - 900, 5)] * 5, points=points)
    with serving(home, tmp_path) as pages, opened(browser, pages) as page:
        for way, order in (("asc", ["4", "0", "2"]), ("desc", ["2", "0", "4"])):
            page.goto(f"/runs/holes?sort=p%3Alr%7E{way}")
            expect(page.locator(".ag-center-cols-container .ag-row")).to_have_count(5)
            for place, row in enumerate(order):
                shown = page.locator(f".ag-center-cols-container .ag-row[row-index='{place}']")
                expect(shown).to_have_attribute("row-id", row)


def test_long_curves_are_sent_thinned_and_the_page_says_so(
    store: Store, home: Path, browser: Browser, tmp_path: Path
) -> None:
    gallery.long_curves(store)
    sent: list[int] = []

    def count(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: sent.append(len(frame)))

    with serving(home, tmp_path) as pages, opened(browser, pages) as page:
        page.on("websocket", count)
        page.goto("/runs/long-curves?tab=curves&experiments=0-29")
        expect(page.locator("canvas")).to_have_count(4, timeout=60_000)
        expect(page.get_by_text("Points are thinned: of a curve at most 200")).to_be_visible()
        page.wait_for_timeout(LOOKS)
        assert 100_000 < sum(sent) < 1_000_000


def test_metrics_of_what_runs_are_followed(
    store: Store, home: Path, browser: Browser, tmp_path: Path
) -> None:
    now = time.time()
    add_run(store, "live", [gallery.running(now - 60)])
    attempt = AttemptName("live", 0, 0)
    gallery.put_metrics(store, attempt, {"loss": [Value(0, now, 1.0), Value(1, now, 0.5)]})
    with serving(home, tmp_path) as pages, opened(browser, pages) as page:
        page.goto("/experiments/live-exp0?tab=metrics")
        expect(page.locator("canvas")).to_have_count(1)
        later = Chunk({"accuracy": [Value(0, now, 0.1)]}).to_json()
        key = layout.metric_chunk(attempt, 1)
        store.put_json(key, marks.marked(later, "identity-of-live"))
        expect(page.locator("canvas")).to_have_count(2)
        # The last points come after the last word.
        ended = replace(gallery.succeeded(now - 60, 5), ended_at=now)
        store.put_json(layout.status("live"), RunStatus(now, (ended,)).to_json())
        expect(page.locator(".head .state-succeeded").first).to_be_visible()
        last = Chunk({"rate": [Value(0, now, 0.1)]}).to_json()
        key = layout.metric_chunk(attempt, 2)
        store.put_json(key, marks.marked(last, "identity-of-live"))
        expect(page.locator("canvas")).to_have_count(3)


def test_a_fault_in_a_part_of_a_page_is_said_at_its_top(
    store: Store, home: Path, browser: Browser, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    now = time.time()
    add_run(store, "odd", [gallery.succeeded(now - 900, 5)])
    attempt = AttemptName("odd", 0, 0)
    # No Gridray writes a size below 0.
    record = ArtifactRecord("odd.txt", -5, 0o644, int(now * 1e9), 0)
    store.put(layout.artifact(attempt, "odd.txt"), b"text")
    store.put_json(layout.artifact_index(attempt), ArtifactIndex((record,)).to_json())
    with serving(home, tmp_path) as pages, opened(browser, pages) as page:
        page.goto("/experiments/odd-exp0?tab=files")
        page.get_by_role("button", name="odd.txt").click()
        expect(page.locator(".banner:visible")).to_contain_text("A fault in Gridray: OverflowError")
    assert "Traceback" in capfd.readouterr().err
