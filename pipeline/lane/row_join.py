"""Which row a channel had before."""

import numpy as np
from numpy.typing import NDArray


def join_rows(old: NDArray[np.uint64], new: NDArray[np.uint64]) -> NDArray[np.int64]:
    """For each new row, the old row with the same id hash, or -1; shape (len(new),).

    >>> join_rows(np.array([7, 9], np.uint64), np.array([9, 8], np.uint64)).tolist()
    [1, -1]
    """
    if np.array_equal(old, new):
        return np.arange(len(new))
    if not len(old):
        return np.full(len(new), -1, np.int64)
    order = np.argsort(old)
    place = np.minimum(np.searchsorted(old[order], new), len(old) - 1)
    found = order[place]
    return np.where(old[found] == new, found, -1).astype(np.int64)
