"""One reading after the other for half-space trees: gather, judge, ring, count."""

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Destiny
from detectors.half_space_trees import count_row, isolation
from detectors.ringing import Levels, calm_so_far, figures, may_learn, ring, severity
from detectors.usual import learn, usual

COLUMN: Final = 0
CHANGE: Final = 1
COMPANION: Final = 2
_SCORED: Final = int(Destiny.SCORED)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _row(reading: tuple[int, int, int], mine: Any, p: Any, tables: Any, x: Any) -> bool:
    """Features of a reading; whether all are known. `mine.last` is still the reading before."""
    i, place, time_ns = reading
    _, kind_of, at_of, columns, (_, seats_of, said, said_at) = tables
    for k in range(p.features):
        kind, at = kind_of[p.number, k], at_of[p.number, k]
        if kind == COLUMN:
            x[k] = columns[at, i]
        elif kind == CHANGE:
            x[k] = columns[0, i] - mine.last
        else:
            seat = seats_of[place, at]
            known = seat >= 0 and abs(time_ns - said_at[max(seat, 0)]) <= p.sync_ns
            x[k] = said[seat] if known else np.nan
        if np.isnan(x[k]):
            return False
    return True


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _count(mine: Any, trees: Any, shape: tuple[int, int, int], masses: Any, x: Any) -> None:
    """Count a row; a window that is full becomes the one that judges."""
    count_row(trees, shape, masses[1 - mine.turn], x)
    mine.rows += 1
    if mine.rows == shape[2]:
        mine.rows, mine.turn, mine.ready = 0, 1 - mine.turn, 1
        masses[1 - mine.turn] = 0


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _judge(
    levels: Levels,
    reading: tuple[int, int, int, int],
    pair: Any,
    judged: tuple[float, float],
    note: Any,
) -> tuple[int, int]:
    """Ring by a score; colour breached, and how many notes were written."""
    mine, p = pair
    value, score = judged
    if np.isnan(score) or mine.learned < p.warm_up:
        return 0, 0
    seen = severity(score - max(p.above, usual(mine, p)), p.bounds, p.back)
    if not ring(levels, reading, seen, (p.on_ns, p.off_ns), note):
        return seen[0], 0
    figures(note, value, np.nan, np.nan, score)
    return seen[0], 1


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _hear(company: Any, row: int, value: float, time_ns: int) -> None:
    """Keep what a companion said."""
    seat = company[0][row]
    if seat >= 0:
        company[2][seat] = value
        company[3][seat] = time_ns


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _see(
    levels: Levels, reading: tuple[int, int, int, int], pair: Any, room: Any, note: Any
) -> int:
    """Judge and learn a row; how many notes were written."""
    mine, p = pair
    trees, masses, x, value = room
    shape, time_ns = (p.trees, p.height, p.window), reading[3]
    score = isolation(trees, shape, masses[mine.turn], x) if mine.ready else np.nan
    breached, told = _judge(levels, reading, pair, (value, score), note)
    first = calm_so_far(levels, reading[2])
    learns = may_learn(levels, reading[2], breached, time_ns, p.relearn_ns)
    if learns:
        _count(mine, trees, shape, masses, x)
    if (learns or first) and not np.isnan(score):
        learn(mine, p, score)
    return int(told)


@njit(cache=True, nogil=True, error_model="numpy")
def advance(
    levels: Levels, rows: Any, columns: Any, span: tuple[int, int], notes: NDArray[np.void]
) -> tuple[int, int]:
    """Walk over readings, in order: the kernel of a `RowRule`.

    `rows` goes on with the masses by place, and the tables: features and thresholds of the trees
    by class, kind of each feature and its place by class, columns by name, and a `Company`.
    """
    place_of, params_of, state, params, masses, tables = rows
    row_of, time_of, value_of, destiny = columns
    told = 0
    x = np.empty(tables[1].shape[1])  # room for the features of any class
    for i in range(span[0], span[1]):
        if told == len(notes):
            return i, told
        if destiny[i] != _SCORED or np.isnan(value_of[i]):
            continue
        row, value, time_ns = row_of[i], value_of[i], time_of[i]
        _hear(tables[4], row, value, time_ns)
        place = place_of[row]
        if place < 0:
            continue
        mine, p = state[place], params[params_of[place]]
        whole = _row((i, place, time_ns), mine, p, tables, x)
        mine.last = value
        if whole:
            trees = (tables[0][0][p.number], tables[0][1][p.number])
            room = (trees, masses[place], x, value)
            told += _see(levels, (i, row, place, time_ns), (mine, p), room, notes[told])
    return span[1], told
