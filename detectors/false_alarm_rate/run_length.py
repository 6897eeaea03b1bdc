"""How long control charts run until they ring on clean data, and thresholds for a given length.

Pure functions. Data are independent and normal with known mean and deviation; lengths count
readings.
"""

import math
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

OVERSHOOT: Final = 1.166  # twice 0.583, the mean excess of a normal walk over a far boundary
_CELLS: Final = (60, 120)  # of one half of an EWMA's band, beside the middle one
LONGEST: Final = 1e10  # readings; beyond, doubles hardly tell a chance of leaving from none
_HALVINGS: Final = 60
_WIDEST: Final = 40.0  # sigmas; lengths there are beyond any double
_STEEPEST: Final = 5.0


def cusum_length(k: float, h: float) -> float:
    """Mean run length of a one-sided CUSUM that begins at 0.

    `(e^(2 k b) - 2 k b - 1) / (2 k^2)` with `b = h + 1.166`. True runs are as long to 1 % up to
    `k` 0.5, 2 % shorter with 0.75 and 5 to 7 % with 1 (simulated): a small `k` keeps its promise.

    References
    ----------
    D. Siegmund, Sequential Analysis: Tests and Confidence Intervals, 1985, (2.57) and chapter X.

    >>> round(cusum_length(0.5, 5.0))
    938
    """
    reach = 2.0 * k * (h + OVERSHOOT)
    return (math.expm1(reach) - reach) / (2.0 * k * k)


@cache
def cusum_limit(k: float, length: float) -> float:
    """`h` with which a two-sided CUSUM runs `length` readings on the mean, at least 0.

    Rates of both sides add up: one side alone runs twice as long (van Dobben de Bruyn, Cumulative
    Sum Tests, 1968), which is exact when no reading can move both sums above 0 at once far enough
    to matter, as with any `h` worth having.

    >>> round(cusum_limit(0.5, 1.7e6), 1)
    13.2
    """
    low, high = 0.0, _WIDEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        if 2.0 * k * middle < 600.0 and cusum_length(k, middle) < 2.0 * length:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0


def _normal(x: float) -> float:
    """Share of a normal variable below `x`."""
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


@cache
def ewma_length(smoothing: float, band: float) -> float:
    """Mean run length of a two-sided EWMA that begins at 0, with a constant band.

    A Markov chain over cells of the band; each stands for its middle. Cells at the same distance
    from 0 are one state, as the chart is symmetric. With `Q` the chances to go from cell to cell
    inside the band, the lengths solve `(I - Q) l = 1`. The error falls with the square of the
    cells' width, so that two chains tell what cells of no width would.

    Parameters
    ----------
    smoothing : float
        Share of a new value.
    band : float
        Half width, in deviations of the EWMA: `sqrt(smoothing / (2 - smoothing))` of the data's.

    References
    ----------
    D. Brook and D. A. Evans, An approach to the probability distribution of cusum run length,
    Biometrika 59, 1972 (the chain); J. M. Lucas and M. S. Saccucci, Exponentially weighted moving
    average control schemes, Technometrics 32, 1990 (the same for the EWMA).

    >>> round(ewma_length(1.0, 3.0), 1)  # Shewhart's chart
    370.4
    """
    coarse, fine = (_chain_length(smoothing, band, cells) for cells in _CELLS)
    times = (2 * _CELLS[1] + 1) / (2 * _CELLS[0] + 1)
    return fine + (fine - coarse) / (times * times - 1.0)


def _chain_length(smoothing: float, band: float, cells: int) -> float:
    """Mean run length by a chain of `2 cells + 1` cells."""
    half = band * math.sqrt(smoothing / (2.0 - smoothing))
    width = 2.0 * half / (2 * cells + 1)
    edges = np.arange(-cells - 0.5, cells + 1.0) * width
    inside = np.empty((cells + 1, cells + 1))
    for i in range(cells + 1):
        rest = (1.0 - smoothing) * i * width
        below = [_normal(edge) for edge in (edges - rest) / smoothing]
        chances = np.diff(below)
        inside[i] = chances[cells:]
        inside[i, 1:] += chances[:cells][::-1]
    stays = np.eye(cells + 1) - inside
    return float(np.linalg.solve(stays, np.ones(cells + 1))[0])


