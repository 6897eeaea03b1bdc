"""Looks through the frames of an Arrow IPC stream before a library may touch them.

A stream is a row of frames: continuation mark, length, flatbuffer metadata, body. The metadata of
each is read here as far as it says what decoding would cost: kind, rows, compression. Compressed
bodies are refused, since a kilobyte of them may claim a gigabyte; Kafka's own compression serves.
"""

import struct
from struct import Struct
from typing import NamedTuple

_CONTINUATION = 0xFFFFFFFF
_FRAME = Struct("<II")
_U16 = Struct("<H")
_I32 = Struct("<i")
_U32 = Struct("<I")
_I64 = Struct("<q")

SCHEMA, DICTIONARY, RECORDS = 1, 2, 3


class FramingError(ValueError):
    """The bytes are not a whole stream."""


class Frame(NamedTuple):
    """What one frame announces.

    Parameters
    ----------
    kind : int
        `SCHEMA`, `DICTIONARY` or `RECORDS`.
    rows : int
        Rows of a record batch, values of a dictionary, 0 for a schema.
    compressed : bool
        Whether decoding would decompress its body.
    """

    kind: int
    rows: int
    compressed: bool


class Table(NamedTuple):
    """A flatbuffer table: where it lies in its buffer."""

    data: memoryview
    at: int

    def place(self, slot: int) -> int:
        """Where a field lies, 0 when it is absent."""
        vtable = self.at - _I32.unpack_from(self.data, self.at)[0]
        if vtable < 0:
            msg = "a table begins before its buffer"
            raise FramingError(msg)
        entry = 4 + 2 * slot
        if entry >= _U16.unpack_from(self.data, vtable)[0]:
            return 0
        step: int = _U16.unpack_from(self.data, vtable + entry)[0]
        return self.at + step if step else 0

    def table(self, slot: int) -> "Table":
        """The table that a field refers to."""
        place = self.place(slot)
        if not place:
            msg = "a table is missing"
            raise FramingError(msg)
        return Table(self.data, place + _U32.unpack_from(self.data, place)[0])

    def vector(self, slot: int) -> tuple[int, int]:
        """Where the first element of the vector that a field refers to lies, and how many."""
        at = self.table(slot).at
        return at + _U32.size, int(_U32.unpack_from(self.data, at)[0])

    def long(self, slot: int) -> int:
        """A 64-bit field, 0 when absent."""
        place = self.place(slot)
        return int(_I64.unpack_from(self.data, place)[0]) if place else 0

    def byte(self, slot: int) -> int:
        """An 8-bit field, 0 when absent."""
        place = self.place(slot)
        return self.data[place] if place else 0


def frames(payload: bytes) -> list[Frame]:
    """Every frame of a stream, in order.

    Parameters
    ----------
    payload : bytes
        One whole stream, its end mark included: a stream cut short would lose readings in silence.

    Raises
    ------
    FramingError
        When the bytes are cut, go on behind the end mark or hold other kinds of frames.
    """
    found: list[Frame] = []
    data = memoryview(payload)
    at = 0
    while True:
        if len(data) - at < _FRAME.size:
            msg = "expected an end mark, got the end of the payload"
            raise FramingError(msg)
        mark, size = _FRAME.unpack_from(data, at)
        at += _FRAME.size
        if mark != _CONTINUATION:
            msg = f"expected a continuation mark at byte {at - 8}, got {mark:#010x}"
            raise FramingError(msg)
        if size == 0:
            break
        frame, body = _read_metadata(data[at : at + size], size)
        found.append(frame)
        at += size + body
    if at != len(data):
        msg = f"expected the end of the payload behind the end mark, got {len(data) - at} bytes"
        raise FramingError(msg)
    return found


def _read_metadata(metadata: memoryview, size: int) -> tuple[Frame, int]:
    """Frame and body length that one flatbuffer announces."""
    if len(metadata) < size:
        msg = f"expected {size} bytes of metadata, got {len(metadata)}"
        raise FramingError(msg)
    try:
        message = Table(metadata, _U32.unpack_from(metadata, 0)[0])
        kind, header, body = message.byte(1), message.table(2), message.long(3)
        frame = _announced(kind, header)
    except (struct.error, IndexError, FramingError) as error:
        msg = f"unreadable metadata: {error}"
        raise FramingError(msg) from None
    if body < 0:
        msg = f"expected a body length of 0 or more, got {body}"
        raise FramingError(msg)
    return frame, body


def _announced(kind: int, header: Table) -> Frame:
    if kind == SCHEMA:
        return Frame(kind, 0, compressed=False)
    if kind == DICTIONARY:
        header = header.table(1)
    elif kind != RECORDS:
        msg = f"expected a schema, dictionary or record batch, got kind {kind}"
        raise FramingError(msg)
    return Frame(kind, header.long(0), bool(header.place(3)))
