"""Columns of a batch as one array, for kernels that look at several."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def stacked(columns: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Columns as rows of one array; of a single one, no copy.

    >>> stacked([np.zeros(3), np.ones(3)]).shape
    (2, 3)
    """
    return columns[0][None, :] if len(columns) == 1 else np.stack(columns)
