"""Times as most gateways write them, `YYYY-MM-DDTHH:MM:SS.mmmZ`, a word at a time."""

from typing import Any, Final

import numpy as np
from numba import njit

from ingest.memory import word_at
from ingest.rfc3339 import END_S, NO_TIME, NS_PER_MS, days_of_month, days_since_1970

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


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _byte(word: Any, at: int) -> Any:
    return np.int64((word >> np.uint64(8 * at)) & np.uint64(0xFF))


@njit(cache=True, nogil=True, error_model="numpy")
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
    year, month, day = _byte(date, 0) * 100 + _byte(date, 2), _byte(date, 5), _byte(hour, 0)
    hours, minutes, seconds = _byte(hour, 3), _byte(hour, 6), _byte(second, 1)
    if month < 1 or month > 12 or day < 1 or hours > 23 or minutes > 59 or seconds > 59:
        return NO_TIME
    moment_s = days_since_1970(year, month, day) * 86_400 + hours * 3_600 + minutes * 60 + seconds
    if day > days_of_month(year, month) or moment_s < 0 or moment_s >= END_S:
        return NO_TIME
    return (moment_s * 1000 + _byte(second, 4) * 10 + millis) * NS_PER_MS
