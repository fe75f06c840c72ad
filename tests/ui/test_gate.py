"""Nobody is let in but the browser that has opened the link, and it from our own pages only."""

import pytest

from gridray.ui.gate import TICKET
from gridray.ui.keys import MOST_LINKS, Keys
from tests.pages import Pages

SOCKET = "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "x3JJHMbDL1EzLkh9GBhXDw==",
}
PLACES = [
    "/",
    "/runs/happy-otter-412",
    "/static/gridray.js",
    "/file?experiment=happy-otter-412-exp0",
]


@pytest.mark.parametrize("path", PLACES)
def test_without_the_cookie_everything_is_forbidden(pages: Pages, path: str) -> None:
    assert pages.ask(path, cookie=None).status == 403
    name = pages.cookie.partition("=")[0]
    assert pages.ask(path, cookie=f"{name}=guess").status == 403


def test_with_it_there_are_pages(pages: Pages) -> None:
    answer = pages.get("/")
    assert answer.status == 200 and b"Runs" in answer.body
    headers = answer.headers
    assert headers["x-frame-options"] == "DENY" and headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_cookies_of_other_servers_do_not_matter(pages: Pages) -> None:
    others = '{"bad": [1, 2]}; a=b=c; gridray_1=x; ;'
    assert pages.ask("/", cookie=f"{others} {pages.cookie}; more=1").status == 200
    assert pages.ask("/", cookie=others).status == 403


def test_a_link_is_good_once_and_leaves_no_ticket(pages: Pages) -> None:
    assert pages.cookie
    again = pages.ask(pages.link.removeprefix(pages.origin), cookie=None)
    assert again.status == 403 and "set-cookie" not in again.headers
    assert pages.ask(f"/?{TICKET}=guess&q=1", cookie=None).status == 403
    # Who is in already goes on to the page, without the ticket in its address.
    known = pages.get(f"//evil.example/?{TICKET}=guess&q=1")
    assert known.status == 200 and b'url=/evil.example/?q=1"' in known.body


def test_the_cookie_is_kept_from_scripts_and_other_sites() -> None:
    keys = Keys()
    first = keys.ticket()
    session = keys.redeem(first)
    assert session is not None and keys.knows(session) and not keys.knows(first)
    assert keys.redeem(first) is None
    tickets = [keys.ticket() for _ in range(MOST_LINKS + 1)]
    assert keys.redeem(tickets[0]) is None and keys.redeem(tickets[-1]) == session


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_a_name_that_is_not_of_this_machine_is_refused(pages: Pages, host: str) -> None:
    headers = {"Host": host, "Origin": f"http://{host}"}
    assert pages.ask("/", cookie=pages.cookie, headers=headers).status == 403
    socket = pages.ask(SOCKET, cookie=pages.cookie, headers={**headers, **UPGRADE})
    assert socket.status == 403


@pytest.mark.parametrize("host", ["localhost:9000", "127.0.0.1:1", "[::1]:8268", "LOCALHOST"])
def test_a_tunnel_may_change_the_port(pages: Pages, host: str) -> None:
    assert pages.ask("/", cookie=pages.cookie, headers={"Host": host}).status == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", None])
def test_nothing_is_taken_from_another_origin(pages: Pages, origin: str | None) -> None:
    headers = {} if origin is None else {"Origin": origin}
    for method in ("POST", "PUT", "DELETE"):
        answer = pages.ask("/", method=method, cookie=pages.cookie, headers=headers)
        assert answer.status == 403
    socket = pages.ask(SOCKET, cookie=pages.cookie, headers={**headers, **UPGRADE})
    assert socket.status == 403


def test_the_socket_is_for_our_own_pages(pages: Pages) -> None:
    headers = {"Origin": pages.origin, **UPGRADE}
    assert pages.ask(SOCKET, cookie=pages.cookie, headers=headers).status == 101
    assert pages.ask(SOCKET, cookie=None, headers=headers).status == 403
