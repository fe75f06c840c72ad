"""The runner's word on its attempt, `state.json`."""

import threading

from gridray import layout
from gridray.backoff import outlast
from gridray.errors import StoreError
from gridray.layout import AttemptName
from gridray.records import AttemptState
from gridray.store import Store


class Word:
    """Writes an attempt's state: never an earlier one over a later one, nor any over the last."""

    def __init__(self, store: Store, name: AttemptName) -> None:
        self._store = store
        self._key = layout.attempt_state(name)
        self._latest: AttemptState | None = None
        self._writing = threading.Lock()
        self._taking = threading.Lock()

    def record(self, state: AttemptState) -> None:
        """Write it, through an outage.

        Raises:
            StoreError: the outage outlasts us.
        """
        self._take(state)
        outlast(self._put)

    def tell(self, state: AttemptState) -> None:
        """Have it written, and return at once."""
        self._take(state)
        threading.Thread(target=self._put_patiently, name="word", daemon=True).start()

    def mention(self, state: AttemptState) -> None:
        """Write it if the store takes it just now."""
        self._take(state)
        try:
            self._put()
        except StoreError:
            return

    def _take(self, state: AttemptState) -> None:
        with self._taking:
            if self._latest is None or not self._latest.state.is_terminal:
                self._latest = state

    def _put_patiently(self) -> None:
        try:
            outlast(self._put)
        except StoreError:
            return

    def _put(self) -> None:
        with self._writing:
            if self._latest is not None:
                self._store.put_json(self._key, self._latest.to_json())
