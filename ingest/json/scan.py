"""JSON messages of plain readings, one or an array each, to columns, in place.

What the scanner accepts, it reads as the full decoder does, to the last bit. It leaves alone:
escapes, exponents, numbers that a double may not hold, leading zeros, unknown or repeated keys,
unknown channels, times that cannot be read, anything malformed. The full decoder says what these
are.
"""

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from contracts.records import Records
from ingest.columns import Columns
from ingest.id_table import IdTable
from ingest.json.values import GOOD, NOWHERE, QUOTE, cover, head, quality, string_end, time, value
from ingest.limits import DecodeLimits
from ingest.pointers import RUN, address_of, byte_at, word_at
from ingest.scan_buffers import Found

_CHANNEL, _TIME, _VALUE, _QUALITY, _NEEDED = 1, 2, 4, 8, 7
_COMMA, _COLON = 44, 58
_OPEN, _CLOSE, _LIST, _LIST_END = 123, 125, 91, 93
_SPACE, _TAB, _LINE, _RETURN = 32, 9, 10, 13
_LEAST_BYTES: Final = 32  # of a reading: its keys, and a letter for each number
_CHANNEL_KEY, _TIME_KEY, _TIME_COVER = head(b'"channel"'), head(b'"time"'), cover(6)
_VALUE_KEY, _VALUE_COVER, _QUALITY_KEY = head(b'"value"'), cover(7), head(b'"quality"')


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _blank(text: int, at: Any, end: Any) -> Any:
    """Place of the next byte that is no white space."""
    while at < end:
        letter = byte_at(text, at)
        if letter > _SPACE or letter not in (_SPACE, _TAB, _LINE, _RETURN):
            break
        at += 1
    return at


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _key(text: int, at: Any, end: Any) -> Any:
    """Which key stands at a place, 0 for none, and where its value begins."""
    word = word_at(text, at)
    key, size = 0, 0
    if word == _CHANNEL_KEY:
        key, size = _CHANNEL, 8
    elif word & _TIME_COVER == _TIME_KEY:
        key, size = _TIME, 5
    elif word & _VALUE_COVER == _VALUE_KEY:
        key, size = _VALUE, 6
    elif word == _QUALITY_KEY:
        key, size = _QUALITY, 8
    if byte_at(text, at + size) != QUOTE:
        return 0, at
    at = _blank(text, at + size + 1, end)
    if at >= end or byte_at(text, at) != _COLON:
        return 0, at
    return key, _blank(text, at + 1, end)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _next(text: int, at: Any, end: Any, close: int) -> Any:
    """Place behind a comma, or behind `close` and True; `NOWHERE` for anything else."""
    if at == NOWHERE:
        return NOWHERE, True
    at = _blank(text, at, end)
    if at < end and byte_at(text, at) == close:
        return at + 1, True
    if at >= end or byte_at(text, at) != _COMMA:
        return NOWHERE, True
    return _blank(text, at + 1, end), False


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _reading(text: int, begin: Any, end: Any) -> Any:
    """Place behind a plain reading or `NOWHERE`, bounds of its channel id, time, value, quality.

    Only numbers come and go, `text` is an address: an array costs more than reading a key.
    """
    seen, first, close, time_ns, raw, mark = 0, 0, 0, 0, 0.0, GOOD
    at, last = _blank(text, begin + 1, end), begin >= end or byte_at(text, begin) != _OPEN
    while not last:
        key, at = _key(text, at, end)
        if key == 0 or seen & key:
            return NOWHERE, 0, 0, 0, 0.0, 0
        seen |= key
        if key == _CHANNEL:
            first = at + 1
            close = string_end(text, at, end)
            at = close + 1 if close != NOWHERE else NOWHERE
        elif key == _TIME:
            time_ns, at = time(text, at, end)
        elif key == _VALUE:
            raw, at = value(text, at, end)
        else:
            mark, at = quality(text, at, end)
        at, last = _next(text, at, end, _CLOSE)
    return at if seen & _NEEDED == _NEEDED else NOWHERE, first, close, time_ns, raw, mark


@njit(cache=True, nogil=True, error_model="numpy")
def _scan(
    text: NDArray[np.uint8],
    start: NDArray[np.int64],
    length: NDArray[np.int64],
    most: tuple[int, int],
    found: Any,
) -> int:
    """Mark and read the messages that are plain; how many readings. `most` is bytes, readings."""
    plain, record, bounds, times, raws, qualities = found
    base = address_of(text)
    n = 0
    for i in range(len(start)):
        letter = byte_at(base, start[i]) if 0 < length[i] <= most[0] else 0
        if letter not in (_OPEN, _LIST):
            continue
        first, end = n, start[i] + length[i]
        at, last = _blank(base, start[i] + 1, end) if letter == _LIST else start[i], False
        while not last:
            at, bounds[2 * n], bounds[2 * n + 1], times[n], raws[n], qualities[n] = _reading(
                base, at, end
            )
            record[n] = i
            n += 1
            at, last = _next(base, at, end, _LIST_END) if letter == _LIST else (at, True)
        plain[i] = at != NOWHERE and _blank(base, at, end) == end and n - first <= most[1]
        if not plain[i]:
            n = first
    return n


def scan(
    records: Records, table: IdTable, limits: DecodeLimits
) -> tuple[Columns, NDArray[np.bool_]]:
    """Columns of the messages that are plain readings of known channels, and which these are.

    Parameters
    ----------
    records : Records
        Messages of any kind.
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
    end, payload_bytes = _extent(records.start, records.length)
    text = np.frombuffer(_padded(records.buffer, end), np.uint8)
    found = Found.room(len(records), payload_bytes // _LEAST_BYTES + len(records))
    most = (limits.message_bytes, limits.readings_per_message)
    n = _scan(text, records.start, records.length, most, found)
    return found.of_known(n, text, table), found.read


@njit(cache=True, nogil=True, error_model="numpy")
def _extent(start: NDArray[np.int64], length: NDArray[np.int64]) -> tuple[int, int]:
    """Where the last payload of a buffer ends, and the bytes of all."""
    end, total = 0, 0
    for i in range(len(start)):
        size = max(length[i], 0)
        end, total = max(end, start[i] + size), total + size
    return end, total


def _padded(buffer: bytes, end: int) -> bytes:
    """A buffer, copied where too little lies behind its last payload for whole words."""
    return buffer if end + RUN <= len(buffer) else buffer + bytes(RUN)
