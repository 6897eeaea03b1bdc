"""Volume under the surface of precision and recall: no threshold and no tolerance to choose."""

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]


def vus_pr(truth: NDArray[np.bool_], scores: Reals, widest: int, thresholds: int = 250) -> float:
    """Mean area under precision and recall over buffers of 0 to `widest` rows around events.

    With a buffer of `l` rows an event reaches `l // 2` rows further on both sides, where a row at
    a distance `d` weighs `sqrt(1 - d / l)`; events whose buffers touch are one. At a threshold,
    `TP` is the weight of rows that ring and `N` the rows that ring; the precision is `TP / N`,
    and the recall `min(TP / P', 1)` times the share of events with a row that rings, where `P'` is
    the number of ill rows and half the weight of buffer rows that ring.

    Parameters
    ----------
    truth : bool, shape (n,)
        Whether each row is part of an event; at least one is.
    scores : float64, shape (n,)
        Larger is worse.
    widest : int
        Rows of the widest buffer.
    thresholds : int
        Evenly spaced places among the sorted scores, whose values are the thresholds.

    References
    ----------
    J. Paparrizos et al., Volume under the surface: a new accuracy evaluation measure for
    time-series anomaly detection, PVLDB 15 (11), 2022.
    """
    events = _runs(truth)
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    bounds = ranked[np.linspace(0, len(scores) - 1, thresholds).astype(np.int64)]
    rings = np.searchsorted(-ranked, -bounds, side="right")  # rows at or above each threshold
    areas = []
    for width in range(widest + 1):
        weights = _weights(truth, events, width)
        told = np.concatenate([[0.0], np.cumsum(weights[order])])[rings]
        buffered = np.concatenate([[0.0], np.cumsum(np.where(truth, 0.0, weights)[order])])[rings]
        worst = np.array([scores[a : b + 1].max() for a, b in _reaches(events, width, len(truth))])
        found = np.mean(worst[:, None] >= bounds, axis=0)
        recall = np.minimum(told / (truth.sum() + buffered / 2), 1.0) * found
        areas.append(float(np.dot(np.diff(recall, prepend=0.0), told / rings)))
    return float(np.mean(areas))


def _runs(truth: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last row of each event."""
    edges = np.flatnonzero(np.diff(truth.astype(np.int8), prepend=0, append=0))
    return [(int(a), int(b) - 1) for a, b in edges.reshape(-1, 2)]


def _weights(truth: NDArray[np.bool_], events: list[tuple[int, int]], width: int) -> Reals:
    """1 in events, less around them; buffers add up, to 1 at most."""
    weights = truth.astype(np.float64)
    for first, last in events:
        for distance in range(1, width // 2 + 1):
            for row in (first - distance, last + distance):
                if 0 <= row < len(truth):
                    weights[row] += np.sqrt(1.0 - distance / width)
    return np.minimum(weights, 1.0)


def _reaches(events: list[tuple[int, int]], width: int, rows: int) -> list[tuple[int, int]]:
    """Rows from which each event counts as found; those that touch are one."""
    half = width // 2
    found: list[tuple[int, int]] = []
    for first, last in events:
        reach = (max(first - half, 0), min(last + half, rows - 1))
        if found and reach[0] <= found[-1][1]:
            found[-1] = (found[-1][0], reach[1])
        else:
            found.append(reach)
    return found
