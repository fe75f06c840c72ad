"""What tells one store from another at the same address."""

import secrets

from gridray import layout
from gridray.errors import ExistsError
from gridray.store import Store


def identify(store: Store) -> str:
    """Return the identity of a store, writing one into it on its first use.

    The identity tells whether another machine that opens the same address sees the same store.
    """
    known = store.find_json(layout.VERSION)
    if known is None:
        try:
            store.create_json(layout.VERSION, {"version": 1, "id": secrets.token_hex(8)})
        except ExistsError:
            pass
        known = store.get_json(layout.VERSION)
    return str(known["id"])
