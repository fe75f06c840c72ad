"""The log on its way from the script's pipe to the store."""

import threading
import time
from collections.abc import Callable

from gridray import layout
from gridray.backoff import outlast
from gridray.errors import StoreError
from gridray.layout import AttemptName
from gridray.logformat import Encoder
from gridray.store import Store

FLUSH_INTERVAL = 1.0
# The last chunk is written anew with each flush until it is this large, so that a script that
# prints a line a second for a day leaves some hundred objects, not 86,400.
CHUNK_SIZE = 64 * 1024
# What may wait for a slow store before the script has to wait too.
BUFFER_LIMIT = 32 * 1024 * 1024


class LogWriter:
    """Writes one stream of an attempt; `write` is quick, a thread does the rest."""

    def __init__(self, store: Store, name: AttemptName, stream: str) -> None:
        self._store = store
        self._name = name
        self._stream = stream
        self._encoder = Encoder(stream)
        self._pending = bytearray()
        self._chunk = b""
        self._chunk_offset = 0
        self._unwritten = False
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._released = threading.Event()
        self._thread = threading.Thread(target=self._flush_regularly, name="log", daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        """Take what was read; wait if the store is far behind."""
        with self._changed:
            while self._size() > BUFFER_LIMIT and not self._released.is_set():
                self._changed.wait(FLUSH_INTERVAL)
            self._pending += self._encoder.feed(data, time.time())

    def release(self) -> None:
        """Let `write` wait no more: its writer is about to end, and what it has is little."""
        self._released.set()
        with self._changed:
            self._changed.notify_all()

    def close(self, trouble: Callable[[StoreError], None] = lambda error: None) -> None:
        """Write what is left; nobody may write any more.

        Args:
            trouble: told of each failure of the store that is to be outlasted.

        Raises:
            StoreError: the store stays out of reach.
        """
        self._closing.set()
        self._thread.join()
        outlast(self._flush, trouble)

    def _size(self) -> int:
        return len(self._pending) + len(self._chunk) + self._encoder.rest_size

    def _flush_regularly(self) -> None:
        while not self._closing.wait(FLUSH_INTERVAL):
            try:
                self._flush()
            except StoreError:
                continue

    def _flush(self) -> None:
        with self._changed:
            self._pending += self._encoder.flush(time.time())
            self._chunk += bytes(self._pending)
            written = len(self._pending)
            self._pending.clear()
            self._changed.notify_all()
        if not written and not self._unwritten:
            return
        self._unwritten = True
        key = layout.log_chunk(self._name, self._stream, self._chunk_offset)
        self._store.put(key, self._chunk)
        self._unwritten = False
        if len(self._chunk) >= CHUNK_SIZE:
            self._chunk_offset += len(self._chunk)
            self._chunk = b""
