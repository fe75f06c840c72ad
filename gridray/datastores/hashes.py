"""The hashes of files that this machine has read before, so that they need not be read again."""

import hashlib
import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from gridray.datastores.workplace import DIRECTORY

FILE = "hashes.sqlite"


class HashCache:
    """A file in Gridray's home. One that is damaged, or cannot be written, is as good as none.

    What a file is known by is any text that is another one when the content is.
    """

    def __init__(self, home: Path) -> None:
        self._path = home / DIRECTORY / FILE

    def find(self, identities: Iterable[str]) -> dict[str, str]:
        """Return the hashes of those that are known."""
        found = {}
        try:
            with closing(self._open()) as database:
                for identity in identities:
                    row = database.execute(
                        "SELECT hash FROM hashes WHERE file = ?", (_key(identity),)
                    ).fetchone()
                    if row is not None:
                        found[identity] = bytes(row[0]).hex()
        except (sqlite3.Error, OSError):
            return {}
        return found

    def add(self, hashes: dict[str, str]) -> None:
        rows = [(_key(identity), bytes.fromhex(digest)) for identity, digest in hashes.items()]
        try:
            with closing(self._open()) as database, database:
                database.executemany("INSERT OR REPLACE INTO hashes VALUES (?, ?)", rows)
        except sqlite3.DatabaseError as error:
            if not isinstance(error, sqlite3.OperationalError):
                self.clear()
        except OSError:
            return

    def clear(self) -> None:
        for path in (self._path, Path(f"{self._path}-journal")):
            path.unlink(missing_ok=True)

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self._path, timeout=10)
        database.execute("PRAGMA synchronous = OFF")
        database.execute(
            "CREATE TABLE IF NOT EXISTS hashes (file BLOB PRIMARY KEY, hash BLOB) WITHOUT ROWID"
        )
        return database


def _key(identity: str) -> bytes:
    return hashlib.sha256(os.fsencode(identity)).digest()
