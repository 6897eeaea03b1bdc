"""Kinds of day for kernels: a calendar as two rising columns."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from contracts.day_types import DAY_TYPES, DayType

DAY_NS: Final = 86_400_000_000_000
EPOCH_WEEKDAY: Final = 3  # 1970-01-01 was a Thursday; Monday is 0
_EPOCH: Final = date(1970, 1, 1)

# Days since 1970 and their kinds, places in `DAY_TYPES`; several calendars one behind another.
Calendar = tuple[NDArray[np.int64], NDArray[np.int64]]


def numbered(calendar: Mapping[str, DayType]) -> list[tuple[int, int]]:
    """Days since 1970 and places of their kinds, by rising day.

    >>> numbered({"1970-01-03": "sunday"})
    [(2, 2)]
    """
    return sorted(
        ((date.fromisoformat(day) - _EPOCH).days, DAY_TYPES.index(kind))
        for day, kind in calendar.items()
    )


def columns(days: Iterable[tuple[int, int]]) -> Calendar:
    """What kernels take of numbered days."""
    listed = list(days)
    return (
        np.array([day for day, _ in listed], np.int64),
        np.array([kind for _, kind in listed], np.int64),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def kind_of_day(
    day: int, days: NDArray[np.int64], kinds: NDArray[np.int64], first: int, last: int
) -> Any:
    """Place in `DAY_TYPES` of a civil day, by the part `first` to `last` of a calendar."""
    at = first + np.searchsorted(days[first:last], day)
    if at < last and days[at] == day:
        return kinds[at]
    return max((day + EPOCH_WEEKDAY) % 7 - 4, 0)


def wrong_dates(calendar: Mapping[str, DayType]) -> list[str]:
    """Keys of a calendar that are no dates."""
    return [day for day in calendar if not _is_date(day)]


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
