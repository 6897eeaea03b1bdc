"""Kinds of day for kernels: a calendar as two rising columns."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from contracts.civil_time import DAY_TYPES, DayType
from contracts.quantities import NS_PER_S
from contracts.transition import NEVER

KEPT_D: Final = 400
KEPT: Final = 64  # readings of a day behind its median
DAY_NS: Final = 86_400 * NS_PER_S


def new_days(n: int, *, driven: bool) -> NDArray[np.void]:
    """Days of channels that nobody has heard of yet, shape (n,), with a companion's or without."""
    state = np.zeros(
        n,
        [
            ("day", np.int64),  # the one that is counted now, or NEVER
            ("newest", np.int64),  # the last one in the ring, or NEVER
            ("seen", np.int64),  # readings of the day, so far
            ("kept", np.int64),
            ("stride", np.int64),
            ("base", np.float64),  # the first median: the ring holds distances from it
            ("total", np.float64),  # of the companion's words over the day
            ("values", np.float64, (KEPT,)),
            ("days", np.float32, (KEPT_D,)),
            ("drove", np.float32, (KEPT_D if driven else 2,)),
        ],
    )
    for name in ("base", "days", "drove"):
        state[name] = np.nan
    state["day"] = state["newest"] = NEVER
    return state


@njit(cache=True, nogil=True, error_model="numpy")
def _keep(mine: Any, value: float) -> None:
    """Keep a reading of the day, of many only every second, fourth, ..."""
    if mine.seen % mine.stride == 0:
        if mine.kept == KEPT:
            for i in range(KEPT // 2):
                mine.values[i] = mine.values[2 * i]
            mine.kept = KEPT // 2
            mine.stride *= 2
        mine.values[mine.kept] = value
        mine.kept += 1
    mine.seen += 1


@njit(cache=True, nogil=True, error_model="numpy")
def close(mine: Any) -> None:
    """Put the day that is over into the ring."""
    for day in range(max(mine.newest + 1, mine.day - KEPT_D + 1), mine.day):
        mine.days[day % KEPT_D] = np.nan
    median = np.median(mine.values[: mine.kept]) if mine.kept else np.nan
    if np.isnan(mine.base):
        mine.base = median
    mine.days[mine.day % KEPT_D] = np.float32(median - mine.base)
    if len(mine.drove) == KEPT_D:
        for day in range(max(mine.newest + 1, mine.day - KEPT_D + 1), mine.day):
            mine.drove[day % KEPT_D] = np.nan
        mine.drove[mine.day % KEPT_D] = np.float32(mine.total / mine.seen)  # NaN of 0 / 0
    mine.newest = mine.day


@njit(cache=True, nogil=True, error_model="numpy")
def count(mine: Any, hours: tuple[int, int], reading: tuple[int, float, float]) -> None:
    """Begin a day with a reading, or add to it."""
    local_ns, value, driver = reading
    day = local_ns // DAY_NS
    if day != mine.day:
        mine.day, mine.kept, mine.seen, mine.stride, mine.total = day, 0, 0, 1, 0.0
    if hours[0] <= local_ns - day * DAY_NS < hours[1]:
        _keep(mine, value)
        mine.total += driver


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
