"""How long the table of a large run takes to be usable, and what the server needs for it.

`python -m bench.ui [EXPERIMENTS] [ROUNDS]`: fills a store (10,000 experiments), opens the page of
the run in Debian's Chromium, and tells for each round, in seconds:

    rows        from opening the address until the first rows are drawn
    usable      until the table has been sorted by a metric, too
    frame       the longest time between two frames while it is scrolled from top to bottom

and last the memory of the server (RSS).
"""

import sys
import tempfile
import time
from pathlib import Path

import psutil
from playwright.sync_api import Page, expect

from gridray.store import Store
from tests.pages import Pages, chromium, opened, serving
from tests.ui import gallery

NAME = "wide-sweep-001"
SCROLL = """async () => {
    const place = document.querySelector(".ag-body-viewport");
    const frames = [];
    for (let step = 0; step <= 120; step++) {
        place.scrollTop = (place.scrollHeight - place.clientHeight) * step / 120;
        const began = performance.now();
        await new Promise(requestAnimationFrame);
        frames.push(performance.now() - began);
    }
    return Math.max(...frames) / 1000;
}"""


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with tempfile.TemporaryDirectory() as home:
        gallery.large(Store(f"{home}/store"), count, NAME)
        with serving(Path(home), Path(home)) as pages, chromium() as browser:
            print("  rows  usable  frame")
            for _ in range(rounds):
                with opened(browser, pages) as page:
                    print("  ".join(f"{each:5.2f}" for each in _measured(page)), flush=True)
            print(f"server: {_memory(pages) / 1e6:.0f} MB")


def _measured(page: Page) -> tuple[float, float, float]:
    # What all pages are made of is in the browser's cache, as on every visit but the first.
    page.goto("/runs/nothing")
    expect(page.locator(".banner:visible")).to_be_visible()
    page.goto("about:blank")
    began = time.monotonic()
    page.goto(f"/runs/{NAME}", wait_until="commit")
    page.wait_for_selector(".ag-row")
    rows = time.monotonic() - began
    page.get_by_role("columnheader", name="val_loss", exact=True).click()
    page.wait_for_url("**sort=**")
    usable = time.monotonic() - began
    return rows, usable, float(page.evaluate(SCROLL))


def _memory(pages: Pages) -> int:
    rss: int = psutil.Process(pages.process.pid).memory_info().rss
    return rss


if __name__ == "__main__":
    main()
