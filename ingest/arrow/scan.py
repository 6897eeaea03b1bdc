"""Arrow streams of a form that is known, to columns, in place and many at once.

What is accepted here, the library would accept and read as the same. Anything else is left to it:
nulls, unknown channels, times and qualities that are none, numbers that point outside.
"""

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Quality
from contracts.quantities import NS_PER_S
from contracts.records import Records
from ingest.arrow.layout import (
    BODY,
    COLUMNS,
    DATA,
    NODES,
    OFFSETS,
    QUALITY,
    ROWS,
    TIME,
    UNIT_NS,
    VALUE,
    WIDTH,
    Form,
    form_of,
)
from ingest.columns import Columns, merge, nothing
from ingest.id_table import IdTable
from ingest.limits import DecodeLimits
from ingest.pointers import address_of, byte_at, half_word_at, word_at
from ingest.scan_buffers import Found
from ingest.timestamps import END_S

_END_MARK: Final = np.uint64(0xFFFFFFFF)  # and four zeros
_END_BYTES: Final = 8
_LEAST_BYTES: Final = 20  # of a reading: time, value, offset
_NONE: Final = np.uint64(0)
_FORMS_MAX: Final = 8  # the newest; a message of another one costs a library call
_WORST: Final = int(Quality.BAD)


@njit(cache=True, nogil=True, error_model="numpy")
def _is_alike(stream: int, head: int, cover: int, size: int) -> Any:
    """Whether a stream begins as its form does, open places apart."""
    for at in range(0, size, 8):
        if (word_at(stream, at) ^ word_at(head, at)) & word_at(cover, at) != _NONE:
            return False
    return True


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _long(address: int, at: Any) -> Any:
    return np.int64(word_at(address, np.int64(at)))


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _buffer(stream: int, at: Any, least: Any, body: Any) -> Any:
    """Where in the body a buffer begins, and its size; a size of -1 when it is not sound."""
    begin, size = _long(stream, at), _long(stream, at + 8)
    sound = 0 <= begin <= body and begin % 8 == 0 and least <= size <= body - begin
    return begin, size if sound else -1


@njit(cache=True, nogil=True, error_model="numpy")
def _rows(stream: int, size: Any, head: Any, numbers: NDArray[np.int64], most: Any) -> Any:
    """Rows that a stream announces, all the same everywhere; 0 when it is not to be read here."""
    rows, body = _long(stream, numbers[ROWS]), _long(stream, numbers[BODY])
    whole = head + body + _END_BYTES == size and word_at(stream, size - _END_BYTES) == _END_MARK
    fits = 0 < rows <= most and rows * _LEAST_BYTES <= size
    if not whole or not fits or body % 8:
        return 0
    for i in range(numbers[COLUMNS]):
        if _long(stream, numbers[NODES] + 16 * i) != rows:
            return 0
    return rows


@njit(cache=True, nogil=True, error_model="numpy")
def _bounds(stream: int, numbers: NDArray[np.int64], shape: Any, bounds: NDArray[np.int64]) -> Any:
    """Write both ends of each id; whether they rise and stay within their data."""
    rows, head, begin, n = shape
    body = _long(stream, numbers[BODY])
    offsets, size = _buffer(stream, numbers[OFFSETS], (rows + 1) * numbers[WIDTH], body)
    data, held = _buffer(stream, numbers[DATA], 0, body)
    if size < 0 or held < 0:
        return False
    wide, first = numbers[WIDTH] == 8, stream + head + offsets
    base = begin + head + data
    last = _long(first, 0) if wide else np.int64(half_word_at(first, 0))
    sound = last >= 0
    for j in range(rows):
        here = _long(first, 8 * (j + 1)) if wide else np.int64(half_word_at(first, 4 * (j + 1)))
        sound &= last <= here
        bounds[2 * (n + j)], bounds[2 * (n + j) + 1] = base + last, base + here
        last = here
    return sound and last <= held


