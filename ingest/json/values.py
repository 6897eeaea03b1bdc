"""Values of a plain JSON reading where they stand: strings, numbers, times, qualities.

Every function takes the address of a text, a place in it and the end of its message, and gives the
place behind the value, `NOWHERE` for anything that the full decoder had better look at. Up to 32
bytes behind the end may be looked at; none of them makes a value.
"""

from typing import Any, Final

import numpy as np
from numba import njit

from contracts.batch import Quality
from contracts.quantities import NS_PER_MS
from ingest.pointers import RUN, byte_at, low_zeros, plain_letters, word_at
from ingest.timestamps import END_MS, PLAIN_BYTES, one_time, plain_time

NOWHERE: Final = -1
QUOTE: Final = 34
_MINUS, _POINT, _ZERO = 45, 46, 48
_DIGITS_MAX: Final = 18  # whatever their value, int64 holds them
_EXACT: Final = 1 << 53  # a double holds every whole number up to here
_MILLIS_DIGITS: Final = 13
_EIGHT: Final = 8
GOOD, _UNCERTAIN, _BAD = int(Quality.GOOD), int(Quality.UNCERTAIN), int(Quality.BAD)

# With these powers a quotient of two exact doubles is the double nearest to the decimal.
_TENS: Final = np.array([10.0**k for k in range(_DIGITS_MAX + 1)])
_WHOLE_TENS: Final = np.array([10**k for k in range(_DIGITS_MAX + 1)], np.int64)


def head(text: bytes) -> np.uint64:
    """The first eight bytes of a text as a word, zeros where it is shorter."""
    return np.uint64(int.from_bytes(text[:_EIGHT].ljust(_EIGHT, b"\0"), "little"))


def cover(size: int) -> np.uint64:
    """A mask for so many bytes of a word."""
    return np.uint64((1 << 8 * size) - 1)


_GOOD_WORD, _GOOD_COVER = head(b'"good"'), cover(6)
_BAD_WORD, _BAD_COVER = head(b'"bad"'), cover(5)
_UNCERTAIN_WORD, _UNCERTAIN_REST, _REST_COVER = head(b'"uncerta'), head(b'in"'), cover(3)
_NULL_WORD, _NULL_COVER = head(b"null"), cover(4)

# Eight digits at once: pairs, then pairs of pairs, then both halves, each by one multiplication.
_ZEROS: Final = np.uint64(0x3030303030303030)
_NINES_UP: Final = np.uint64(0x7676767676767676)  # carries a byte above 9 into its highest bit
_HIGHEST: Final = np.uint64(0x8080808080808080)
_PAIRS: Final = np.uint64(0x000000FF000000FF)
_HUNDREDS: Final = np.uint64(100 + (1_000_000 << 32))
_TEN_THOUSANDS: Final = np.uint64(1 + (10_000 << 32))
_TEN, _BYTE, _TWO_BYTES, _FOUR_BYTES = np.uint64(10), np.uint64(8), np.uint64(16), np.uint64(32)
_WORD_BITS: Final = 64


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def string_end(text: int, at: Any, end: Any) -> Any:
    """Place of the quote that ends a string without escapes."""
    if at >= end or byte_at(text, at) != QUOTE:
        return NOWHERE
    at += 1
    run = plain_letters(text, at)
    while run == RUN and at + RUN < end:
        at += RUN
        run = plain_letters(text, at)
    at += run
    return at if at < end and byte_at(text, at) == QUOTE else NOWHERE


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _digits(word: Any) -> Any:
    """How many of eight letters are digits before the first that is none, and their number."""
    bare = word ^ _ZEROS
    count = low_zeros(((bare + _NINES_UP) | bare) & _HIGHEST) >> 3
    if count == 0:
        return 0, 0
    bare = bare << np.uint64(_WORD_BITS - _EIGHT * count)  # zeros in front
    bare = bare * _TEN + (bare >> _BYTE)
    high, low = (bare & _PAIRS) * _HUNDREDS, ((bare >> _TWO_BYTES) & _PAIRS) * _TEN_THOUSANDS
    return count, np.int64((high + low) >> _FOUR_BYTES)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def whole(text: int, at: Any, end: Any) -> Any:
    """Digits as a number (right up to 18 of them), and the place behind them."""
    count, number = _digits(word_at(text, at))
    at += count
    while count == _EIGHT and at < end:
        count, more = _digits(word_at(text, at))
        number = number * _WHOLE_TENS[np.uint64(count)] + more
        at += count
    return number, at


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def number(text: int, at: Any, end: Any) -> Any:
    """A decimal number that is exact as a quotient, and the place behind it."""
    negative = at < end and byte_at(text, at) == _MINUS
    first = at + 1 if negative else at
    mantissa, at = whole(text, first, end)
    digits, decimals = at - first, 0
    if digits == 0 or (digits > 1 and byte_at(text, first) == _ZERO):
        return 0.0, NOWHERE
    if at < end and byte_at(text, at) == _POINT:
        begin = at + 1
        fraction, at = whole(text, begin, end)
        decimals = at - begin
        if decimals == 0 or digits + decimals > _DIGITS_MAX:
            return 0.0, NOWHERE
        mantissa = mantissa * _WHOLE_TENS[np.uint64(decimals)] + fraction
    if digits > _DIGITS_MAX or mantissa > _EXACT or (negative and mantissa == 0):
        return 0.0, NOWHERE
    value = np.float64(mantissa) / _TENS[np.uint64(decimals)]
    return -value if negative else value, at


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def value(text: int, at: Any, end: Any) -> Any:
    """A number or NaN for `null`, and the place behind it."""
    if word_at(text, at) & _NULL_COVER == _NULL_WORD:
        return np.nan, at + 4
    return number(text, at, end)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def time(text: int, at: Any, end: Any) -> Any:
    """A time in nanoseconds, and the place behind it."""
    if at < end and byte_at(text, at) == QUOTE:
        close = at + 1 + PLAIN_BYTES
        if close < end and byte_at(text, close) == QUOTE:
            time_ns = plain_time(text, at + 1)
            if time_ns >= 0:
                return time_ns, close + 1
        close = string_end(text, at, end)
        if close == NOWHERE:
            return 0, NOWHERE
        time_ns = one_time(text, at + 1, close)
        return time_ns, close + 1 if time_ns >= 0 else NOWHERE
    first = at
    millis, at = whole(text, first, end)
    digits = at - first
    odd = digits == 0 or digits > _MILLIS_DIGITS or (digits > 1 and byte_at(text, first) == _ZERO)
    if odd or millis >= END_MS:
        return 0, NOWHERE
    return millis * NS_PER_MS, at


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def quality(text: int, at: Any, end: Any) -> Any:
    """A quality, and the place behind it."""
    word = word_at(text, at)
    if word & _GOOD_COVER == _GOOD_WORD:
        return GOOD, at + 6
    if word & _BAD_COVER == _BAD_WORD:
        return _BAD, at + 5
    if word == _UNCERTAIN_WORD and word_at(text, at + 8) & _REST_COVER == _UNCERTAIN_REST:
        return _UNCERTAIN, at + 11
    return 0, NOWHERE
