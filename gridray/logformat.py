"""How a log is written into the store: lines with their time, from which the exact bytes come back.

The format is that of Kubernetes' container runtimes (CRI), so that other tools read it too:
`<RFC 3339 time> <stream> <F|P> <content>`, F for a full line, P for a part of one that goes on in
the next record. The bytes of the log are the contents, with a newline after each F.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from functools import partial
from typing import NamedTuple

from gridray.errors import DamagedError

FULL, PART = "F", "P"
# A chunk may have hundreds of thousands of lines: so many bytes of it are decoded at once.
BATCH = 64 * 1024


class LogLine(NamedTuple):
    """A line that a script wrote, or the beginning of one that goes on or never ended.

    `time` is when it was read (RFC 3339), `tag` is F where a newline followed, and `escaped` what
    the script wrote, without the newline: UTF-8, with other bytes escaped as PEP 383 has it.
    """

    time: str
    stream: str
    tag: str
    escaped: str

    @property
    def text(self) -> str:
        """The line without its newline; bytes that are not UTF-8 are replaced."""
        if self.escaped.isascii():
            return self.escaped
        return _bytes(self.escaped).decode(errors="replace")

    @property
    def content(self) -> bytes:
        """The bytes that the script wrote, with the newline if it wrote one."""
        return _bytes(self.escaped) + (b"\n" if self.tag == FULL else b"")


# There may be a million lines, and this makes one without a call of Python's.
_made = partial(tuple.__new__, LogLine)


class Encoder:
    """Turns what was read from the script into records; keeps an unfinished line until it ends."""

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._rest = b""

    @property
    def rest_size(self) -> int:
        """The bytes of the unfinished line."""
        return len(self._rest)

    def feed(self, data: bytes, time: float) -> bytes:
        """Return the records of the lines that `data`, read at `time` (Unix, s), completes."""
        end = data.rfind(b"\n")
        if end < 0:
            self._rest += data
            return b""
        lines, self._rest = self._rest + data[:end], data[end + 1 :]
        prefix = self._prefix(time, FULL)
        return prefix + lines.replace(b"\n", b"\n" + prefix) + b"\n"

    def flush(self, time: float) -> bytes:
        """Return what there is of an unfinished line as a part."""
        if not self._rest:
            return b""
        record, self._rest = self._prefix(time, PART) + self._rest + b"\n", b""
        return record

    def _prefix(self, time: float, tag: str) -> bytes:
        stamp = datetime.fromtimestamp(time, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return f"{stamp} {self._stream} {tag} ".encode()


def decode(data: bytes) -> Iterator[list[LogLine]]:
    """Yield the records of whole chunks, some at a time.

    Raises:
        DamagedError: a line is none.
    """
    start = 0
    while start < len(data):
        end = data.find(b"\n", start + BATCH) + 1 or len(data)
        records = data[start:end].decode("utf-8", "surrogateescape").split("\n")
        found = [record.split(" ", 3) for record in records if record]
        if {*map(len, found)} - {len(LogLine._fields)}:
            raise DamagedError("a log has a line without its time", hint="it was changed by others")
        yield [*map(_made, found)]
        start = end


def join(parts: Sequence[LogLine]) -> LogLine:
    """Return the line that follows from its parts; its time is that of the first one."""
    first, last = parts[0], parts[-1]
    return LogLine(first.time, first.stream, last.tag, "".join(each.escaped for each in parts))


def raw(data: bytes) -> bytes:
    """Return the bytes that the script wrote."""
    return b"".join(record.content for batch in decode(data) for record in batch)


def _bytes(escaped: str) -> bytes:
    return escaped.encode("utf-8", "surrogateescape")