@njit(cache=True, nogil=True, error_model="numpy")
def _values(
    stream: int, numbers: NDArray[np.int64], shape: Any, found: Any, raws: NDArray[np.int64]
) -> Any:
    """Write times, values and qualities; whether all of them may be."""
    _, _, _, times, _, qualities = found
    rows, head, _, n = shape
    body, unit = _long(stream, numbers[BODY]), numbers[UNIT_NS]
    time, one = _buffer(stream, numbers[TIME], rows * 8, body)
    value, other = _buffer(stream, numbers[VALUE], rows * 8, body)
    if one < 0 or other < 0:
        return False
    most = END_S * (NS_PER_S // unit)
    sound = True
    for j in range(rows):
        moment = _long(stream + head + time, 8 * j)
        sound &= 0 <= moment < most
        times[n + j] = moment * unit
    for j in range(rows):
        raws[n + j] = _long(stream + head + value, 8 * j)
    if numbers[QUALITY] == 0:
        qualities[n : n + rows] = 0
        return sound
    quality, size = _buffer(stream, numbers[QUALITY], rows, body)
    if size < 0:
        return False
    for j in range(rows):
        mark = byte_at(stream + head + quality, j)
        sound &= mark <= _WORST
        qualities[n + j] = mark
    return sound


@njit(cache=True, nogil=True, error_model="numpy")
def _scan(
    text: NDArray[np.uint8],
    records: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]],
    form: Form,
    most: tuple[int, int],
    found: Any,
) -> Any:
    """Mark and read the streams of a form among the messages that are open; how many readings."""
    start, length, is_open = records
    read, record, bounds, _, raw, _ = found
    raws, head = raw.view(np.int64), len(form.head)
    base, like, cover = address_of(text), address_of(form.head), address_of(form.cover)
    n = 0
    for i in np.flatnonzero(is_open):
        stream, size = base + start[i], length[i]
        if not head + _END_BYTES <= size <= most[0] or not _is_alike(stream, like, cover, head):
            continue
        rows = _rows(stream, size, head, form.numbers, most[1])
        shape = (rows, head, start[i], n)
        if rows and _bounds(stream, form.numbers, shape, bounds):
            read[i] = _values(stream, form.numbers, shape, found, raws)
        if read[i]:
            record[n : n + rows] = i
            n += rows
    return n


def scan_streams(
    records: Records, is_open: NDArray[np.bool_], form: Form, table: IdTable, limits: DecodeLimits
) -> tuple[Columns, NDArray[np.bool_]]:
    """Columns of the streams of a form that name known channels only, and which these are.

    Parameters
    ----------
    records : Records
        Messages of any kind.
    is_open : bool, shape (len(records),)
        Which of them to look at.
    form : Form
        What they must be alike to.
    table : IdTable
        Lane rows by channel id.
    limits : DecodeLimits
        A message beyond them is left alone.

    Returns
    -------
    Columns
        Readings of the messages that were read, in their order.
    bool, shape (len(records),)
        Which messages were read.
    """
    text = np.frombuffer(records.buffer, np.uint8)
    lengths = np.maximum(records.length[is_open], 0)  # -1 where a message has no value
    room = int(lengths.sum()) // _LEAST_BYTES
    found = Found.room(len(records), room)
    most = (limits.message_bytes, limits.readings_per_message)
    which = (records.start, records.length, is_open)
    n = int(_scan(text, which, form, most, found))
    return found.of_known(n, text, table), found.read


class Forms:
    """The forms of stream that a lane has seen, and the messages that have one of them.

    What is known changes how fast a message is read, never what is read.

    Parameters
    ----------
    table : IdTable
        Lane rows by channel id.
    limits : DecodeLimits
        A message beyond them is left alone.
    """

    def __init__(self, table: IdTable, limits: DecodeLimits) -> None:
        self._table = table
        self._limits = limits
        self._known: list[Form] = []

    def scan(
        self, records: Records, is_open: NDArray[np.bool_]
    ) -> tuple[Columns, NDArray[np.bool_]]:
        """Columns of the open messages of any known form, and which these are."""
        columns, read = nothing(), np.zeros(len(records), np.bool_)
        for form in self._known:
            left = is_open & ~read
            if not left.any():
                break
            more, which = scan_streams(records, left, form, self._table, self._limits)
            columns, read = merge(columns, more), read | which
        return columns, read

    def learn(self, payload: bytes) -> None:
        """Remember the form of a stream that was read without a fault, if it is a plain one."""
        if any(form.is_of(payload) for form in self._known):
            return
        form = form_of(payload)
        if form is not None:
            self._known = [form, *self._known][:_FORMS_MAX]
