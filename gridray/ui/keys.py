"""Who may look: links that are good for one browser, and what such a browser is known by."""

import hmac
import secrets

# Of links that nobody has opened.
MOST_LINKS = 16


class Keys:
    """The session that browsers have in a cookie, and the tickets that they get it for."""

    def __init__(self) -> None:
        self._session = secrets.token_urlsafe(32)
        self._tickets: list[str] = []

    def ticket(self) -> str:
        """Return what the address of one browser's first request is to have in it."""
        self._tickets = [*self._tickets[1 - MOST_LINKS :], secrets.token_urlsafe(32)]
        return self._tickets[-1]

    def redeem(self, ticket: str) -> str | None:
        """Take a ticket, which is void then, and return the session; None: it is none."""
        for known in self._tickets:
            if _same(known, ticket):
                self._tickets.remove(known)
                return self._session
        return None

    def knows(self, session: str) -> bool:
        return _same(self._session, session)


def _same(known: str, given: str) -> bool:
    return hmac.compare_digest(known.encode(), given.encode(errors="replace"))
