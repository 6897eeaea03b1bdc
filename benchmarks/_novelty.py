"""Causal scores of one series, tried on NAB: how new a value is, and simpler rules beside."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Scores = NDArray[np.float64]


@njit(cache=True, nogil=True, error_model="numpy")
def novelty(values: Scores) -> Scores:
    """Distance to the nearest value heard before, as a share of the range heard before."""
    scores = np.zeros(len(values))
    low = high = values[0]
    for i in range(1, len(values)):
        nearest = np.inf
        for j in range(i):
            nearest = min(nearest, abs(values[i] - values[j]))
        if high > low:
            scores[i] = nearest / (high - low)
        low, high = min(low, values[i]), max(high, values[i])
    return scores


@njit(cache=True, nogil=True, error_model="numpy")
def held(scores: Scores, rows: int) -> Scores:
    """Scores with 0 wherever one of the last `rows` was as high: one trouble rings once."""
    kept = np.zeros(len(scores))
    for i in range(len(scores)):
        before = 0.0
        for j in range(max(0, i - rows), i):
            before = max(before, scores[j])
        if scores[i] > before:
            kept[i] = scores[i]
    return kept


def outside(values: Scores) -> Scores:
    """NAB's range rule: 1 where the value leaves the range heard before by 5 % of it."""
    low, high = np.minimum.accumulate(values)[:-1], np.maximum.accumulate(values)[:-1]
    slack = 0.05 * (high - low)
    rings = (values[1:] > high + slack) | (values[1:] < low - slack)
    return np.concatenate([[0.0], rings.astype(np.float64)])


def chance(values: Scores) -> Scores:
    """A seeded draw for each row, which knows nothing."""
    return np.random.default_rng(11).random(len(values))
