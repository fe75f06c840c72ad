"""What metrics are called that come from several places."""

from collections.abc import Mapping

from gridray.runner.metrics.files import Source

LONGEST_NAME = 200


class Naming:
    """Gives each metric of each source a name of its own, the same one each time.

    The first source keeps its names. The same name in another directory gets the directory before
    it, as in `logs/validation/loss`; from another kind of file beside the first it is the same
    metric once more, and left out. What a directory had in an earlier attempt it has again, if
    nobody else has it now.
    """

    def __init__(self, limit: int) -> None:
        """Let there be so many names at most."""
        self._limit = limit
        self._owners: dict[str, Source] = {}
        self._claimed: set[str] = set()
        self._earlier: Mapping[str, str] = {}
        self._given: dict[tuple[Source, str], str | None] = {}
        self.left_out: dict[str, None] = {}

    def claim(self, name: str, source: Source) -> None:
        """Let a source have a name before all others."""
        self._owners[name] = source
        self._given[source, name] = name
        self._claimed.add(name)

    def recall(self, directories: Mapping[str, str]) -> None:
        """Take into account which directories had names in earlier attempts."""
        self._earlier = directories

    @property
    def directories(self) -> dict[str, list[str]]:
        """The names that were not claimed, by the directory of their source."""
        found: dict[str, list[str]] = {}
        for name, (directory, _) in self._owners.items():
            if name not in self._claimed:
                found.setdefault(directory, []).append(name)
        return found

    def name(self, source: Source, raw: str) -> str | None:
        """Return what is to be said for a source's own name; None: nothing is."""
        key = (source, raw)
        if key not in self._given:
            if len(self._given) > 4 * self._limit:
                return None
            self._given[key] = self._new(source, raw.encode(errors="replace").decode().strip())
        return self._given[key]

    def _new(self, source: Source, raw: str) -> str | None:
        if not raw:
            return None
        names = [_short(raw), _short(f"{source[0]}/{raw}")]
        for short in sorted(names, key=lambda name: self._earlier.get(name) != source[0]):
            owner = self._owners.get(short)
            if owner is None and len(self._owners) >= self._limit:
                self.left_out[short] = None
                return None
            if owner is None or owner == source:
                self._owners[short] = source
                return short
            if owner[0] == source[0]:
                return None
        return None


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"…{name[1 - LONGEST_NAME :]}"
