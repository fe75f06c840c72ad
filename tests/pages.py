"""The pages as a user has them: the command in a process of its own, and Debian's Chromium."""

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
WIDE = {"width": 1360, "height": 860}
PHONE = {"width": 390, "height": 844}


@dataclass
class Answer:
    """What the server said to one request."""

    status: int
    headers: dict[str, str]
    body: bytes


class Pages:
    """A running `gridray ui`."""

    def __init__(self, process: subprocess.Popen[str], link: str) -> None:
        self.process = process
        self.link = link
        parts = urlsplit(link)
        assert parts.port is not None
        self.port = parts.port
        self.origin = f"http://127.0.0.1:{self.port}"
        self._cookie: str | None = None

    @property
    def cookie(self) -> str:
        """The cookie of a browser that has been let in; the link is void after that."""
        if self._cookie is None:
            answer = self.ask(self.link.removeprefix(self.origin), cookie=None)
            self._cookie = answer.headers["set-cookie"].partition(";")[0]
        return self._cookie

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        cookie: str | None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send one request as it is; nothing is followed or kept."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        sent = ({"Cookie": cookie} if cookie else {}) | (headers or {})
        try:
            connection.request(method, path, headers=sent)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(
                response.status, found, b"" if response.status == 101 else response.read()
            )
        finally:
            connection.close()

    def get(self, path: str) -> Answer:
        return self.ask(path, cookie=self.cookie)


@contextmanager
def serving(home: Path, directory: Path) -> Iterator[Pages]:
    """Serve the default store of a home, from a working directory."""
    environment = os.environ | {"GRIDRAY_HOME": str(home)}
    process = subprocess.Popen(
        [sys.executable, "-m", "gridray", "ui", "--no-browser", "--port", "0"],
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        link = process.stdout.readline().strip()
        assert link, "it did not start"
        yield Pages(process, link)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
        process.stdout.close()


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # No sandbox: in a container, and as root, there is none to be had.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(
    browser: Browser, pages: Pages, *, phone: bool = False, dark: bool = False
) -> Iterator[Page]:
    """Open a window that has been let in."""
    name, _, value = pages.cookie.partition("=")
    context = browser.new_context(
        viewport=PHONE if phone else WIDE,  # type: ignore[arg-type]
        color_scheme="dark" if dark else "light",
        base_url=pages.origin,
    )
    context.add_cookies([{"name": name, "value": value, "url": pages.origin}])
    page = context.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    yield page
    context.close()
    assert failures == []
