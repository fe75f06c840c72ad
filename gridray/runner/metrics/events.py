"""TensorBoard's event files, as far as scalars go.

Sources: the framing is that of tensorflow/core/lib/io/record_writer.cc (length, masked CRC-32C of
the length, data, masked CRC-32C of the data); the messages are `Event` in
tensorflow/core/util/event.proto, `Summary` in framework/summary.proto and `TensorProto` in
framework/tensor.proto. A node need have neither TensorFlow nor TensorBoard.
"""

import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from gridray.runner.metrics.growing import LATEST, DamagedFileError, GrowingFile, Sample

HEADER = struct.Struct("<QI")
FOOTER = struct.Struct("<I")
# What is larger holds pictures or graphs, and is passed over.
LARGEST = 1024 * 1024
# Beyond this it is no length at all.
ABSURD = 1 << 40
# Of larger records only those that have scalars are checked: a checksum takes 0.1 to 0.3 µs a byte.
SMALL = 1024

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
# Of Event, Summary, Summary.Value, SummaryMetadata, PluginData, TensorProto and TensorShapeProto.
WALL_TIME, STEP, SUMMARY = 1, 2, 5
VALUE = 1
TAG, SIMPLE_VALUE, TENSOR, METADATA = 1, 2, 8, 9
PLUGIN_DATA = 1
PLUGIN_NAME = 1
DTYPE, CONTENT, FLOATS, DOUBLES, INTS, LONGS, HALVES = 1, 4, 5, 6, 7, 10, 13
# How one number of each type of tensor is packed (`DataType` in framework/types.proto), and in
# which field it is where it is no packed content.
KINDS = {
    1: ("<f", FLOATS),
    2: ("<d", DOUBLES),
    3: ("<i", INTS),
    9: ("<q", LONGS),
    19: ("<e", HALVES),
}
SCALARS = b"scalars"
# As many digits tell one number in single precision from all others.
SINGLE_DIGITS = (7, 8, 9)

Field = tuple[int, int, int | bytes]


