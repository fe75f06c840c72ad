"""A sweep from the first to the last in the pages: launched, watched, compared, read, stopped."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from gridray.clusters.cluster import Cluster
from gridray.store import Store
from tests.cluster.conftest import wait_for
from tests.pages import chromium, opened, serving

TRAIN = """\
import argparse, json, os, time
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--sleep", type=float, default=0.05)
options = parser.parse_args()
with open("metrics.jsonl", "w") as file:
    for step in range(20):
        loss = 1 / (1 + options.lr * step)
        file.write(json.dumps({"step": step, "loss": loss}) + "\\n")
        file.flush()
        print("step", step, flush=True)
        time.sleep(options.sleep)
with open("weights of \\"best\\".bin", "wb") as file:
    file.write(bytes(range(256)) * 40)
print("the end", flush=True)
"""
LONG = "import time\nfor i in range(600):\n    print('second', i, flush=True)\n    time.sleep(1)\n"
# A cold cluster takes its time for the first experiment.
SOON = 90_000


@pytest.fixture
def project(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    made.mkdir()
    (made / "train.py").write_text(TRAIN)
    (made / "long.py").write_text(LONG)
    return made


def test_a_sweep_in_the_pages(
    cluster: Cluster, store: Store, cluster_home: Path, project: Path, tmp_path: Path
) -> None:
    wall = Path(os.environ.get("SCREENSHOTS", str(tmp_path)))
    with (
        serving(cluster_home, project) as pages,
        chromium() as browser,
        opened(browser, pages) as page,
    ):
        _launch(page, wall, "train.py", '--lr "[0.5, 3, 1]"', "page-sweep", "3 experiments")
        expect(page.locator(".head .state-succeeded")).to_be_visible(timeout=SOON)
        _compare(page, wall)
        _read_and_download(page, wall)
        _launch(page, wall, "long.py", "", "page-long", "1 experiment")
        _follow_and_stop(page, wall)
        page.goto("/clusters")
        expect(page.get_by_role("link", name="Ray dashboard")).to_be_visible()
        page.screenshot(path=wall / "live-clusters.png")
    wait_for(lambda: not store.names(f"active/{cluster.key}/"), "the end of the runs")


def _launch(page: Page, wall: Path, script: str, args: str, name: str, count: str) -> None:
    page.goto("/launch")
    page.get_by_label("Script").fill(script)
    page.get_by_label("Arguments").fill(args)
    page.get_by_label("Name", exact=True).fill(name)
    expect(page.get_by_role("heading", name=count, exact=True)).to_be_visible(timeout=20_000)
    page.screenshot(path=wall / f"live-launch-{name}.png")
    page.get_by_role("button", name="Launch").click()
    page.wait_for_url(f"**/runs/{name}", timeout=SOON)


def _compare(page: Page, wall: Path) -> None:
    """Sort by a metric: the best comes first; then look at the curves."""
    page.get_by_role("columnheader", name="loss").click(timeout=SOON)
    first = page.locator(".ag-center-cols-container .ag-row[row-index='0']")
    expect(first).to_have_attribute("row-id", "1")
    page.screenshot(path=wall / "live-run.png")
    page.get_by_role("button", name="Compare curves").click()
    expect(page.locator("canvas").first).to_be_visible(timeout=20_000)
    page.wait_for_timeout(300)
    page.screenshot(path=wall / "live-curves.png")


def _read_and_download(page: Page, wall: Path) -> None:
    page.goto("/experiments/page-sweep-exp1")
    expect(page.get_by_role("log").first.get_by_text("the end")).to_be_visible()
    page.goto("/experiments/page-sweep-exp1?tab=files")
    with page.expect_download() as told:
        page.get_by_role("link", name="weights").click()
    assert Path(told.value.path()).read_bytes() == bytes(range(256)) * 40
    page.screenshot(path=wall / "live-files.png")


def _follow_and_stop(page: Page, wall: Path) -> None:
    """Read the log while it is written, and stop the run behind a question."""
    page.get_by_role("link", name="exp0").click(timeout=SOON)
    log = page.get_by_role("log").first
    expect(log.get_by_text("second 3", exact=True)).to_be_visible(timeout=SOON)
    page.screenshot(path=wall / "live-log.png")
    page.get_by_role("link", name="page-long", exact=True).click()
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Stop").click()
    expect(page.locator(".head .state-cancelled")).to_be_visible(timeout=SOON)
    page.screenshot(path=wall / "live-stopped.png")
