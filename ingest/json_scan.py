"""JSON messages of plain readings, one or an array each, to columns, in place.

What the scanner accepts, it reads as the full decoder does, to the last bit. It leaves alone:
escapes, exponents, numbers that a double may not hold, leading zeros, unknown or repeated keys,
unknown channels, times that cannot be read, anything malformed. The full decoder says what these
are.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from contracts.batch import UNKNOWN, Quality
from contracts.records import Records
from ingest.columns import Columns, only
from ingest.id_table import IdTable
from ingest.limits import DecodeLimits
from ingest.memory import address_of, byte_at
from ingest.rfc3339 import END_MS, NS_PER_MS, _one_time

_CHANNEL, _TIME, _VALUE, _QUALITY, _NEEDED = 1, 2, 4, 8, 7
_QUOTE, _BACKSLASH, _COMMA, _COLON = 34, 92, 44, 58
_OPEN, _CLOSE, _LIST, _LIST_END = 123, 125, 91, 93
_MINUS, _POINT, _ZERO, _NINE = 45, 46, 48, 57
_SPACE, _TAB, _LINE, _RETURN = 32, 9, 10, 13
_DIGITS_MAX: Final = 18  # whatever their value, int64 holds them
_EXACT: Final = 1 << 53  # a double holds every whole number up to here
_MILLIS_DIGITS: Final = 13
_NOWHERE: Final = -1
_LEAST_BYTES: Final = 32  # of a reading: its keys, and a letter for each number
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
    """What the kernel writes: which messages are plain, then reading by reading.

    `bounds` holds both ends of each channel id.
    """

    plain: NDArray[np.bool_]
    record: NDArray[np.int32]
    bounds: NDArray[np.int64]
    time_ns: NDArray[np.int64]
    raw: NDArray[np.float64]
    quality: NDArray[np.uint8]


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
def _is(text: int, at: Any, end: Any, word: NDArray[np.int8]) -> Any:
    """Whether `word` stands at a place."""
    if end - at < len(word):
        return False
    for k in range(len(word)):  # noqa: SIM110 - no kernel can be told `all`
        if byte_at(text, at + k) != word[k]:
            return False
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def _key(text: int, at: Any, end: Any) -> Any:
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
def _string_end(text: int, at: Any, end: Any) -> Any:
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
def _whole(text: int, at: Any, end: Any) -> Any:
    """Digits as a number (right up to 18 of them), and the place behind them."""
    number = np.int64(0)
    while at < end and _ZERO <= byte_at(text, at) <= _NINE:
        number = number * 10 + (byte_at(text, at) - _ZERO)
        at += 1
    return number, at


@njit(cache=True, nogil=True, error_model="numpy")
def _number(text: int, at: Any, end: Any) -> Any:
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
def _time(text: int, at: Any, end: Any) -> Any:
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
def _quality(text: int, at: Any, end: Any) -> Any:
    """A quality, and the place behind it or `_NOWHERE`."""
    if _is(text, at, end, _GOOD_WORD):
        return _GOOD, at + len(_GOOD_WORD)
    if _is(text, at, end, _UNCERTAIN_WORD):
        return _UNCERTAIN, at + len(_UNCERTAIN_WORD)
    if _is(text, at, end, _BAD_WORD):
        return _BAD, at + len(_BAD_WORD)
    return 0, _NOWHERE


@njit(cache=True, nogil=True, error_model="numpy")
def _value(text: int, at: Any, end: Any) -> Any:
    """A number or NaN for `null`, and the place behind it or `_NOWHERE`."""
    if _is(text, at, end, _NULL_WORD):
        return np.nan, at + len(_NULL_WORD)
    return _number(text, at, end)


@njit(cache=True, nogil=True, error_model="numpy")
def _next(text: int, at: Any, end: Any, close: int) -> Any:
    """Place behind a comma, or behind `close` and True; `_NOWHERE` for anything else."""
    if at == _NOWHERE:
        return _NOWHERE, True
    at = _blank(text, at, end)
    if at < end and byte_at(text, at) == close:
        return at + 1, True
    if at >= end or byte_at(text, at) != _COMMA:
        return _NOWHERE, True
    return _blank(text, at + 1, end), False


@njit(cache=True, nogil=True, error_model="numpy")
def _reading(text: int, begin: Any, end: Any) -> Any:
    """Place behind a plain reading or `_NOWHERE`, bounds of its channel id, time, value, quality.

    Only numbers come and go, `text` is an address: an array costs more than reading a key.
    """
    seen, first, close, time_ns, raw, quality = 0, 0, 0, 0, 0.0, _GOOD
    at, last = _blank(text, begin + 1, end), begin >= end or byte_at(text, begin) != _OPEN
    while not last:
        key, at = _key(text, at, end)
        if key == 0 or seen & key:
            return _NOWHERE, 0, 0, 0, 0.0, 0
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
        at, last = _next(text, at, end, _CLOSE)
    return at if seen & _NEEDED == _NEEDED else _NOWHERE, first, close, time_ns, raw, quality


@njit(cache=True, nogil=True, error_model="numpy")
def _scan(
    text: NDArray[np.int8],
    start: NDArray[np.int64],
    length: NDArray[np.int64],
    most: int,
    found: Any,
) -> int:
    """Read the messages that are marked; how many readings. Marks of the others are taken away."""
    plain, record, bounds, times, raws, qualities = found
    base = address_of(text)
    n = 0
    for i in np.flatnonzero(plain):
        first, end = n, start[i] + length[i]
        many = byte_at(base, start[i]) == _LIST
        at, last = _blank(base, start[i] + 1, end) if many else start[i], False
        while not last:
            at, bounds[2 * n], bounds[2 * n + 1], times[n], raws[n], qualities[n] = _reading(
                base, at, end
            )
            record[n] = i
            n += 1
            at, last = _next(base, at, end, _LIST_END) if many else (at, True)
        if at == _NOWHERE or _blank(base, at, end) != end or n - first > most:
            plain[i], n = False, first
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
    text = np.frombuffer(records.buffer, np.int8)
    plain = (records.length > 0) & (records.length <= limits.message_bytes)
    letter = text[records.start[plain]]
    plain[plain] = (letter == _OPEN) | (letter == _LIST)
    room = int(records.length[plain].sum()) // _LEAST_BYTES + 1
    found = _Found(
        plain,
        np.empty(room, np.int32),
        np.empty(2 * room, np.int64),
        np.empty(room, np.int64),
        np.empty(room, np.float64),
        np.empty(room, np.uint8),
    )
    n = _scan(text, records.start, records.length, limits.readings_per_message, found)
    record = found.record[:n]
    row = table.rows_between(text.view(np.uint8), found.bounds[: 2 * n])
    columns = Columns(record, row, found.time_ns[:n], found.raw[:n], found.quality[:n])
    strange = record[row == UNKNOWN]
    if not len(strange):
        return columns, plain
    plain[strange] = False
    return only(columns, plain[record]), plain
