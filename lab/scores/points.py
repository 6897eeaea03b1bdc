"""Scores of detections row by row and attack by attack, as SKAB and BATADAL keep them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Pointwise:
    """Figures over pooled rows; alarm rates in percent, as SKAB prints them."""

    f1: float
    far_percent: float
    mar_percent: float


def pointwise(truth: NDArray[np.bool_], rings: NDArray[np.bool_]) -> Pointwise:
    """SKAB's outlier figures: F1, share of calm rows that ring, share of ill rows that do not.

    >>> pointwise(np.array([0, 0, 1, 1], bool), np.array([0, 1, 1, 0], bool))
    Pointwise(f1=0.5, far_percent=50.0, mar_percent=50.0)
    """
    hit, false = int((truth & rings).sum()), int((~truth & rings).sum())
    missed, calm = int((truth & ~rings).sum()), int((~truth & ~rings).sum())
    return Pointwise(
        f1=_share(2.0 * hit, 2.0 * hit + false + missed),
        far_percent=100.0 * _share(false, false + calm),
        mar_percent=100.0 * _share(missed, hit + missed),
    )


@dataclass(frozen=True)
class Batadal:
    """The battle's score and its halves: how soon attacks are told, and how well hours."""

    score: float
    soon: float
    sorted_well: float


def batadal(rings: NDArray[np.bool_], attacks: Sequence[tuple[int, int]]) -> Batadal:
    """S of the Battle of the Attack Detection Algorithms, attacks as (first, last) row.

    S = S_TTD / 2 + S_CLF / 2, where S_TTD = 1 - mean(time to detection / duration), an attack
    not told in its time counting its whole duration, and S_CLF = (TPR + TNR) / 2.

    References
    ----------
    R. Taormina et al., Battle of the attack detection algorithms, JWRPM 144 (8), 2018.
    """
    truth, late = np.zeros(len(rings), np.bool_), []
    for first, last in attacks:
        truth[first : last + 1] = True
        inside = np.flatnonzero(rings[first : last + 1])
        late.append(inside[0] / (last - first + 1) if len(inside) else 1.0)
    found = pointwise(truth, rings)
    soon = 1.0 - float(np.mean(late))
    sorted_well = 1.0 - (found.far_percent + found.mar_percent) / 200.0
    return Batadal((soon + sorted_well) / 2.0, soon, sorted_well)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
