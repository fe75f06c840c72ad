"""What all pages have: the store that they read, and the keys to them."""

from dataclasses import dataclass
from pathlib import Path

from gridray.store import Store
from gridray.ui.keys import Keys


@dataclass(frozen=True)
class Site:
    """`directory` is where the command was typed: what can be launched from there comes first."""

    store: Store
    keys: Keys
    directory: Path
