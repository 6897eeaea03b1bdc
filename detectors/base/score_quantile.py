"""How large a score usually is: a quantile by buckets, of constant size.

`mine` is a record with `learned` (scores ever), `weight` (of those that still count) and `weights`
(by bucket, `BUCKETS` of float32, in which halves are exact); `p` one with `share` (beyond the
quantile), `width` (of a bucket) and `memory` (scores after which old ones fade).
"""

from typing import Any, Final

import numpy as np
from numba import njit

BUCKETS: Final = 512


@njit(cache=True, nogil=True, error_model="numpy")
def usual(mine: Any, p: Any) -> float:
    """Score that no more than `p.share` of the learned weight exceeds: a bucket's upper edge."""
    tail, bucket = 0.0, BUCKETS
    while bucket > 0:
        bucket -= 1
        tail += mine.weights[bucket]
        if tail > p.share * mine.weight:
            break
    edge: float = float(bucket + 1) * p.width
    return edge


@njit(cache=True, nogil=True, error_model="numpy")
def learn(mine: Any, p: Any, score: float) -> None:
    """Take a score into what is usual; old ones fade by halves."""
    mine.weights[min(int(score / p.width), BUCKETS - 1)] += np.float32(1.0)
    mine.weight += 1.0
    mine.learned += 1
    if mine.weight >= 2 * p.memory:
        mine.weight = 0.0
        for bucket in range(BUCKETS):
            mine.weights[bucket] *= np.float32(0.5)
            mine.weight += mine.weights[bucket]
