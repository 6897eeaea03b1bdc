"""Times as most gateways write them, `YYYY-MM-DDTHH:MM:SS.mmmZ`, a word at a time."""

from typing import Any, Final

import numpy as np
from numba import njit

from ingest.memory import word_at
from ingest.rfc3339 import END_S, NO_TIME, NS_PER_MS

PLAIN_BYTES: Final = 24
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
