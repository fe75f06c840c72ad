"""Files come as they are, to be kept, and only those of the experiment."""

from urllib.parse import quote

import pytest

from gridray.ui import files
from tests.pages import Pages
from tests.ui.gallery import HOSTILE_FILES, HOSTILE_LOG

NAME = "hostile-run-exp0"


@pytest.mark.parametrize("path", HOSTILE_FILES)
def test_a_file_is_downloaded_byte_for_byte_and_never_shown(pages: Pages, path: str) -> None:
    answer = pages.get(files.download_address(NAME, path))
    assert (answer.status, answer.body) == (200, HOSTILE_FILES[path])
    headers = answer.headers
    name = quote(path.rpartition("/")[2], safe="")
    assert headers["content-disposition"].startswith('attachment; filename="')
    assert headers["content-disposition"].endswith(f"filename*=UTF-8''{name}")
    assert headers["content-type"] == "application/octet-stream"
    assert headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    ["../state.json", "/etc/passwd", "../../../../run.json", "artifacts.json", "", "%2e%2e/x"],
)
def test_what_is_no_artifact_is_not_served(pages: Pages, path: str) -> None:
    assert pages.get(files.download_address(NAME, path)).status == 404
    assert pages.get(files.image_address(NAME, path)).status == 404


@pytest.mark.parametrize(
    "name", ["../../x-exp0", "hostile-run", "hostile-run-exp9", "", "gone-exp0"]
)
def test_what_is_no_experiment_is_said(pages: Pages, name: str) -> None:
    answer = pages.get(files.download_address(name, "empty.txt"))
    assert answer.status in (400, 404) and answer.headers["content-type"].startswith("text/plain")


def test_only_images_that_cannot_run_are_shown(pages: Pages) -> None:
    for path in ("page.html", "picture.svg"):
        answer = pages.get(files.image_address(NAME, path))
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment")
    answer = pages.get(files.image_address("happy-otter-412-exp0", "plot.png"))
    assert answer.headers["content-type"] == "image/png" and answer.body.startswith(b"\x89PNG")
    assert "sandbox" in answer.headers["content-security-policy"]


def test_a_log_is_downloaded_as_the_script_wrote_it(pages: Pages) -> None:
    assert pages.get(files.log_address(NAME, "stdout", None)).body == HOSTILE_LOG
    assert pages.get(files.log_address(NAME, "stdout", 0)).body == HOSTILE_LOG
    assert pages.get(files.log_address(NAME, "stdout", 5)).body == b""
    assert pages.get(files.log_address(NAME, "../../run", None)).status == 400
