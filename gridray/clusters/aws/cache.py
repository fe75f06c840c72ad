"""What AWS has answered, kept for a while in the home: nothing that is not asked for anew."""

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from gridray import settings

HOUR = 3600.0
DAY = 24 * HOUR
T = TypeVar("T")


class Cache:
    """Values by name in one file, each with the time that it was asked for.

    Any number of processes may use one at once; what one of them has written may be lost, and is
    asked for again. A file that cannot be read is as good as none.

    Args:
        path: of the file.
        seconds: how long a value is good.
        refresh: whether what is there is passed over.
    """

    def __init__(self, path: Path, seconds: float, *, refresh: bool = False) -> None:
        self._path = path
        self._seconds = seconds
        self._refresh = refresh

    def many(
        self,
        names: Iterable[str],
        ask: Callable[[list[str]], Mapping[str, T]],
        restored: Callable[[Any], T],
    ) -> dict[str, T]:
        """Return the values of these names, of which the missing ones are asked for together.

        Args:
            ask: takes names, and returns their values, as far as there are any.
            restored: takes what `json` has made of a value.
        """
        wanted = list(dict.fromkeys(names))
        found = {} if self._refresh else self._fresh(wanted, restored)
        missing = [name for name in wanted if name not in found]
        if missing:
            asked = ask(missing)
            self._keep(asked)
            found.update(asked)
        return {name: found[name] for name in wanted if name in found}

    def one(self, name: str, ask: Callable[[], T], restored: Callable[[Any], T]) -> T:
        """Return the value of a name."""
        return self.many([name], lambda _: {name: ask()}, restored)[name]

    def _fresh(self, names: list[str], restored: Callable[[Any], T]) -> dict[str, T]:
        now = time.time()
        found = {}
        entries = self._read()
        for name in names:
            try:
                asked_at, value = entries[name]
                if 0 <= now - asked_at < self._seconds:
                    found[name] = restored(value)
            except (KeyError, TypeError, ValueError):
                continue
        return found

    def _read(self) -> dict[str, Any]:
        try:
            read = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return {}
        return read if isinstance(read, dict) else {}

    def _keep(self, values: Mapping[str, Any]) -> None:
        now = time.time()
        entries = {**self._read(), **{name: [now, value] for name, value in values.items()}}
        # Without room to keep it, it is only asked for again.
        with contextlib.suppress(OSError):
            _replace(self._path, json.dumps(entries, default=vars))


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new-") as directory:
        partial = Path(directory) / path.name
        partial.write_text(text, "utf-8")
        os.replace(partial, path)


def directory(account: str, region: str) -> Path:
    """Return where the answers to an account in a region are kept."""
    return settings.home() / "cache" / "aws" / account / region
