"""The form of a plain Arrow stream, learned from one: what the next ones may differ in.

Streams of one writer with one schema are alike, byte by byte, but for some numbers: rows, and where
the values of each column lie. A form is one such stream's head, with these numbers left open.
"""

import struct
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ingest.arrow.framing import RECORDS, FramingError, Table, frames

# Places in `Form.numbers`: where in a stream the number of rows, the body's size, the first of some
# nodes 16 bytes apart (rows again) and each column's buffers (begin, size) are told; then how wide
# a string's offsets are, and how many nanoseconds a unit of time has.
ROWS, BODY, NODES, COLUMNS, OFFSETS, DATA, TIME, VALUE, QUALITY, WIDTH, UNIT_NS = range(11)
_PLACES: Final = [ROWS, BODY, NODES, OFFSETS, DATA, TIME, VALUE, QUALITY]
_FRAME: Final = 8  # continuation mark and size
_COLUMNS_MAX: Final = 4
_BUFFER: Final = 16  # begin and size, 64 bits each
_UNIT_NS: Final = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_OPEN: Final = np.int64(0x0102030405060708)  # what stands in the open places for a trial


class Form(NamedTuple):
    """The head of a stream, up to its body.

    Parameters
    ----------
    head : uint8, shape (n,)
        Its bytes.
    cover : uint8, shape (n,)
        255 where another stream must be the same, 0 in the open places.
    numbers : int64, shape (11,)
        See `ROWS` and what follows it; 0 where there is no quality.
    """

    head: NDArray[np.uint8]
    cover: NDArray[np.uint8]
    numbers: NDArray[np.int64]

    def is_of(self, payload: bytes) -> bool:
        """Whether a stream begins so."""
        begin = np.frombuffer(payload[: len(self.head)], np.uint8)
        return len(begin) == len(self.head) and not ((begin ^ self.head) & self.cover).any()


class _Layout(NamedTuple):
    """Where a record batch's metadata tells its numbers, and what it tells beside them."""

    rows: int
    body: int
    nodes: tuple[int, int]  # place of the first, and how many
    buffers: tuple[int, int]
    fixed: tuple[int, ...]


def form_of(payload: bytes) -> Form | None:
    """The form of a stream that the library has read without a fault; None when it is not plain.

    Plain is one record batch, without nulls, dictionaries or anything attached.
    """
    if [frame.kind for frame in frames(payload)][1:] != [RECORDS]:
        return None
    first = 2 * _FRAME + int.from_bytes(payload[4:_FRAME], "little")
    end = first + int.from_bytes(payload[first - 4 : first], "little")
    metadata = payload[first:end]
    layout = _layout(metadata)
    if layout is None or first % 8 or end % 8 or not _is_free(metadata, layout):
        return None
    with pa.ipc.open_stream(payload) as stream:
        numbers = _numbers(stream.schema, layout)
    if numbers is None:
        return None
    head, cover = np.frombuffer(payload[:end], np.uint8), np.full(end, 255, np.uint8)
    for place in _open_places(layout):
        cover[first + place : first + place + 8] = 0
    # Of what stays as it is, counts of nulls and sizes of their masks must be nothing.
    shut = [layout.nodes[0] + _BUFFER * i + 8 for i in range(layout.nodes[1])]
    shut += [
        int(numbers[column]) - 8 for column in (OFFSETS, TIME, VALUE, QUALITY) if numbers[column]
    ]
    for place in shut:
        cover[first + place : first + place + 8] = 255
        if any(metadata[place : place + 8]):
            return None
    numbers[_PLACES] += np.where(numbers[_PLACES], first, 0)
    return Form(head, cover, numbers)


def _layout(metadata: bytes) -> _Layout | None:
    """Where the numbers of a record batch are; None when any of them is missing."""
    try:
        message = Table(memoryview(metadata), int.from_bytes(metadata[:4], "little"))
        batch = message.table(2)
        nodes, buffers = batch.vector(1), batch.vector(2)
        version = message.place(0)
        fixed = (message.byte(1), message.place(1), version, metadata[version], *nodes, *buffers)
        attached = message.place(4) or batch.place(3) or batch.place(4)
        layout = _Layout(batch.place(0), message.place(3), nodes, buffers, fixed)
    except (struct.error, IndexError, FramingError):
        return None
    few = nodes[1] <= _COLUMNS_MAX and buffers[1] <= 3 * _COLUMNS_MAX
    return layout if layout.rows and layout.body and few and not attached else None


def _open_places(layout: _Layout) -> list[int]:
    """Where numbers stand that may differ."""
    nodes, buffers = layout.nodes, layout.buffers
    begins = [buffers[0] + _BUFFER * i for i in range(buffers[1])]
    return [
        layout.rows,
        layout.body,
        *(nodes[0] + _BUFFER * i for i in range(nodes[1])),
        *begins,
        *(begin + 8 for begin in begins),
    ]


def _is_free(metadata: bytes, layout: _Layout) -> bool:
    """Whether the open places overlap neither each other nor anything that says where they are."""
    trial = bytearray(metadata)
    places = _open_places(layout)
    if max(places) > len(trial) - 8:
        return False
    for i, place in enumerate(places):
        struct.pack_into("<q", trial, place, _OPEN * (i + 1))
    kept = all(
        struct.unpack_from("<q", trial, place)[0] == _OPEN * (i + 1)
        for i, place in enumerate(places)
    )
    return kept and _layout(bytes(trial)) == layout


def _numbers(schema: pa.Schema, layout: _Layout) -> NDArray[np.int64] | None:
    """`Form.numbers` from the beginning of the metadata on; None for dictionaries."""
    at, numbers = layout.buffers[0], np.zeros(11, np.int64)
    numbers[[ROWS, BODY, NODES, COLUMNS]] = layout.rows, layout.body, *layout.nodes
    places = {"time": TIME, "value": VALUE, "quality": QUALITY}
    for field in schema:
        if field.name == "channel":
            if pa.types.is_dictionary(field.type):
                return None
            numbers[[OFFSETS, DATA]] = at + _BUFFER, at + 2 * _BUFFER
            numbers[WIDTH] = 4 if pa.types.is_string(field.type) else 8
            at += _BUFFER
        else:
            numbers[places[field.name]] = at + _BUFFER
        at += 2 * _BUFFER
    numbers[UNIT_NS] = _UNIT_NS[schema.field("time").type.unit]
    told = (layout.nodes[1], layout.buffers[0] + _BUFFER * layout.buffers[1])
    return numbers if told == (len(schema), at) else None
