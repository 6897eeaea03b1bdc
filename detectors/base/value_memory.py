"""What a channel has said before, in cells of constant number: how far a value is from all of it.

`mine` is a record with, for two generations and some views of the channel, `cells` (uint8, shape
(2, views, CELLS / 8), one bit a cell), `base` and `width` (where the first cell begins, and how
wide each is), `low` and `high` (what was heard), and `count` (int64, shape (2,), what was heard of
each view). Cells are as wide as the range asks for: when a value lies beyond them, each takes two
of the old ones in. A generation that is full becomes the former one, and the one before it goes.
"""

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

CELLS: Final = 1024


@njit(cache=True, nogil=True, error_model="numpy")
def _below(cells: NDArray[np.uint8], at: int) -> int:
    """The nearest cell with a bit at or below a place, -1 without."""
    while at >= 0:
        octet = int(cells[at >> 3])
        if octet == 0:
            at = ((at >> 3) << 3) - 1
        elif (octet >> (at & 7)) & 1:
            return at
        else:
            at -= 1
    return -1


@njit(cache=True, nogil=True, error_model="numpy")
def _above(cells: NDArray[np.uint8], at: int) -> int:
    """The nearest cell with a bit at or above a place, CELLS without."""
    while at < CELLS:
        octet = int(cells[at >> 3])
        if octet == 0:
            at = ((at >> 3) + 1) << 3
        elif (octet >> (at & 7)) & 1:
            return at
        else:
            at += 1
    return CELLS


@njit(cache=True, nogil=True, error_model="numpy")
def distance(mine: Any, view: int, value: float) -> float:
    """How far a value is from the nearest cell that anything was heard in; at most a cell short."""
    nearest = np.inf
    for turn in range(2):
        if mine.count[turn] == 0:
            continue
        cells, base, width = mine.cells[turn, view], mine.base[turn, view], mine.width[turn, view]
        at = int(min(max(np.floor((value - base) / width), -1.0), float(CELLS)))
        below, above = _below(cells, min(at, CELLS - 1)), _above(cells, max(at, 0))
        if below == above:
            return 0.0
        if below >= 0:
            nearest = min(nearest, value - (base + (below + 1) * width))
        if above < CELLS:
            nearest = min(nearest, base + above * width - value)
    return max(nearest, 0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def width_heard(mine: Any, view: int) -> float:
    """From the lowest to the highest that was heard of a view, by either generation."""
    low, high = np.inf, -np.inf
    for turn in range(2):
        if mine.count[turn]:
            low, high = min(low, mine.low[turn, view]), max(high, mine.high[turn, view])
    return high - low


@njit(cache=True, nogil=True, error_model="numpy")
def _move(cells: NDArray[np.uint8], at: int, to: int) -> None:
    """Take a bit from one cell into another."""
    if (int(cells[at >> 3]) >> (at & 7)) & 1:
        cells[at >> 3] &= np.uint8(255 - (1 << (at & 7)))
        cells[to >> 3] |= np.uint8(1 << (to & 7))


@njit(cache=True, nogil=True, error_model="numpy")
def _widen(mine: Any, turn: int, view: int, down: bool) -> None:
    """Cells twice as wide: each takes in two, and what becomes free lies below or above."""
    cells, width = mine.cells[turn, view], mine.width[turn, view]
    if down:
        mine.base[turn, view] -= CELLS * width
        for at in range(CELLS - 1, -1, -1):
            _move(cells, at, (at + CELLS) >> 1)
    else:
        for at in range(CELLS):
            _move(cells, at, at >> 1)
    mine.width[turn, view] = 2.0 * width


@njit(cache=True, nogil=True, error_model="numpy")
def hear(mine: Any, turn: int, view: int, value: float, floor: float) -> None:
    """Keep a value of one view; `floor` is half of what the cells span at first."""
    if mine.count[turn] == 0:
        mine.cells[turn, view] = 0
        mine.base[turn, view], mine.width[turn, view] = value - floor, 2.0 * floor / CELLS
        mine.low[turn, view] = mine.high[turn, view] = value
    mine.low[turn, view] = min(mine.low[turn, view], value)
    mine.high[turn, view] = max(mine.high[turn, view], value)
    while value < mine.base[turn, view]:
        _widen(mine, turn, view, True)
    while value >= mine.base[turn, view] + CELLS * mine.width[turn, view]:
        _widen(mine, turn, view, False)
    at = int((value - mine.base[turn, view]) / mine.width[turn, view])
    at = min(at, CELLS - 1)
    mine.cells[turn, view, at >> 3] |= np.uint8(1 << (at & 7))
