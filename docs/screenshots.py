"""Makes the pictures of the pages: `python -m docs.screenshots`, with Debian's Chromium.

The store is made up, as the tests make it; the pages are real.
"""

import os
import tempfile
from pathlib import Path

from playwright.sync_api import expect

from gridray.store import Store
from tests.pages import chromium, opened, serving
from tests.ui import gallery

IMAGES = Path(__file__).parent / "images"
RUN = "/runs/happy-otter-412"
VIEWS = {
    "runs": ("/", "calm-heron-118", False),
    "run": (f"{RUN}?sort=m:val_loss~asc", "exp8", False),
    "curves": (f"{RUN}?tab=curves&smoothing=0.4", "by time", True),
    "files": (
        "/experiments/happy-otter-412-exp0?tab=files&file=plot.png",
        "checkpoints/last.bin",
        False,
    ),
    "launch": (
        "/launch?script=train.py&args=--lr+%22[0.1,+0.01]%22+--layers+%22range(1,+5)%22",
        "8 experiments",
        True,
    ),
}


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        os.environ["HOME"] = directory
        home, project = Path(directory) / ".gridray", Path(directory) / "project"
        project.mkdir()
        (project / "train.py").write_text("print('hello')\n")
        gallery.all_runs(Store(str(home / "store")))
        with serving(home, project) as pages, chromium() as browser:
            for name, (address, words, dark) in VIEWS.items():
                with opened(browser, pages, dark=dark) as page:
                    page.goto(address)
                    expect(page.get_by_text(words).first).to_be_visible()
                    page.wait_for_timeout(1_500)
                    page.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
