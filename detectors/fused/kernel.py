"""Limits, unusual and frozen values in one pass over one row per channel: the hot loop."""

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Disposition
from detectors.base.days import DAY_NS, kind_of_day
from detectors.base.prefetch import AHEAD, prefetch
from detectors.change.shift import CLIP
from detectors.fused.levels import Record, State, advance_levels
from detectors.fused.parameters import SLOTS
from detectors.fused.row_layout import LEARNED_MOST, RUN_MOST

_SCORED: Final = int(Disposition.SCORED)

Tables = tuple[NDArray[np.void], NDArray[np.int64], NDArray[np.int64]]


@njit(cache=True, nogil=True, error_model="numpy")
def _score(mine: Record, p: Record, value: float) -> Any:
    """Distance from the mean in standard deviations."""
    return (value - mine.mean) / max(np.sqrt(mine.variance), p.floor)


@njit(cache=True, nogil=True, error_model="numpy")
def _surely_inside(mine: Record, p: Record, value: float) -> Any:
    """Whether the score, were it computed, would lie inside the band.

    In squares: no root and no quotient, which cost more than all else a calm reading needs. The
    square of the band is rounded inwards by far more than all rounding here amounts to; what
    lies between, and what overflows, is computed in full.
    """
    off = value - mine.mean
    return off * off < p.calm_square * max(mine.variance, p.floor_square)


@njit(cache=True, nogil=True, error_model="numpy")
def _sum_up(mine: Record, p: Record, score: float) -> Any:
    """Add a score to both sums; the one that rings, below 0 for the lower, or 0."""
    z = min(max(score, -CLIP), CLIP)
    up = mine.up + z - p.k
    down = mine.down - z - p.k
    mine.up = up if up > 0.0 else 0.0
    mine.down = down if down > 0.0 else 0.0
    if not (up > p.h or down > p.h):
        return 0.0
    mine.up = 0.0
    mine.down = 0.0
    return up if up >= down else -down


@njit(cache=True, nogil=True, error_model="numpy")
def _judge(mine: Record, p: Record, value: float, scored: bool) -> Any:
    """Score, NaN where nobody needs it or in warm-up, and the sum that rings."""
    if mine.learned < p.warm_up:
        return np.nan, 0.0
    if p.h > 0.0:
        score = _score(mine, p, value)
        return score, _sum_up(mine, p, score)
    if scored or not _surely_inside(mine, p, value):
        return _score(mine, p, value), 0.0
    return np.nan, 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _stands(mine: Record, p: Record, value: float, time_ns: int) -> Any:
    """Lengthen the run, or begin another; whether it has stood for too long."""
    if not abs(value - mine.first) <= p.resolution:  # NaN before the first
        mine.first = value
        mine.run = 1
        mine.run_since = time_ns
        return False
    mine.run = min(np.int64(mine.run) + 1, RUN_MOST)
    long = mine.run >= p.least and time_ns - mine.run_since >= p.after_ns
    return long and not abs(mine.first - p.rest) <= p.resolution


@njit(cache=True, nogil=True, error_model="numpy")
def _learn(mine: Record, value: float, a: float) -> None:
    """Move mean and variance towards the value; the first value is the mean."""
    if mine.learned == 0:
        mine.mean = value
        mine.variance = 0.0
    else:
        off = value - mine.mean
        mine.mean += a * off
        mine.variance = (1.0 - a) * (mine.variance + a * off * off)
    mine.learned = min(np.int64(mine.learned) + 1, LEARNED_MOST)


@njit(cache=True, nogil=True, error_model="numpy")
def _of_day(table: Tables, p: Record, time_ns: int) -> Any:
    """Place of the figures that govern on the civil day of a time."""
    _, days, kinds = table
    day = (time_ns + p.offset_ns) // DAY_NS
    return np.uint64(p.days + kind_of_day(day, days, kinds, p.first, p.last))


@njit(cache=True, nogil=True, error_model="numpy")
def score_readings(  # noqa: PLR0913, PLR0917 - a kernel takes columns
    state: State,
    table: Tables,
    columns: tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64], NDArray[np.uint8]],
    first: int,
    last: int,
    transitions: NDArray[np.void],
    scores: NDArray[np.float64],
) -> tuple[int, int]:
    """Score readings `first` to `last`, in order, each against the state before it.

    Nearly all readings are calm: nothing rings on their channel, nothing is waited for, and they
    breach nothing. Their levels and delays stay as they are, and half a row is all they touch.

    Parameters
    ----------
    state : (ROW (rows,), WAIT (rows,), int64 (rows, 8), uint8 (rows, 64))
        Both halves of the rows, the second one as words, the first one as bytes.
    table : (PARAMS, int64, int64)
        As `detectors.fused.parameters.table` makes it.
    columns : (row, time_ns, value, disposition)
        Only readings whose disposition is SCORED are looked at.
    transitions : TRANSITION (m,)
        Room for level changes, m >= 3.
    scores : float64 (n,) or (0,)
        Filled with z (NaN in warm-up and for what is not scored) when it has room.

    Returns
    -------
    (int, int)
        Reading to go on with (`last` when done; smaller when `transitions` is full), and how
        many transitions were written.
    """
    rows, params = state[0], table[0]
    row_of, time_of, value_of, disposition = columns
    scored = len(scores) > 0
    told = 0
    for i in range(first, last):
        if told + SLOTS > len(transitions):
            return i, told
        # Written out: a function that takes arrays costs two atomic counts of references a reading.
        at = np.uint64(i)  # unsigned: no test for places that count from the end
        soon = row_of[np.uint64(min(i + AHEAD, last - 1))]
        prefetch(rows, np.int64(max(soon, 0)))
        if disposition[at] != _SCORED:
            continue
        row, time_ns, value = row_of[at], time_of[at], value_of[at]
        mine = rows[np.uint32(row)]
        p = params[np.uint64(mine.rules)]
        if p.days > 0:
            p = params[_of_day(table, p, time_ns)]
        score, total = _judge(mine, p, value, scored)
        if scored:
            scores[at] = score
        stands = p.after_ns > 0 and _stands(mine, p, value, time_ns)
        learns = p.smoothing > 0.0
        inside = not (value < p.calm_low or value > p.calm_high or abs(score) > p.band)
        if mine.busy != 0 or stands or total != 0.0 or not inside:
            seen = (i, np.int64(row), time_ns, value, total, stands)
            told, opens = advance_levels(state, p, seen, transitions, told)
            learns = learns and opens
        if learns:
            _learn(mine, value, p.smoothing)
    return last, told