class EventFile(GrowingFile):
    """`events.out.tfevents.*`, read record by record."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        # Writers say only once which plug-in a tag is for.
        self._plugins: dict[str, bytes] = {}
        self._damaged = 0
        self._first_damage = ""
        self._is_cut_off = False

    def _begin_anew(self) -> None:
        self._plugins.clear()
        self._damaged = 0
        self._is_cut_off = False

    def _read(self, file: BinaryIO, size: int, is_last: bool) -> Iterator[Sample]:
        while self.offset + HEADER.size <= size:
            length = _length(file.read(HEADER.size), self.path)
            end = self.offset + HEADER.size + length + FOOTER.size
            if end > size:
                break
            if length > LARGEST:
                file.seek(end)
                self.offset = end
                continue
            found = self._scalars(file.read(length), file.read(FOOTER.size))
            if found is None and end == size and not is_last:
                # It may be still on its way: some file systems show a file's size first.
                return
            if found is None:
                self._leave_out()
            self.offset = end
            yield from found or ()
        if is_last and self.offset < size:
            self._is_cut_off = True
            self._complain()

    def _scalars(self, data: bytes, footer: bytes) -> list[Sample] | None:
        """Return the scalars of a record; None: its checksum says that it is damaged.

        Raises:
            DamagedFileError: it is whole, and no event.
        """
        is_small = len(data) <= SMALL
        if is_small and not _is_whole(data, footer):
            return None
        plugins = self._plugins if is_small else dict(self._plugins)
        found: list[Sample] | None
        try:
            found = list(scalars(data, plugins))
        except (IndexError, ValueError, struct.error):
            found = None
        if not is_small and found != [] and not _is_whole(data, footer):
            return None
        if found is None:
            raise DamagedFileError(f"record at byte {self.offset:,} is no event")
        self._plugins = plugins
        return found

    def _leave_out(self) -> None:
        """Pass over a damaged record: its length has a checksum of its own, so the next is found.

        TensorBoard's reader in Python ends here (backend/event_processing/event_file_loader.py).
        """
        self._damaged += 1
        if self._damaged == 1:
            self._first_damage = f"record at byte {self.offset:,} is damaged"
        self._complain()

    def _complain(self) -> None:
        more = f", and {self._damaged - 1:,} more" if self._damaged > 1 else ""
        damage = [f"{self._first_damage}{more}"] if self._damaged else []
        end = ["it ends in the middle of a record"] if self._is_cut_off else []
        self.complaint = "; ".join([*damage, *end])


def scalars(data: bytes, plugins: dict[str, bytes]) -> Iterator[Sample]:
    """Yield the scalars of an `Event`.

    Args:
        plugins: of tags that were met before; what this event tells is added.

    Raises:
        IndexError, ValueError, struct.error: this is no `Event`.
    """
    step, time, summaries = 0, None, []
    for number, kind, value in _fields(data):
        if number == WALL_TIME and kind == FIXED64:
            time = _time(_bytes(value))
        elif number == STEP and kind == VARINT:
            step = _signed(value)
        elif number == SUMMARY and kind == BYTES:
            summaries.append(_bytes(value))
    for summary in summaries:
        for number, kind, value in _fields(summary):
            if number == VALUE and kind == BYTES:
                tag, scalar = _scalar(_bytes(value), plugins)
                if scalar is not None:
                    yield Sample(tag, step, time, scalar)


def _time(content: bytes) -> float | None:
    """Return a Unix time, or None for what is none: NaN, an infinity, or beyond all calendars."""
    value: float = struct.unpack("<d", content)[0]
    return value if 0 < value < LATEST else None


def _scalar(data: bytes, plugins: dict[str, bytes]) -> tuple[str, float | None]:
    """Return the tag of a `Summary.Value`, and the number that it has; None: it is no scalar."""
    tag, found, tensor = "", None, None
    for number, kind, value in _fields(data):
        if number == TAG and kind == BYTES:
            tag = _bytes(value).decode(errors="replace")
        elif number == SIMPLE_VALUE and kind == FIXED32:
            found = _shortest(_bytes(value))
        elif number == TENSOR and kind == BYTES:
            tensor = _bytes(value)
        elif number == METADATA and kind == BYTES:
            plugins[tag] = _plugin(_bytes(value)) or plugins.get(tag, b"")
    if tensor is not None and plugins.get(tag, b"") in (b"", SCALARS):
        found = _number(tensor)
    return tag, found


def _plugin(metadata: bytes) -> bytes:
    for number, kind, value in _fields(metadata):
        if number == PLUGIN_DATA and kind == BYTES:
            for inner, inner_kind, name in _fields(_bytes(value)):
                if inner == PLUGIN_NAME and inner_kind == BYTES:
                    return _bytes(name)
    return b""


def _number(tensor: bytes) -> float | None:
    """Return the number that a `TensorProto` is; None: it is none, or not a single one."""
    found = {number: (kind, value) for number, kind, value in _fields(tensor)}
    dtype = found.get(DTYPE, (VARINT, 0))[1]
    if not isinstance(dtype, int) or dtype not in KINDS:
        return None
    layout, number = KINDS[dtype]
    content = found.get(CONTENT, (BYTES, b""))[1]
    if content:
        return _unpacked(_bytes(content), layout)
    kind, value = found.get(number, (VARINT, b""))
    if (
        isinstance(value, bytes)
        and kind in (BYTES, FIXED32, FIXED64)
        and number in (FLOATS, DOUBLES)
    ):
        return _unpacked(value, layout)
    if isinstance(value, bytes):
        # A packed field of varints.
        if not value:
            return None
        value, end = _varint(value, 0)
        if end != len(_bytes(found[number][1])):
            return None
    if number == HALVES:
        return float(struct.unpack("<e", struct.pack("<H", value))[0])
    return float(_signed(value))


def _unpacked(content: bytes, layout: str) -> float | None:
    if len(content) != struct.calcsize(layout):
        return None
    return _shortest(content) if layout == "<f" else float(struct.unpack(layout, content)[0])


def _shortest(content: bytes) -> float:
    """Return the number with the fewest digits that is this one in single precision."""
    value: float = struct.unpack("<f", content)[0]
    if math.isfinite(value):
        for digits in SINGLE_DIGITS:
            rounded = float(f"{value:.{digits}g}")
            if _single(rounded) == content:
                return rounded
    return value


def _single(value: float) -> bytes | None:
    try:
        return struct.pack("<f", value)
    except OverflowError:
        return None


def _length(header: bytes, path: Path) -> int:
    length, expected = HEADER.unpack(header)
    if length > ABSURD or masked_crc(header[:8]) != expected:
        raise DamagedFileError("it is no file of events, or damaged")
    return int(length)


def _is_whole(data: bytes, footer: bytes) -> bool:
    return FOOTER.pack(masked_crc(data)) == footer


def _fields(data: bytes) -> Iterator[Field]:
    """Yield the fields of a message: number, wire type, and an integer or bytes."""
    position, end = 0, len(data)
    while position < end:
        key = data[position]
        position += 1
        if key & 0x80:
            key, position = _varint(data, position - 1)
        kind = key & 7
        value: int | bytes
        if kind == VARINT:
            value, position = _varint(data, position)
        else:
            length = 8 if kind == FIXED64 else 4
            if kind == BYTES:
                length, position = _varint(data, position)
            elif kind not in (FIXED64, FIXED32):
                raise ValueError(f"there is no wire type {kind}")
            value = data[position : position + length]
            position += length
            if position > end:
                raise IndexError("a field is longer than its message")
        yield key >> 3, kind, value


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise ValueError("a number is too long")


def _signed(value: int | bytes) -> int:
    if isinstance(value, bytes):
        raise ValueError("bytes are no number")
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number is no bytes")
    return value


def _table() -> tuple[int, ...]:
    table = []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ 0x82F63B78 if number & 1 else number >> 1
        table.append(number)
    return tuple(table)


_TABLE = _table()


def masked_crc(data: bytes) -> int:
    """Return the CRC-32C of bytes as event files have it (RFC 3720, B.4; crc32c.h for the mask)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
