"""Half-space trees as flat arrays: built once from a seed, one shape for all channels of a class.

Nodes lie as in a heap: the root is 0, the children of node `i` are `2 i + 1` and `2 i + 2`.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from contracts.seeded import Generator

PADDING: Final = 0.15  # share of a half on either side in which it is never cut
_TWO: Final = np.uint64(2)
_LEAST: Final = 0.1  # share of the window below which a node is not looked into

Span = tuple[float, float]
Masses = NDArray[np.uint16]


def build(
    chance: Generator, limits: Sequence[Span], trees: int, height: int
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Feature and threshold of every branch, both shape (trees, 2^height - 1).

    Every branch draws a feature, weighted by the width that is left of it, and then cuts it
    anywhere but in the outer 15 %. Drawn in the order of `river.anomaly.HalfSpaceTrees` 0.26, the
    trees of a seed are the same.
    """
    features = np.zeros((trees, 2**height - 1), np.int32)
    thresholds = np.zeros((trees, 2**height - 1))
    for tree in range(trees):
        _grow(0, list(limits), chance, (features[tree], thresholds[tree]))
    return features, thresholds


def _grow(node: int, limits: list[Span], chance: Generator, tree: Any) -> None:
    """Grow a branch and all below it, the lower half first."""
    features, thresholds = tree
    if node >= len(features):
        return
    up_to = list(accumulate(high - low for low, high in limits))
    on = bisect_right(up_to, chance.random() * up_to[-1], 0, len(limits) - 1)
    low, high = limits[on]
    first, last = low + PADDING * (high - low), high - PADDING * (high - low)
    cut = first + (last - first) * chance.random()
    features[node], thresholds[node] = on, cut
    for child, half in ((1, (low, cut)), (2, (cut, high))):
        _grow(2 * node + child, [*limits[:on], half, *limits[on + 1 :]], chance, tree)


@njit(cache=True, nogil=True, error_model="numpy")
def isolation(trees: Any, shape: tuple[int, int, int], masses: Masses, x: Any) -> float:
    """Score of a row: 1 less the mass around it, as a share of the largest there could be.

    In every tree the masses along the row's path are added, each times `2^depth`, down to the
    first that is less than a tenth of the window.

    Parameters
    ----------
    trees : (features, thresholds)
    shape : (int, int, int)
        Trees, height, window.
    masses : uint16, shape (trees, nodes)
        Rows of the last whole window by node.
    """
    features, thresholds = trees
    count, height, window = shape
    total = 0.0
    least = _LEAST * window
    for tree in range(np.uint64(count)):  # unsigned: no test for places that count from the end
        node, power = np.uint64(0), 1.0
        for depth in range(height + 1):
            mass = float(masses[tree, node])
            total += mass * power
            if depth == height or mass < least:
                break
            below = x[np.uint64(features[tree, node])] < thresholds[tree, node]
            node = _TWO * node + _TWO - np.uint64(below)
            power *= 2.0
    return 1.0 - total / float(count * window * (2 ** (height + 1) - 1))


@njit(cache=True, nogil=True, error_model="numpy")
def count_row(trees: Any, shape: tuple[int, int, int], masses: Masses, x: Any) -> None:
    """Count a row at every node of its path."""
    features, thresholds = trees
    for tree in range(np.uint64(shape[0])):
        node = np.uint64(0)
        for _ in range(shape[1]):
            masses[tree, node] += np.uint16(1)
            below = x[np.uint64(features[tree, node])] < thresholds[tree, node]
            node = _TWO * node + _TWO - np.uint64(below)
        masses[tree, node] += np.uint16(1)
