"""What is fitted through the days of a channel: a slope, a season, a jump, an end."""

import math
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

YEAR_D: Final = 365.25
CYCLE_D: Final = 1461  # days after which the calendar's year begins at the same hour again
POINTS_MAX: Final = 61  # points of one slope: 1830 pairs at most
SETTLED: Final = 3  # days on each side of a step, at least
JUMPS_LEAST: Final = 30  # of which the scatter of jumps is believed
_MAD: Final = 1.4826  # from the median of distances to a deviation, for Gaussian ones
RATES: Final = 10  # rates behind an inverse velocity
# Of 20 000 steady movements in noise, one had a sound line; a larger gain tells the end later.
GAINED: Final = 1.5
_SPAN: Final = 3  # days behind each rate
_SMALLEST: Final = 1e-9  # share of a column that the others must leave for it to be fitted
# Of every day of the cycle: no library's cosine may differ from another's in a replay.
_WAVE: Final = np.array(
    [
        (math.cos(2 * math.pi * day / YEAR_D), math.sin(2 * math.pi * day / YEAR_D))
        for day in range(CYCLE_D)
    ]
)

Reals = NDArray[np.float64]


@njit(cache=True, nogil=True, error_model="numpy")
def slope(t: Reals, y: Reals, width: int, least: float) -> float:
    """Theil and Sen's slope per day over the days after `-width`, NaN with fewer than `least`.

    Days are joined into blocks, of `ceil(width / 61)` from day 0 backwards, of which the median
    day and the median value stand for all; the slope is the median over all pairs of blocks.
    """
    size = -(-width // POINTS_MAX)
    tb, yb = np.empty(POINTS_MAX), np.empty(POINTS_MAX)
    days, blocks, last = 0, 0, len(t)
    for i in range(len(t) - 1, -1, -1):
        if -t[i] >= width:
            break
        days += 1
        block = int(-t[i]) // size
        if i == 0 or -t[i - 1] >= width or int(-t[i - 1]) // size != block:
            tb[blocks], yb[blocks] = np.median(t[i:last]), np.median(y[i:last])
            blocks += 1
            last = i
    if days < least or blocks < 2:
        return np.nan
    slopes = np.empty(blocks * (blocks - 1) // 2)
    pairs = 0
    for i in range(1, blocks):
        for j in range(i):
            slopes[pairs] = (yb[i] - yb[j]) / (tb[i] - tb[j])
            pairs += 1
    return float(np.median(slopes))


@njit(cache=True, nogil=True, error_model="numpy")
def _solve(a: Reals, b: Reals) -> bool:
    """Gaussian elimination without pivots, which normal equations do not need; `b` is solved."""
    n = len(b)
    for k in range(n):
        whole = a[k, k]
        for i in range(k):
            whole += a[i, k] * a[i, k] / a[i, i]  # what the columns before it have taken
        if not a[k, k] > _SMALLEST * whole:
            return False
        for i in range(k + 1, n):
            share = a[k, i] / a[k, k]
            for j in range(i, n):
                a[i, j] -= share * a[k, j]
            b[i] -= share * b[k]
    for k in range(n - 1, -1, -1):
        for j in range(k + 1, n):
            b[k] -= a[k, j] * b[j]
        b[k] /= a[k, k]
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def without(t: Reals, y: Reals, drivers: Reals) -> bool:
    """Take what drivers explain out of `y`, beside a constant and a trend; whether it could be.

    Least squares of `y` on 1, the time in years and every driver, by normal equations; the trend
    is fitted beside them so that it is not taken for a driver's doing, and stays.

    Parameters
    ----------
    t, y : float64, shape (n,)
    drivers : float64, shape (m, n)
    """
    m = len(drivers)
    columns = np.ones((m + 2, len(t)))
    columns[1] = t / YEAR_D
    columns[2:] = drivers
    a, b = np.zeros((m + 2, m + 2)), np.zeros(m + 2)
    for i in range(m + 2):
        for at in range(len(t)):
            b[i] += columns[i, at] * y[at]
        for j in range(i, m + 2):
            for at in range(len(t)):
                a[i, j] += columns[i, at] * columns[j, at]
    if not _solve(a, b):
        return False
    for i in range(2, m + 2):
        for at in range(len(t)):
            y[at] -= b[i] * columns[i, at]
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def wave(newest: int, t: Reals, drivers: Reals) -> None:
    """Write cosine and sine of the year for some days into two drivers."""
    for at in range(len(t)):
        day = (newest + int(t[at])) % CYCLE_D
        drivers[0, at], drivers[1, at] = _WAVE[day, 0], _WAVE[day, 1]


@njit(cache=True, nogil=True, error_model="numpy")
def jump(t: Reals, y: Reals, rate: float, side: int) -> float:
    """How far the last `side` days lie from as many before them, beyond the trend's own share.

    Median less median, less `rate` times the time between the median days. It is 0 unless these
    days part in their middle: so a step is told once, and growth that gathers speed, largest at its
    end, is none. Six part where neighbours differ most; of more days, whose noise has a larger
    difference somewhere, they part where two means leave the least squares.
    """
    n = len(t)
    if n < 2 * side:
        return 0.0
    last = y[n - 2 * side :]
    if _most_apart(last) != side if side == SETTLED else _best_parted(last) != side:
        return 0.0
    before, after = slice(n - 2 * side, n - side), slice(n - side, n)
    moved = np.median(y[after]) - np.median(y[before])
    return float(moved - rate * (np.median(t[after]) - np.median(t[before])))


@njit(cache=True, nogil=True, error_model="numpy")
def _most_apart(y: Reals) -> int:
    """Place of the value that differs most from the one before it; the middle one of equals."""
    found = len(y) // 2
    for i in range(1, len(y)):
        if abs(y[i] - y[i - 1]) > abs(y[found] - y[found - 1]):
            found = i
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def _best_parted(y: Reals) -> int:
    """Place of the value before which two means leave the least squares; the first of equals."""
    n, total, below = len(y), 0.0, 0.0
    for i in range(n):
        total += y[i]
    found, most = 0, 0.0
    for i in range(1, n):
        below += y[i - 1]
        apart = (total - below) / (n - i) - below / i
        explained = apart * apart * i * (n - i)
        if explained > most:
            found, most = i, explained
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def jumps_scatter(t: Reals, y: Reals, side: int) -> float:
    """How far medians of `side` days lie from those of as many before, by themselves.

    Of every `2 side` neighbouring days kept but the last, median less median; their median is taken
    as the trend's share, and 1.4826 times the median distance from it is the scatter, NaN of fewer
    than 30. So weather that hangs together over days counts as the step would feel it.
    """
    n = len(t) - 2 * side
    if n < JUMPS_LEAST:
        return np.nan
    moved = np.empty(n)
    for i in range(n):
        middle = i + side
        moved[i] = np.median(y[middle : middle + side]) - np.median(y[i:middle])
    return float(_MAD * np.median(np.abs(moved - np.median(moved))))


@njit(cache=True, nogil=True, error_model="numpy")
def days_left(t: Reals, y: Reals, least_fit: float) -> float:
    """Days until 1 / velocity reaches 0 by Fukuzono's line, NaN where the line is not sound.

    Rates are differences over 3 days kept, at the middle of their time; the last 10 count. Sound
    means: all of one sign, the last at least 1.5 times the first, and a falling line of 1 / rate by
    least squares that ends after day 0 and explains `least_fit` of the variance (`R^2`).
    """
    n = len(t)
    if n < RATES + _SPAN:
        return np.nan
    x, w = np.empty(RATES), np.empty(RATES)
    for k in range(RATES):
        i = n - RATES + k
        lasted = t[i] - t[i - _SPAN]
        rate = (y[i] - y[i - _SPAN]) / lasted
        x[k] = t[i] - lasted / 2
        w[k] = 1 / rate
        if not rate * (y[n - 1] - y[n - 1 - _SPAN]) > 0:
            return np.nan
    if abs(w[0]) < GAINED * abs(w[RATES - 1]):
        return np.nan
    return float(_root(x, np.abs(w), least_fit))


@njit(cache=True, nogil=True, error_model="numpy")
def _root(x: Reals, w: Reals, least_fit: float) -> float:
    """Where a falling line through points reaches 0, NaN before 0 or with a poor fit."""
    xm = ym = 0.0
    for k in range(len(x)):
        xm += x[k]
        ym += w[k]
    xm, ym = xm / len(x), ym / len(x)
    xx = xy = yy = 0.0
    for k in range(len(x)):
        xx += (x[k] - xm) * (x[k] - xm)
        xy += (x[k] - xm) * (w[k] - ym)
        yy += (w[k] - ym) * (w[k] - ym)
    if xy >= 0 or xy * xy < least_fit * xx * yy:
        return np.nan
    root = xm - ym * xx / xy
    return root if root > 0 else np.nan
