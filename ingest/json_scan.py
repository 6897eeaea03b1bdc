"""JSON messages of one plain reading each to columns, in place; whatever is unusual is left alone.

What the scanner accepts, it reads as the full decoder does, to the last bit. It leaves alone:
escapes, exponents, numbers that a double may not hold, leading zeros, unknown or repeated keys,
unknown channels, times that cannot be read, anything malformed. The full decoder says what these
are.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Quality
from contracts.records import Records
from ingest.columns import Columns
from ingest.id_table import IdTable
from ingest.memory import byte_at
from ingest.rfc3339 import END_MS, NS_PER_MS, _one_time

_CHANNEL, _TIME, _VALUE, _QUALITY, _NEEDED = 1, 2, 4, 8, 7
_QUOTE, _BACKSLASH, _COMMA, _COLON, _OPEN, _CLOSE = 34, 92, 44, 58, 123, 125
_MINUS, _POINT, _ZERO, _NINE = 45, 46, 48, 57
_SPACE, _TAB, _LINE, _RETURN = 32, 9, 10, 13
_DIGITS_MAX: Final = 18  # whatever their value, int64 holds them
_EXACT: Final = 1 << 53  # a double holds every whole number up to here
_MILLIS_DIGITS: Final = 13
_NOWHERE: Final = -1
_GOOD, _UNCERTAIN, _BAD = int(Quality.GOOD), int(Quality.UNCERTAIN), int(Quality.BAD)


def _word(text: bytes) -> NDArray[np.int8]:
    return np.frombuffer(text, np.int8)


# With these powers a quotient of two exact doubles is the double nearest to the decimal.
_TENS: Final = np.array([10.0**k for k in range(_DIGITS_MAX + 1)])
_CHANNEL_KEY, _TIME_KEY = _word(b'"channel"'), _word(b'"time"')
_VALUE_KEY, _QUALITY_KEY = _word(b'"value"'), _word(b'"quality"')
_GOOD_WORD, _UNCERTAIN_WORD, _BAD_WORD = _word(b'"good"'), _word(b'"uncertain"'), _word(b'"bad"')
_NULL_WORD: Final = _word(b"null")


class _Found(NamedTuple):
    """What the kernel writes, message by message; `bounds` holds both ends of each channel id."""

    bounds: NDArray[np.int64]
    time_ns: NDArray[np.int64]
    raw: NDArray[np.float64]
    quality: NDArray[np.uint8]
    plain: NDArray[np.bool_]


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _blank(text: NDArray[np.int8], at: Any, end: Any) -> Any:
    """Place of the next byte that is no white space."""
    while at < end:
        letter = byte_at(text, at)
        if letter > _SPACE or letter not in (_SPACE, _TAB, _LINE, _RETURN):
            break
        at += 1
    return at


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _is(text: NDArray[np.int8], at: Any, end: Any, word: NDArray[np.int8]) -> Any:
    """Whether `word` stands at a place."""
    if end - at < len(word):
        return False
    for k in range(len(word)):  # noqa: SIM110 - no kernel can be told `all`
        if byte_at(text, at + k) != word[k]:
            return False
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def _key(text: NDArray[np.int8], at: Any, end: Any) -> Any:
    """Which key stands at a place, 0 for none, and where its value begins."""
    key, size = 0, 0
    if _is(text, at, end, _CHANNEL_KEY):
        key, size = _CHANNEL, len(_CHANNEL_KEY)
    elif _is(text, at, end, _TIME_KEY):
        key, size = _TIME, len(_TIME_KEY)
    elif _is(text, at, end, _VALUE_KEY):
        key, size = _VALUE, len(_VALUE_KEY)
    elif _is(text, at, end, _QUALITY_KEY):
        key, size = _QUALITY, len(_QUALITY_KEY)
    at = _blank(text, at + size, end)
    if at >= end or byte_at(text, at) != _COLON:
        return 0, at
    return key, _blank(text, at + 1, end)


@njit(cache=True, nogil=True, error_model="numpy")
def _string_end(text: NDArray[np.int8], at: Any, end: Any) -> Any:
    """Place of the quote that ends a string without escapes; `_NOWHERE` for any other."""
    if at >= end or byte_at(text, at) != _QUOTE:
        return _NOWHERE
    at += 1
    while at < end and byte_at(text, at) != _QUOTE:
        if byte_at(text, at) == _BACKSLASH or byte_at(text, at) < _SPACE:
            return _NOWHERE
        at += 1
    return at if at < end else _NOWHERE


@njit(cache=True, nogil=True, error_model="numpy")
def _whole(text: NDArray[np.int8], at: Any, end: Any) -> Any:
    """Digits as a number (right up to 18 of them), and the place behind them."""
    number = np.int64(0)
    while at < end and _ZERO <= byte_at(text, at) <= _NINE:
        number = number * 10 + (byte_at(text, at) - _ZERO)
        at += 1
    return number, at


@njit(cache=True, nogil=True, error_model="numpy")
def _number(text: NDArray[np.int8], at: Any, end: Any) -> Any:
    """A decimal number that is exact as a quotient, and the place behind it or `_NOWHERE`."""
    negative = at < end and byte_at(text, at) == _MINUS
    first = at + 1 if negative else at
    mantissa, at = _whole(text, first, end)
    digits, decimals = at - first, 0
    if digits == 0 or (digits > 1 and byte_at(text, first) == _ZERO):
        return 0.0, _NOWHERE
    if at < end and byte_at(text, at) == _POINT:
        begin = at + 1
        fraction, at = _whole(text, begin, end)
        decimals = at - begin
        if decimals == 0 or digits + decimals > _DIGITS_MAX:
            return 0.0, _NOWHERE
        mantissa = mantissa * np.int64(_TENS[decimals]) + fraction
    if digits > _DIGITS_MAX or mantissa > _EXACT or (negative and mantissa == 0):
        return 0.0, _NOWHERE
    value = np.float64(mantissa) / _TENS[decimals]
    return -value if negative else value, at


@njit(cache=True, nogil=True, error_model="numpy")
def _time(text: NDArray[np.int8], at: Any, end: Any) -> Any:
    """A time in nanoseconds, and the place behind it or `_NOWHERE`."""
    if at < end and byte_at(text, at) == _QUOTE:
        close = _string_end(text, at, end)
        if close == _NOWHERE:
            return 0, _NOWHERE
        time_ns = _one_time(text, at + 1, close)
        return time_ns, close + 1 if time_ns >= 0 else _NOWHERE
    first = at
    millis, at = _whole(text, first, end)
    digits = at - first
    odd = digits == 0 or digits > _MILLIS_DIGITS or (digits > 1 and byte_at(text, first) == _ZERO)
    if odd or millis >= END_MS:
        return 0, _NOWHERE
    return millis * NS_PER_MS, at


@njit(cache=True, nogil=True, error_model="numpy")
def _quality(text: NDArray[np.int8], at: Any, end: Any) -> Any:
    """A quality, and the place behind it or `_NOWHERE`."""
    if _is(text, at, end, _GOOD_WORD):
        return _GOOD, at + len(_GOOD_WORD)
    if _is(text, at, end, _UNCERTAIN_WORD):
        return _UNCERTAIN, at + len(_UNCERTAIN_WORD)
    if _is(text, at, end, _BAD_WORD):
        return _BAD, at + len(_BAD_WORD)
    return 0, _NOWHERE


@njit(cache=True, nogil=True, error_model="numpy")
def _value(text: NDArray[np.int8], at: Any, end: Any) -> Any:
    """A number or NaN for `null`, and the place behind it or `_NOWHERE`."""
    if _is(text, at, end, _NULL_WORD):
        return np.nan, at + len(_NULL_WORD)
    return _number(text, at, end)


@njit(cache=True, nogil=True, error_model="numpy")
def _next(text: NDArray[np.int8], at: Any, end: Any) -> Any:
    """Place of the next key, `end` when the message ends well, `_NOWHERE` for anything else."""
    if at == _NOWHERE:
        return _NOWHERE
    at = _blank(text, at, end)
    if at < end and byte_at(text, at) == _CLOSE:
        return end if _blank(text, at + 1, end) == end else _NOWHERE
    if at >= end or byte_at(text, at) != _COMMA:
        return _NOWHERE
    at = _blank(text, at + 1, end)
    return at if at < end else _NOWHERE


@njit(cache=True, nogil=True, error_model="numpy")
def _reading(text: NDArray[np.int8], begin: Any, end: Any) -> Any:
    """Whether a message is a plain reading, bounds of its channel id, time, value, quality.

    Only numbers come and go: an array handed over costs more than reading a key.
    """
    seen, first, close, time_ns, raw, quality = 0, 0, 0, 0, 0.0, _GOOD
    at = _blank(text, begin + 1, end)
    while 0 <= at < end:
        key, at = _key(text, at, end)
        if key == 0 or seen & key:
            return False, 0, 0, 0, 0.0, 0
        seen |= key
        if key == _CHANNEL:
            first = at + 1
            close = _string_end(text, at, end)
            at = close + 1 if close != _NOWHERE else _NOWHERE
        elif key == _TIME:
            time_ns, at = _time(text, at, end)
        elif key == _VALUE:
            raw, at = _value(text, at, end)
        else:
            quality, at = _quality(text, at, end)
        at = _next(text, at, end)
    whole = at == end and seen & _NEEDED == _NEEDED
    return whole, first, close, time_ns, raw, quality


@njit(cache=True, nogil=True, error_model="numpy")
def _scan(
    text: NDArray[np.int8],
    start: NDArray[np.int64],
    length: NDArray[np.int64],
    most: int,
    found: Any,
) -> None:
    """Read every message that is a plain reading; the bounds of any other are those of no text."""
    bounds, times, raws, qualities, plain = found
    for i in range(len(start)):
        if 0 < length[i] <= most and byte_at(text, start[i]) == _OPEN:
            whole, first, close, time_ns, raw, quality = _reading(
                text, start[i], start[i] + length[i]
            )
            if whole:
                plain[i] = True
                bounds[2 * i], bounds[2 * i + 1] = first, close
                times[i], raws[i], qualities[i] = time_ns, raw, quality


def scan(records: Records, table: IdTable, most_bytes: int) -> tuple[Columns, NDArray[np.bool_]]:
    """Columns of the messages that are plain readings of known channels, and which these are.

    Parameters
    ----------
    records : Records
        Messages of any kind.
    table : IdTable
        Lane rows by channel id.
    most_bytes : int
        A longer message is left alone.

    Returns
    -------
    Columns
        One reading for each message that was read, in their order.
    bool, shape (len(records),)
        Which messages were read.
    """
    n = len(records)
    found = _Found(
        np.zeros(2 * n, np.int64),
        np.empty(n, np.int64),
        np.empty(n, np.float64),
        np.full(n, _GOOD, np.uint8),
        np.zeros(n, np.bool_),
    )
    text = np.frombuffer(records.buffer, np.int8)
    _scan(text, records.start, records.length, most_bytes, found)
    row = table.rows_between(text.view(np.uint8), found.bounds)
    read = found.plain & (row >= 0)
    columns = Columns(
        np.flatnonzero(read).astype(np.int32),
        row[read],
        found.time_ns[read],
        found.raw[read],
        found.quality[read],
    )
    return columns, read
