"""A window that is cut where its older part differs from its newer one: ADWIN, bounded."""

import math
from typing import Annotated, Any, ClassVar, Final

import msgspec
import numpy as np
from msgspec import Meta
from numba import njit

from contracts.quantities import DIFFERENCE

BUCKETS: Final = 5  # of each size; one more, and the two oldest become one of the next size


class Adwin(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The values since the last change, in buckets of 1, 2, 4, ... values, five of each.

    A bucket keeps the sum `t` of its `n` values and the sum `v` of their squared distances from
    their mean; two of the same size become one with `v = v_1 + v_2 + n (m_1 - m_2)^2 / 2`. Every
    so many values, each border between buckets, oldest first, is tried as a cut: with `n_0` and
    `n_1` values on its sides, none of them fewer than `part`, `q = 1 / (n_0 - part + 1) +
    1 / (n_1 - part + 1)`, `d = ln(2 ln(n) / chance)` and the variance `s2` of the whole window, it
    is a change when `|m_0 - m_1| > sqrt(2 q s2 d) + 2 q d span / 3`. Then the oldest bucket is
    dropped and all borders are tried again. The window has no older value than its size allows:
    the oldest bucket goes when there are too many.

    Parameters
    ----------
    chance : float
        Chance of a false change that is put up with, at each trial.
    span : float
        Width within which usual values lie, in the unit of the class.
    every : int
        Values from one trial to the next.
    window : int
        Most values that the window holds, at least.
    least, part : int
        Values in the window, and on each side of a cut, before anything is tried.

    References
    ----------
    A. Bifet and R. Gavalda, Learning from time-changing data with adaptive windowing, SIAM
    International Conference on Data Mining, 2007, with the border terms of its implementation in
    MOA and river, whose cuts it makes for a `span` of 1. State: 16 bytes and 104 for each of
    log2(window / 5) sizes; 1.2 kB with 10 000 values.
    """

    STATE_FREE: ClassVar[frozenset[str]] = frozenset({"chance", "every", "least", "part", "span"})

    span: Annotated[float, Meta(gt=0, extra=DIFFERENCE)]
    chance: Annotated[float, Meta(gt=0, lt=1)] = 0.002
    every: Annotated[int, Meta(ge=1, le=10_000)] = 32
    window: Annotated[int, Meta(ge=100, le=1_000_000)] = 10_000
    least: Annotated[int, Meta(ge=2, le=100_000)] = 10
    part: Annotated[int, Meta(ge=1, le=10_000)] = 5


def sizes(window: int) -> int:
    """Sizes of buckets that hold a window.

    >>> sizes(100), sizes(10_000)
    (5, 11)
    """
    return math.ceil(math.log2(window / BUCKETS + 1))


def window_dtype(window: int) -> np.dtype[Any]:
    """State of one window that holds so many values; zeros are an empty one."""
    n = sizes(window)
    return np.dtype(
        [
            ("ticks", np.int64),  # values ever taken in
            ("sizes", np.int64),  # that this class uses; 0 until its first value
            ("count", np.int64, (n,)),  # buckets of each size, the oldest first
            ("total", np.float64, (n, BUCKETS + 1)),
            ("spread", np.float64, (n, BUCKETS + 1)),
        ]
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _drop(mine: Any, size: int, n: int) -> None:
    """Drop the n oldest buckets of a size."""
    left = mine.count[size] - n
    for k in range(left):
        mine.total[size, k] = mine.total[size, k + n]
        mine.spread[size, k] = mine.spread[size, k + n]
    mine.count[size] = left


@njit(cache=True, nogil=True, error_model="numpy")
def _put(mine: Any, size: int, total: float, spread: float) -> None:
    """Add a newest bucket of a size."""
    at = mine.count[size]
    mine.total[size, at], mine.spread[size, at] = total, spread
    mine.count[size] = at + 1


@njit(cache=True, nogil=True, error_model="numpy")
def _insert(mine: Any, value: float) -> None:
    """Take in a value, and make two buckets one where there are too many."""
    _put(mine, 0, value, 0.0)
    for size in range(mine.sizes):
        if mine.count[size] <= BUCKETS:
            return
        if size == mine.sizes - 1:
            _drop(mine, size, 1)
            return
        n = float(1 << size)
        first, second = mine.total[size, 0], mine.total[size, 1]
        off = first / n - second / n
        spread = mine.spread[size, 0] + mine.spread[size, 1] + n * off * off / 2.0
        _drop(mine, size, 2)
        _put(mine, size + 1, first + second, spread)


@njit(cache=True, nogil=True, error_model="numpy")
def _whole(mine: Any) -> tuple[float, float, float]:
    """Number of values in the window, their sum, their squared distances from their mean."""
    n, total, spread = 0.0, 0.0, 0.0
    for size in range(mine.sizes - 1, -1, -1):
        width = float(1 << size)
        for k in range(mine.count[size]):
            one = mine.total[size, k]
            if n > 0.0:
                off = total / n - one / width
                spread += n * width * off * off / (n + width)
            spread += mine.spread[size, k]
            n += width
            total += one
    return n, total, spread


@njit(cache=True, nogil=True, error_model="numpy")
def _cut(mine: Any, p: Any) -> tuple[float, float]:
    """Means of the older and the newer part at the oldest cut that is a change, NaN without."""
    n, total, spread = _whole(mine)
    doubt = math.log(2.0 * math.log(n) / p.chance) if n > p.least else math.inf
    older, before = 0.0, 0.0
    for size in range(mine.sizes - 1, -1, -1):
        for k in range(mine.count[size]):
            older += float(1 << size)
            before += mine.total[size, k]
            newer = n - older
            if older < p.part or newer < p.part:
                continue
            q = 1.0 / (older - p.part + 1.0) + 1.0 / (newer - p.part + 1.0)
            reach = math.sqrt(2.0 * q * (spread / n) * doubt) + 2.0 * q * doubt * p.span / 3.0
            if abs(before / older - (total - before) / newer) > reach:
                return before / older, (total - before) / newer
    return np.nan, np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def adwin_step(mine: Any, p: Any, value: float) -> tuple[bool, float, float]:
    """Take in a value; whether it tells of a change, the mean before it, and the one after."""
    mine.sizes = p.sizes
    mine.ticks += 1
    _insert(mine, value)
    if mine.ticks % p.every:
        return False, np.nan, np.nan
    was, now = _cut(mine, p)
    if np.isnan(was):
        return False, was, now
    again = was
    while not np.isnan(again):
        oldest = mine.sizes - 1
        while mine.count[oldest] == 0:
            oldest -= 1
        _drop(mine, oldest, 1)
        again, _ = _cut(mine, p)
    return True, was, now
