"""What each request passes before any page sees it: an ASGI application around another one.

A page of another site can send requests to a server on loopback, and with a name of its own that it
lets resolve to 127.0.0.1 it can read the answers. So the host has to be a loopback name, whatever
changes something has to come from our own pages, and all of it needs the cookie.
"""

import html
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from gridray.ui.keys import Keys

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

TICKET = "ticket"
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
READING = ("GET", "HEAD")
HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    # Vue compiles the pages' templates in the browser, which it calls eval.
    "content-security-policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self' ws://127.0.0.1:* ws://localhost:*; "
        "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
}
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Gridray</title>
<meta name="viewport" content="width=device-width">{head}<style>:root{{color-scheme:light dark}}
body{{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:18vh auto;padding:0 1.5rem}}
code{{font-size:.9em}}</style><h1>Gridray</h1>{body}"""
NO_SESSION = """<p>This browser has not been let in. Open the link that <code>gridray ui</code> has
printed; it is good for one browser, and <em>Link for another browser</em> on any page makes one
more.</p><p>If you came here by a link on another page: <a href="{address}">open it from
here</a>.</p>"""


class Gate:
    """Lets through what comes from a browser that has been let in; 403 for all else."""

    def __init__(self, application: Application, keys: Keys, cookie: str) -> None:
        """Guard an application.

        Args:
            cookie: a name of its own for each server: cookies do not tell ports apart.
        """
        self._application = application
        self._keys = keys
        self._cookie = cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._request(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        is_ours = _is_here(headers) and _is_same_origin(headers) and self._is_known(headers)
        if is_ours:
            await self._application(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.close", "code": 4403})

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        reads = scope["method"] in READING
        if not _is_here(headers):
            await _answer(send, 403, "<p>This is no name of this machine.</p>")
        elif "origin" in headers and not _is_same_origin(headers):
            await _answer(send, 403, "<p>This came from another site.</p>")
        elif not reads and "origin" not in headers:
            await _answer(send, 403, "<p>This did not come from a page of Gridray.</p>")
        elif reads and (ticket := _ticket(scope)) is not None:
            await self._let_in(scope, send, ticket, headers)
        elif not self._is_known(headers):
            await _answer(send, 403, NO_SESSION.format(address=html.escape(_address(scope))))
        else:
            await self._pass(scope, receive, _with_headers(send))

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer; that the browser has gone meanwhile is no error of it."""
        has_gone = False

        async def receiving() -> Message:
            nonlocal has_gone
            message = await receive()
            has_gone = has_gone or message["type"] == "http.disconnect"
            return message

        try:
            await self._application(scope, receiving, send)
        except RuntimeError:
            if not has_gone:
                raise

    async def _let_in(self, scope: Scope, send: Send, ticket: str, headers: dict[str, str]) -> None:
        session = self._keys.redeem(ticket)
        address = html.escape(_address(scope))
        if session is None and not self._is_known(headers):
            await _answer(send, 403, NO_SESSION.format(address=address))
            return
        # A page that goes on by itself, and no redirect: behind a link of another program or site
        # the redirected request would be without the cookie, which is for our own pages only.
        head = f'<meta http-equiv="refresh" content="0;url={address}">'
        cookie = f"{self._cookie}={session}; Path=/; HttpOnly; SameSite=Strict"
        cookies = [] if session is None else [cookie]
        await _answer(send, 200, f'<p><a href="{address}">Go on</a></p>', head, cookies)

    def _is_known(self, headers: dict[str, str]) -> bool:
        # By hand: `http.cookies` stops at the first that it does not like, and those of all other
        # servers on this machine come along.
        pairs = (each.strip().partition("=") for each in headers.get("cookie", "").split(";"))
        return any(name == self._cookie and self._keys.knows(value) for name, _, value in pairs)


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _is_here(headers: dict[str, str]) -> bool:
    """Whether the host is a loopback name; with which port, a tunnel may change."""
    host = headers.get("host", "")
    name, _, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    return (name if name and port.isdecimal() else host).lower() in LOOPBACK


def _is_same_origin(headers: dict[str, str]) -> bool:
    origin = urlsplit(headers.get("origin", ""))
    return origin.scheme == "http" and origin.netloc == headers.get("host")


def _ticket(scope: Scope) -> str | None:
    return next(iter(parse_qs(scope["query_string"].decode("latin-1")).get(TICKET, [])), None)


def _address(scope: Scope) -> str:
    """Return the address on this server that was asked for, without the ticket.

    A path that begins with two slashes would lead to another server.
    """
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    query.pop(TICKET, None)
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    path = "/" + raw.decode("latin-1").lstrip("/\\")
    return path + ("?" + urlencode(query, doseq=True) if query else "")


def _with_headers(send: Send) -> Send:
    """Return what adds our headers to an answer that does not have them."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", ()))
            present = {name.lower() for name, _ in given}
            added = _encoded((name, value) for name, value in HEADERS.items())
            message["headers"] = given + [pair for pair in added if pair[0] not in present]
        await send(message)

    return sending


def _encoded(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


async def _answer(
    send: Send, status: int, body: str, head: str = "", cookies: Iterable[str] = ()
) -> None:
    headers = [
        *HEADERS.items(),
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        *(("set-cookie", cookie) for cookie in cookies),
    ]
    page = PAGE.format(head=head, body=body).encode()
    await send({"type": "http.response.start", "status": status, "headers": _encoded(headers)})
    await send({"type": "http.response.body", "body": page})
