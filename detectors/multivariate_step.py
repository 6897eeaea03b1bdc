"""One reading after the other for groups of channels: hear, judge, ring, learn."""

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Destiny
from detectors.principal import judge
from detectors.ringing import Levels, may_learn, ring, severity

_SCORED: Final = int(Destiny.SCORED)


@njit(cache=True, nogil=True, error_model="numpy")
def _row(circle: Any, place: int, time_ns: int, p: Any, x: NDArray[np.float64]) -> bool:
    """What the channels of a place said last; whether all did, and in time."""
    _, seats_of, said, said_at = circle
    for i in range(len(x)):
        seat = seats_of[place, i]
        x[i] = said[p.source, seat]
        if np.isnan(x[i]) or abs(time_ns - said_at[p.source, seat]) > p.sync_ns:
            return False
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def _judged(state: Any, place: int, x: NDArray[np.float64], shown: Any) -> float:
    """Score of a row; `shown` becomes value and expected value of the channel that adds most."""
    counts, _, mean, scale, parts, variance, limits = state
    n = len(x)
    model = (
        counts[place, 1],
        mean[place, :n],
        scale[place, :n],
        parts[place],
        variance[place],
        limits[place],
    )
    out = np.empty((2, n))
    t2, spe, most = judge(x, model, out)
    shown[0], shown[1] = x[most], out[0, most]
    return float(max(t2, spe))


@njit(cache=True, nogil=True, error_model="numpy")
def _learn(state: Any, place: int, x: NDArray[np.float64], p: Any) -> bool:
    """Keep a clean row; whether a new model is due."""
    counts, clean = state[0], state[1]
    clean[place, counts[place, 0] % p.train, : len(x)] = x
    counts[place, 0] += 1
    more = counts[place, 0] - p.train
    return bool(more >= 0 and more % p.retrain == 0)


@njit(cache=True, nogil=True, error_model="numpy")
def _hear(circle: Any, seat: int, said: NDArray[np.float64], time_ns: int) -> None:
    """Keep what a channel said, by column."""
    for source in range(len(said)):
        if not np.isnan(said[source]):
            circle[2][source, seat] = said[source]
            circle[3][source, seat] = time_ns


@njit(cache=True, nogil=True, error_model="numpy")
def _judge_and_ring(
    levels: Levels, reading: tuple[int, int, int, int], tables: Any, x: Any, note: Any
) -> tuple[int, int]:
    """Judge a row and advance the level; colour breached, and how many notes were written."""
    state, p = tables
    if state[0][reading[2], 1] == 0:
        return 0, 0
    shown = np.empty(2)
    score = _judged(state, reading[2], x, shown)
    seen = severity(score, p.bounds, p.back)
    if not ring(levels, reading, seen, (p.on_ns, p.off_ns), note):
        return seen[0], 0
    note.observed, note.expected = shown[0], shown[1]
    note.low, note.high, note.score = np.nan, np.nan, score
    return seen[0], 1


@njit(cache=True, nogil=True, error_model="numpy")
def advance(
    levels: Levels, rows: Any, columns: Any, span: tuple[int, int], notes: NDArray[np.void]
) -> tuple[int, int, int]:
    """Walk over readings, in order, as far as notes and models go.

    Parameters
    ----------
    rows : tuple
        Place of each lane row or -1; parameters, by place and in all; channels by place; what a
        `Circle` gives; counts, clean rows, and the model by place.
    columns : (row, time_ns, values by source, destiny)

    Returns
    -------
    (int, int, int)
        Reading to go on with, notes written, and the place that is due for a model, or -1.
    """
    place_of, params_of, params, width_of, circle, state = rows
    row_of, time_of, values, destiny = columns
    told = 0
    for i in range(span[0], span[1]):
        if told == len(notes):
            return i, told, -1
        row, time_ns = row_of[i], time_of[i]
        if destiny[i] != _SCORED or circle[0][row] < 0:
            continue
        _hear(circle, circle[0][row], values[:, i], time_ns)
        place = place_of[row]
        if place < 0:
            continue
        p, x = params[params_of[place]], np.empty(width_of[place])
        if np.isnan(values[p.source, i]) or not _row(circle, place, time_ns, p, x):
            continue
        reading = (i, row, place, time_ns)
        breached, more = _judge_and_ring(levels, reading, (state, p), x, notes[told])
        told += more
        learns = may_learn(levels, place, breached, time_ns, p.relearn_ns)
        if learns and _learn(state, place, x, p):
            return i + 1, told, place
    return span[1], told, -1
