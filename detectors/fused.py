"""Limits and unusual values in one pass over one row per channel: the hot loop."""

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Destiny
from contracts.transition import NEVER
from detectors import rows as word
from detectors.days import DAY_NS, kind_of_day
from detectors.level import advance_level
from detectors.parameters import LIMIT_SLOT, SLOTS
from detectors.prefetch import AHEAD, prefetch

_SCORED: Final = int(Destiny.SCORED)

# A row or a parameter set inside a kernel: numba's view of one record.
Record = Any
State = tuple[NDArray[np.void], NDArray[np.int64], NDArray[np.uint8]]
Tables = tuple[NDArray[np.void], NDArray[np.int64], NDArray[np.int64]]


@njit(cache=True, nogil=True, error_model="numpy")
def _side(p: Record, value: float, back: float) -> int:
    """Worst colour whose threshold, moved `back` inwards, the value lies beyond."""
    worst = 0
    for colour in range(4):
        if value < p.low[colour] + back or value > p.high[colour] - back:
            worst = colour + 1
    return worst


@njit(cache=True, nogil=True, error_model="numpy")
def _score(mine: Record, p: Record, value: float) -> Any:
    """Distance from the mean in standard deviations, NaN in warm-up or without the rule."""
    if p.warm_up <= 0 or mine.learned < p.warm_up:
        return np.nan
    return (value - mine.mean) / max(np.sqrt(mine.variance), p.floor)


@njit(cache=True, nogil=True, error_model="numpy")
def _surely_inside(mine: Record, p: Record, value: float) -> Any:
    """Whether the score, were it computed, would lie inside the band or be NaN.

    In squares: no root and no quotient, which cost more than all else a calm reading needs. The
    square of the band is rounded inwards by far more than all rounding here amounts to; what
    lies between, and what overflows, is computed in full.
    """
    off = value - mine.mean
    return off * off < p.calm_square * max(mine.variance, p.floor_square)


@njit(cache=True, nogil=True, error_model="numpy")
def _glance(mine: Record, p: Record, value: float, scored: bool) -> Any:
    """Whether nothing rings, is waited for or is breached, and the score where it matters."""
    calm = (mine.limit_level | mine.unusual_level | mine.pending) == 0 and not (
        value < p.calm_low or value > p.calm_high
    )
    score = np.nan
    if scored or not (calm and _surely_inside(mine, p, value)):
        score = _score(mine, p, value)
        calm = calm and not abs(score) > p.band
    return calm, score


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
    mine.learned += 1


@njit(cache=True, nogil=True, error_model="numpy")
def _gate_opens(mine: Record, calm: bool, time_ns: int, relearn_ns: int) -> Any:
    """Whether this value may be learned; keeps the time since when it may not."""
    if calm:
        mine.gate_since = NEVER
        return True
    if mine.gate_since == NEVER:
        mine.gate_since = time_ns
    return time_ns - mine.gate_since >= relearn_ns


@njit(cache=True, nogil=True, error_model="numpy")
def _tell(
    note: Record, slot: int, levels: tuple[int, int], onset_ns: int, figures: tuple[float, ...]
) -> None:
    """Write one level change; `ordinal`, `row` and `time_ns` are the caller's."""
    value, mean, half, score = figures
    note.rule = slot
    note.was, note.now = levels
    note.onset_ns = note.time_ns if onset_ns == NEVER else onset_ns
    note.observed = value
    note.expected = mean
    note.low = mean - half
    note.high = mean + half
    note.score = score


@njit(cache=True, nogil=True, error_model="numpy")
def _ring(
    state: State,
    p: Record,
    reading: tuple[int, int, int, float, float],
    notes: NDArray[np.void],
    told: int,
) -> tuple[int, bool]:
    """Advance both levels by one reading; how many notes there are then, and whether all is calm.

    `reading` is (place in the batch, row, time in ns, value, score).
    """
    rows, words, octets = state
    place, row, time_ns, value, score = reading
    mine = rows[row]
    mean, half = np.nan, np.nan
    strange, near = 0, 0
    if p.warm_up > 0 and mine.learned >= p.warm_up:
        mean = mine.mean
        half = p.band * max(np.sqrt(mine.variance), p.floor)
        strange = p.top if abs(score) > p.band else 0
        near = p.top if abs(score) > p.band_back else strange
    beyond = _side(p, value, 0.0)
    held = max(beyond, _side(p, value, p.back))
    rung = 0
    for slot in range(SLOTS):
        since, at = word.SINCE + slot * word.SINCE_STEP, word.LEVEL + slot * word.LEVEL_STEP
        seen = (beyond, held, time_ns) if slot == LIMIT_SLOT else (strange, near, time_ns)
        was = np.int64(octets[row, at])
        delays = (p.on_ns[slot], p.off_ns[slot])
        now = advance_level(words[row], octets[row], (since, at), seen, delays)
        if now != was:
            note = notes[told]
            note.ordinal, note.row, note.time_ns = place, row, time_ns
            _tell(note, slot, (was, now), words[row, since], (value, mean, half, score))
            told += 1
        rung += now
    mine.pending = _waits(words[row])
    return told, rung + beyond + strange == 0


@njit(cache=True, nogil=True, error_model="numpy")
def _waits(words: NDArray[np.int64]) -> bool:
    """Whether any colour of any rule is waited for, or left."""
    return bool(np.any(words[word.SINCE :] != NEVER))


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
    notes: NDArray[np.void],
    scores: NDArray[np.float64],
) -> tuple[int, int]:
    """Score readings `first` to `last`, in order, each against the state before it.

    Nearly all readings are calm: nothing rings on their channel, nothing is waited for, and they
    breach nothing. Their levels and delays stay as they are, and half a row is all they touch.

    Parameters
    ----------
    state : (ROW (rows,), int64 (rows, 16), uint8 (rows, 128))
        Three views of the same rows.
    table : (PARAMS, int64, int64)
        As `detectors.parameters.table` makes it.
    columns : (row, time_ns, value, destiny)
        Only readings whose destiny is SCORED are looked at.
    notes : TRANSITION (m,)
        Room for level changes, m >= 2.
    scores : float64 (n,) or (0,)
        Filled with z (NaN in warm-up and for what is not scored) when it has room.

    Returns
    -------
    (int, int)
        Reading to go on with (`last` when done; smaller when `notes` is full) and notes written.
    """
    rows, params = state[0], table[0]
    row_of, time_of, value_of, destiny = columns
    scored = len(scores) > 0
    told = 0
    for i in range(first, last):
        if told + SLOTS > len(notes):
            return i, told
        # Written out: a function that takes arrays costs two atomic counts of references a reading.
        at = np.uint64(i)  # unsigned: no test for places that count from the end
        soon = row_of[np.uint64(min(i + AHEAD, last - 1))]
        prefetch(rows, np.int64(max(soon, 0)))
        if destiny[at] != _SCORED:
            continue
        row, time_ns, value = row_of[at], time_of[at], value_of[at]
        mine = rows[np.uint32(row)]
        p = params[np.uint64(mine.rules)]
        if p.days > 0:
            p = params[_of_day(table, p, time_ns)]
        calm, score = _glance(mine, p, value, scored)
        if scored:
            scores[at] = score
        if not calm:
            told, calm = _ring(state, p, (i, np.int64(row), time_ns, value, score), notes, told)
        if p.warm_up > 0 and _gate_opens(mine, calm, time_ns, p.relearn_ns):
            _learn(mine, value, p.smoothing)
    return last, told
