"""RFC 3339 times to integer nanoseconds, exactly."""

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from contracts.quantities import NS_PER_MS
from ingest.pointers import address_of, byte_at, word_at

# Valid times start at 1970, so no valid time is negative.
NO_TIME = -1
OUTSIDE = -2
# 2201-01-01T00:00:00Z: the first instant behind the years that a city's telemetry may name.
END_S = 7_289_654_400
END_MS = END_S * 1_000

PLAIN_BYTES: Final = 24  # `YYYY-MM-DDTHH:MM:SS.mmmZ`, as most gateways write times
_SHAPE: Final = b"0000-00-00T00:00:00.000Z"


def _words(text: bytes) -> list[np.uint64]:
    return [np.uint64(int.from_bytes(text[at : at + 8], "little")) for at in (0, 8, 16)]


# Less its shape, a letter of a plain time is at most 9 where a digit stands, else 0. What is added
# then carries any other one into its highest bit.
_DATE, _HOUR, _SECOND = _words(_SHAPE)
_DATE_UP, _HOUR_UP, _SECOND_UP = _words(bytes(0x76 if sign == 48 else 0x7F for sign in _SHAPE))
_HIGHEST: Final = np.uint64(0x8080808080808080)
_TEN, _BYTE = np.uint64(10), np.uint64(8)

