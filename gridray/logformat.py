"""How a log is written into the store: lines with their time, from which the exact bytes come back.

The format is that of Kubernetes' container runtimes (CRI), so that other tools read it too:
`<RFC 3339 time> <stream> <F|P> <content>`, F for a full line, P for a part of one that goes on in
the next record. The bytes of the log are the contents, with a newline after each F.
"""

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import NamedTuple


class Record(NamedTuple):
    """A line, or a part of one, as the script wrote it."""

    time: str
    content: bytes
    full: bool


class Encoder:
    """Turns what was read from the script into records; keeps an unfinished line until it ends."""

    def __init__(self, stream: str) -> None:
        self._stream = stream.encode()
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
        prefix = self._prefix(time, b"F")
        return prefix + lines.replace(b"\n", b"\n" + prefix) + b"\n"

    def flush(self, time: float) -> bytes:
        """Return what there is of an unfinished line as a part."""
        if not self._rest:
            return b""
        record, self._rest = self._prefix(time, b"P") + self._rest + b"\n", b""
        return record

    def _prefix(self, time: float, tag: bytes) -> bytes:
        stamp = datetime.fromtimestamp(time, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return stamp.encode() + b" " + self._stream + b" " + tag + b" "


def decode(data: bytes) -> Iterator[Record]:
    """Yield the records of whole chunks."""
    for line in data.split(b"\n"):
        if line:
            time, _, tag, content = line.split(b" ", 3)
            yield Record(time.decode(), content, tag == b"F")


def raw(data: bytes) -> bytes:
    """Return the bytes that the script wrote."""
    return b"".join(
        record.content + b"\n" if record.full else record.content for record in decode(data)
    )
