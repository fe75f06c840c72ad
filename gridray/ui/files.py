"""What is downloaded, and the images that are shown: files of experiments, as they are.

Only what the index of an experiment's artifacts lists is served, by the key that it has in the
store, so that no path leads anywhere else.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from urllib.parse import parse_qs, quote, urlencode

from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse, StreamingResponse

from gridray import layout
from gridray.errors import GridrayError, NotFoundError, UsageError
from gridray.layout import ExperimentName
from gridray.readers import artifacts, logs
from gridray.readers.download import Artifact
from gridray.store import Store, Tagged
from gridray.ui.site import Site

PART = 1024 * 1024
# SVG is not among them: it can have scripts in it.
IMAGES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
}
CLOSED = {
    "content-security-policy": "default-src 'none'; sandbox",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


def download_address(name: str, path: str) -> str:
    return "/file?" + urlencode({"experiment": name, "path": path}, errors="surrogateescape")


def image_address(name: str, path: str) -> str:
    return "/image?" + urlencode({"experiment": name, "path": path}, errors="surrogateescape")


def log_address(name: str, stream: str, attempt: int | None) -> str:
    fields = {"experiment": name, "stream": stream}
    return "/log?" + urlencode(fields | ({} if attempt is None else {"attempt": str(attempt)}))


def is_image(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in IMAGES


def register(application: FastAPI, site: Site) -> None:
    """Add the addresses; each is for reading only."""

    @application.get("/file")
    def file(request: Request) -> Response:
        return _answered(lambda: _file(site.store, request, None))

    @application.get("/image")
    def image(request: Request) -> Response:
        path = request.query_params.get("path", "")
        kind = IMAGES.get(PurePosixPath(path).suffix.lower())
        return _answered(lambda: _file(site.store, request, kind))

    @application.get("/log")
    def log(request: Request) -> Response:
        return _answered(lambda: _log(site.store, request))


def _answered(answer: Callable[[], Response]) -> Response:
    try:
        return answer()
    except NotFoundError as error:
        return PlainTextResponse(error.message, 404, CLOSED)
    except UsageError as error:
        return PlainTextResponse(error.message, 400, CLOSED)
    except GridrayError as error:
        return PlainTextResponse(error.message, 503, CLOSED)


def _file(store: Store, request: Request, kind: str | None) -> Response:
    """Return an artifact: as an image, or to be kept as a file, which no browser executes."""
    artifact = _artifact(store, _name(request), _path(request))
    found = store.find_tagged(artifact.key)
    if found is None:
        raise NotFoundError(f"the file {artifact.path!r} is not in the store any more")
    headers = {**CLOSED, "content-length": str(found.size)}
    if kind is None:
        headers["content-disposition"] = _disposition(PurePosixPath(artifact.path).name)
    media_type = kind or "application/octet-stream"
    return StreamingResponse(_parts(store, found), headers=headers, media_type=media_type)


def _artifact(store: Store, name: ExperimentName, path: str) -> Artifact:
    for artifact in artifacts.of_experiment(store, name.run, name.index):
        if artifact.path == path and artifact.record.link is None:
            return artifact
    raise NotFoundError(f"the experiment {name} has no file {path!r}")


def _parts(store: Store, found: Tagged) -> Iterator[bytes]:
    for start in range(0, found.size, PART):
        yield store.get_tagged(found, start, min(start + PART, found.size))


def _log(store: Store, request: Request) -> Response:
    name = _name(request)
    stream = request.query_params.get("stream", "stdout")
    attempt = request.query_params.get("attempt", "")
    if stream not in ("stdout", "build") or not re.fullmatch(r"\d{0,6}", attempt):
        raise UsageError(f"there is no log {stream!r} of an attempt {attempt!r}")
    found = (
        layout.AttemptName(name.run, name.index, int(attempt))
        if attempt
        else logs.attempt_of(store, name.run, name.index, stream)
    )
    pieces = iter(()) if found is None else logs.raw(store, found, stream)
    headers = {**CLOSED, "content-disposition": _disposition(f"{name}-{stream}.log")}
    return StreamingResponse(pieces, headers=headers, media_type="application/octet-stream")


def _name(request: Request) -> ExperimentName:
    run, index = layout.parse_name(request.query_params.get("experiment", ""))
    if index is None:
        raise UsageError(f"{run!r} names no experiment")
    return ExperimentName(run, index)


def _path(request: Request) -> str:
    """Return the path in a query; one that is no Unicode keeps its bytes."""
    query = parse_qs(request.url.query, errors="surrogateescape")
    return next(iter(query.get("path", [])), "")


def _disposition(name: str) -> str:
    """Return a header that has a file kept under its name (RFC 6266, RFC 8187)."""
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name) or "file"
    exact = quote(name, safe="", errors="surrogateescape")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}"