_FIRST_YEAR: Final = 1970
_MONTHS: Final = 12 * (np.datetime64(END_S, "s").astype("datetime64[Y]").astype(int))
# Days from 1970 to the first of each month of the years that a time may name, and of one more.
_DAYS: Final = np.arange(_MONTHS + 1).astype("datetime64[M]").astype("datetime64[D]").astype(int)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _byte(word: Any, at: int) -> Any:
    return np.int64((word >> np.uint64(8 * at)) & np.uint64(0xFF))


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def plain_time(text: int, at: int) -> Any:
    """Nanoseconds since 1970 UTC of the 24 bytes at a place.

    `NO_TIME` for all other texts, right or wrong: the full reader knows them.
    """
    date, hour = word_at(text, at) ^ _DATE, word_at(text, at + 8) ^ _HOUR
    second = word_at(text, at + 16) ^ _SECOND
    wrong = date | (date + _DATE_UP) | hour | (hour + _HOUR_UP) | second | (second + _SECOND_UP)
    if wrong & _HIGHEST:
        return NO_TIME
    millis = _byte(second, 6)
    # Each digit's byte becomes the pair that it begins.
    date, hour = date * _TEN + (date >> _BYTE), hour * _TEN + (hour >> _BYTE)
    second = second * _TEN + (second >> _BYTE)
    month = (_byte(date, 0) * 100 + _byte(date, 2) - _FIRST_YEAR) * 12 + _byte(date, 5) - 1
    hours, minutes, seconds = _byte(hour, 3), _byte(hour, 6), _byte(second, 1)
    if month < 0 or month >= _MONTHS or _byte(date, 5) < 1 or _byte(date, 5) > 12:
        return NO_TIME
    if hours > 23 or minutes > 59 or seconds > 59:
        return NO_TIME
    day = _DAYS[np.uint64(month)] + _byte(hour, 0) - 1
    if _byte(hour, 0) < 1 or day >= _DAYS[np.uint64(month + 1)]:
        return NO_TIME
    millis += _byte(second, 4) * 10
    clock = hours * 3_600 + minutes * 60 + seconds
    return ((day * 86_400 + clock) * 1000 + millis) * NS_PER_MS


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _two(text: int, at: int) -> int:
    """Two digits as a number; far below any valid one where there is no digit."""
    high = byte_at(text, at) - 48
    low = byte_at(text, at + 1) - 48
    if high < 0 or high > 9 or low < 0 or low > 9:
        return -100_000
    number: int = high * 10 + low
    return number


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def days_of_month(year: int, month: int) -> int:
    """Length of a month of the Gregorian calendar."""
    if month == 2:
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        return 29 if leap else 28
    return 30 if month in (4, 6, 9, 11) else 31


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def days_since_1970(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 to a date, counting years from March so that leap days end them."""
    since_march = year - 1 if month <= 2 else year
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    century = since_march // 100
    leap_days = since_march // 4 - century + century // 4
    return 365 * since_march + leap_days + day_of_year - 719_468


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _date_s(text: int, at: int) -> int:
    """Seconds from 1970 to `YYYY-MM-DDTHH:MM:SS` taken as UTC; very negative when malformed."""
    year = _two(text, at) * 100 + _two(text, at + 2)
    month, day = _two(text, at + 5), _two(text, at + 8)
    hour: int = _two(text, at + 11)
    minute: int = _two(text, at + 14)
    second: int = _two(text, at + 17)
    marks = (
        byte_at(text, at + 4) == 45
        and byte_at(text, at + 7) == 45
        and byte_at(text, at + 10) | 32 == 116
    )
    colons = byte_at(text, at + 13) == 58 and byte_at(text, at + 16) == 58
    if not (marks and colons) or year < 0 or month < 1 or month > 12 or day < 1:
        return -(1 << 62)
    clock = 0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60
    if not clock or day > days_of_month(year, month):
        return -(1 << 62)
    date_s: int = days_since_1970(year, month, day) * 86_400
    return date_s + hour * 3_600 + minute * 60 + second


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _zone_s(text: int, at: int, end: int) -> int:
    """Seconds ahead of UTC of `Z` or `±HH:MM`; very large when malformed."""
    if end - at == 1 and byte_at(text, at) | 32 == 122:
        return 0
    if (
        end - at != 6
        or (byte_at(text, at) != 43 and byte_at(text, at) != 45)
        or byte_at(text, at + 3) != 58
    ):
        return 1 << 62
    hour: int = _two(text, at + 1)
    minute: int = _two(text, at + 4)
    if not (0 <= hour < 24 and 0 <= minute < 60):
        return 1 << 62
    ahead = hour * 3_600 + minute * 60
    return ahead if byte_at(text, at) == 43 else -ahead


@njit(cache=True, nogil=True, error_model="numpy")
def one_time(text: int, at: int, end: int) -> int:
    """Nanoseconds of one time, `NO_TIME` when malformed, `OUTSIDE` when not in 1970..2200."""
    if end - at < 20:
        return NO_TIME
    seconds: int = _date_s(text, at)
    at += 19
    nanos = 0
    if byte_at(text, at) == 46:
        at += 1
        unit = 100_000_000
        first = at
        while at < end and 48 <= byte_at(text, at) <= 57:
            nanos += (byte_at(text, at) - 48) * unit
            unit //= 10
            at += 1
        if at == first or at - first > 9:
            return NO_TIME
    ahead: int = _zone_s(text, at, end)
    if seconds == -(1 << 62) or ahead == 1 << 62:
        return NO_TIME
    if not 0 <= seconds - ahead < END_S:
        return OUTSIDE
    return (seconds - ahead) * 1_000_000_000 + nanos


@njit(cache=True, nogil=True, error_model="numpy")
def _all_times(
    text: NDArray[np.int8], length: NDArray[np.int64], time_ns: NDArray[np.int64]
) -> None:
    """Read texts that stand side by side."""
    at, base = 0, address_of(text)
    for i in range(len(length)):
        time_ns[i] = one_time(base, at, at + length[i])
        at += length[i]


def read_times(texts: list[str]) -> NDArray[np.int64]:
    """Nanoseconds since 1970 UTC of RFC 3339 times, shape (n,).

    Wanted is `YYYY-MM-DDTHH:MM:SS`, up to nine decimals, then `Z` or `±HH:MM`; `t` and `z` are
    read too. Leap seconds (`:60`) are not: no clock of ours can count them.

    Parameters
    ----------
    texts : list of str
        Times as they came.

    Returns
    -------
    int64, shape (n,)
        `NO_TIME` where the text is anything else, `OUTSIDE` where it lies outside 1970..2200.

    Examples
    --------
    >>> read_times(["1970-01-01T08:00:01.000000002+08:00", "2024-02-29 10:00"]).tolist()
    [1000000002, -1]
    """
    joined = "".join(texts)
    if not joined.isascii():
        return read_times([text if text.isascii() else "" for text in texts])
    time_ns = np.empty(len(texts), np.int64)
    length = np.fromiter(map(len, texts), np.int64, len(texts))
    _all_times(np.frombuffer(joined.encode(), np.int8), length, time_ns)
    return time_ns


def read_mixed_times(times: list[str | int]) -> NDArray[np.int64]:
    """Nanoseconds since 1970 UTC of RFC 3339 texts and of whole epoch milliseconds, shape (n,).

    >>> read_mixed_times([1500, "1970-01-01T00:00:01Z"]).tolist()
    [1500000000, 1000000000]
    """
    texts = [time if isinstance(time, str) else "" for time in times]
    time_ns = read_times(texts)
    for i, time in enumerate(times):
        if not isinstance(time, str):
            time_ns[i] = time * NS_PER_MS if 0 <= time < END_MS else OUTSIDE
    return time_ns
