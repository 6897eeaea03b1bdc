"""The nearest neighbour on the left: one step of a left matrix profile, by a plain search."""

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

_STRIDE: Final = 8  # points between two looks at whether a candidate is lost


@njit(cache=True, nogil=True, error_model="numpy")
def normal(window: NDArray[np.float64], floor: float) -> tuple[float, float]:
    """Mean of a window, and the inverse of its believed deviation."""
    n = len(window)
    total = 0.0
    for i in range(n):
        total += window[i]
    mean = total / n
    square = 0.0
    for i in range(n):
        square += (window[i] - mean) * (window[i] - mean)
    return mean, 1.0 / max(np.sqrt(square / n), floor)


@njit(cache=True, nogil=True, error_model="numpy")
def _apart(
    z: NDArray[np.float64], other: NDArray[np.float64], mean: float, scale: float, least: float
) -> float:
    """Squared distance of a normal window to another one, or any number not below `least`."""
    total, n = 0.0, len(z)
    for first in range(0, n, _STRIDE):
        for i in range(first, min(first + _STRIDE, n)):
            off = z[i] - (other[i] - mean) * scale
            total += off * off
        if total >= least:
            return total
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def nearest(mine: Any, window: int, history: int) -> float:
    """Distance of the newest window to its nearest neighbour, NaN where there is none.

    Begins with the successor of the last neighbour, mostly the nearest again, so that nearly all
    others are given up after a few points. The order does not change the smallest distance.
    """
    at = (mine.kept - 1) % history
    begin = (at - window + 1) % history
    z = np.empty(window)
    for i in range(window):
        z[i] = (mine.values[begin + i] - mine.mean[at]) * mine.scale[at]
    least, guess = np.inf, (mine.near + 1) % history
    for step in range(-1, history - 2 * window + 1):
        end = guess if step < 0 else (at - window - step) % history
        back = (at - end) % history
        if back < window or back > history - window or np.isnan(mine.scale[end]):
            continue
        start = (end - window + 1) % history
        other = mine.values[start : start + window]
        square = _apart(z, other, mine.mean[end], mine.scale[end], least)
        if square < least:
            least, mine.near = square, end
    return float(np.sqrt(least)) if least < np.inf else np.nan