@cache
def ewma_band(smoothing: float, length: float) -> float:
    """Band with which an EWMA runs `length` readings on the mean.

    >>> 2.81 < ewma_band(0.1, 500.0) < 2.82  # 2.814 in Lucas and Saccucci's table
    True
    """
    low, high = 0.5, 8.0
    for _ in range(20):
        middle = (low + high) / 2.0
        if ewma_length(smoothing, middle) < length:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0


def run_length(per_day: float, channels: int, period_ns: int) -> float:
    """Readings of a channel between two false alarms, when a class may have so many a day.

    `channels * 86400 / (T * F)`: section 0.2 of the domain notes.

    >>> run_length(2.0, 12_000, 300_000_000_000)
    1728000.0
    """
    return channels * 86_400e9 / (period_ns * per_day)


def in_a_row(t: float, free: float, sides: int, n: int) -> float:
    """Share of `n` clean readings in a row all beyond `t` deviations, learned once for all of them.

    Student's distribution for `n` of 1. An exponential memory with the weight `a` of a new reading
    is worth `(2 - a) / a` readings: `free` is one less with a variance, and 0.876 times as many
    with a mean absolute deviation, whose efficiency on normal data that is (P. J. Huber, Robust
    Statistics, 1981, section 1.1). For more in a row it is far above a power of that: a deviation
    that was learned too small is too small for all of them.

    The mean of `(sides Q(t s))^n` with `Q` the normal tail and `s^2` chi-square by its `free`
    degrees of freedom, by the trapezoidal rule over `ln s^2`.

    >>> round(in_a_row(2.0860, 20.0, 2, 1), 4)
    0.05
    """
    learned, weights = _learned(free)
    tails = np.array([sides / 2.0 * math.erfc(t * s / math.sqrt(2.0)) for s in learned])
    return float(weights @ tails**n)


def _learned(free: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Deviations that may have been learned, of a true one of 1, and their weights."""
    spread = math.sqrt(2.0 / free)
    y = np.linspace(-30.0 * spread, 10.0 * spread, 4001)
    logs = free / 2.0 * (y - np.exp(y))
    weights = np.exp(logs - logs.max())
    return np.exp(y / 2.0), weights / weights.sum()


def summed(k: float, h: float, free: float) -> float:
    """Share of clean readings at which a two-sided CUSUM of scores rings, at most.

    As if the mean were known, and the deviation learned once: the mean of `2 / cusum_length` over
    what it may be. A mean that follows its readings makes sums ring less, for scores against it add
    up to no more than it has moved, in `1 / smoothing`.

    >>> 2.0 / cusum_length(0.5, 8.0) < summed(0.5, 8.0, 198.0) < 1.5 * 2.0 / cusum_length(0.5, 8.0)
    True
    """
    learned, weights = _learned(free)
    lengths = [cusum_length(min(k * s, _STEEPEST), min(h * s, _WIDEST)) for s in learned]
    return float(weights @ (2.0 / np.array(lengths)))


def narrowed(t: float, *, squares: bool) -> float:
    """Band of `t` deviations in true ones, when they are learned of what lies inside it alone.

    A deviation learned of less than all is too small, and so the band narrows: `c = t s`, with `s`
    that of normal readings within `c`, as a root of mean squares or as a mean absolute deviation.
    Felt below 4: `t` of 2.7 is 2.6, and what is beyond 2.7 deviations rings a third more often.

    >>> round(narrowed(2.7, squares=True), 2), round(narrowed(5.0, squares=True), 3)
    (2.6, 5.0)
    """
    c = t
    for _ in range(_HALVINGS):
        inside = max(math.erf(c / math.sqrt(2.0)), 1e-9)
        if squares:
            density = math.exp(-c * c / 2.0) / math.sqrt(2.0 * math.pi)
            c = t * math.sqrt(max(1.0 - 2.0 * c * density / inside, 0.0))
        else:
            c = t * (1.0 - math.exp(-c * c / 2.0)) / inside
    return c
