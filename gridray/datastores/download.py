"""An archive from the web, in a file."""

import base64
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from gridray import __version__
from gridray.errors import DatastoreError, UsageError

PIECE = 1024 * 1024
# Seconds for which a server may say nothing.
TIMEOUT = 60.0

# Opens a progress bar of so many bytes; what it yields takes the bytes that came.
Bar = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]


def public_url(url: str) -> str:
    """Return a URL without what may be secret: user, password and query."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def fetch(url: str, target: Path, bar: Bar) -> None:
    """Download a URL into a file.

    Raises:
        UsageError: it is no URL.
        DatastoreError: it cannot be read, or ends before it is whole.
    """
    shown = public_url(url)
    request = _request(url, shown)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer, open(target, "wb") as file:
            _copy(answer, file.write, shown, bar)
    except urllib.error.HTTPError as error:
        error.close()
        raise DatastoreError(
            f"{shown} answers {error.code} {error.reason}", hint="check the address"
        ) from error
    except urllib.error.URLError as error:
        raise DatastoreError(f"{shown} cannot be reached: {error.reason}") from error
    except http.client.HTTPException as error:
        raise DatastoreError(
            f"{shown} ended before it was whole: {error!r}", hint="try again"
        ) from error
    except OSError as error:
        raise DatastoreError(f"{shown} cannot be brought into {target}: {error}") from error


def _request(url: str, shown: str) -> urllib.request.Request:
    parts = urlsplit(url)
    try:
        if not parts.hostname or parts.port == 0:
            raise ValueError("it names no host")
        host = parts.netloc.rpartition("@")[2]
        request = urllib.request.Request(
            urlunsplit((parts.scheme, host, parts.path or "/", parts.query, "")),
            headers={"User-Agent": f"gridray/{__version__}"},
        )
    except ValueError as error:
        raise UsageError(f"{shown} is no address: {error}") from error
    if parts.username is not None:
        words = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        # Not for whom the server may point to.
        request.add_unredirected_header(
            "Authorization", f"Basic {base64.b64encode(words).decode()}"
        )
    return request


def _copy(
    answer: http.client.HTTPResponse, write: Callable[[bytes], int], shown: str, bar: Bar
) -> None:
    told = answer.headers.get("Content-Length")
    total = int(told) if told is not None and told.isdigit() else None
    came = 0
    with bar(f"download {os.path.basename(shown)}", total or 0) as advance:
        while piece := answer.read(PIECE):
            write(piece)
            came += len(piece)
            advance(len(piece))
    if total is not None and came != total:
        raise DatastoreError(
            f"{shown} ended after {came:,} of {total:,} bytes",
            hint="try again; nothing was kept of it",
        )
