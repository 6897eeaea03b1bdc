"""Levels of the cheap rules, for the few readings on whose channel something rings or waits."""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from contracts.transition import NEVER
from detectors.base.level import advance_by_colour, advance_one
from detectors.fused.parameters import FROZEN_SLOT, LIMIT_SLOT, UNUSUAL_SLOT
from detectors.fused.row_layout import LEVEL_OFFSET, SINCE

# A row or a parameter set inside a kernel: numba's view of one record.
Record = Any
State = tuple[NDArray[np.void], NDArray[np.void], NDArray[np.int64], NDArray[np.uint8]]
# Place in the batch, row, time in ns, value, sum that rings or 0, whether the run is too long.
Seen = tuple[int, int, int, float, float, bool]
Change = tuple[int, int, int, int]  # slot, level before, level after, onset or NEVER


@njit(cache=True, nogil=True, error_model="numpy")
def _side(p: Record, value: float, back: float) -> int:
    """Worst colour whose threshold, moved `back` inwards, the value lies beyond."""
    worst = 0
    for colour in range(4):
        if value < p.low[colour] + back or value > p.high[colour] - back:
            worst = colour + 1
    return worst


@njit(cache=True, nogil=True, error_model="numpy")
def _tell(
    transition: Record, seen: Seen, change: Change, figures: tuple[float, float, float]
) -> int:
    """Write a level change, if it is one; how many transitions that makes.

    Figures: mean, half, score.
    """
    slot, was, now, onset_ns = change
    if now == was:
        return 0
    mean, half, score = figures
    transition.ordinal, transition.row, transition.time_ns = seen[0], seen[1], seen[2]
    transition.rule = slot
    transition.was, transition.now = was, now
    transition.onset_ns = transition.time_ns if onset_ns == NEVER else onset_ns
    transition.observed = seen[3]
    transition.expected = mean
    transition.low = mean - half
    transition.high = mean + half
    transition.score = score
    return 1


@njit(cache=True, nogil=True, error_model="numpy")
def _unusual(mine: Record, wait: Record, p: Record, seen: Seen, score: float) -> Any:
    """Advance `unusual`; its change, and whether the value is beyond the band or fills a sum."""
    _, _, time_ns, _, total, _ = seen
    strange = abs(score) > p.band or total != 0.0
    breached = p.unusual_top if strange else 0
    held = p.unusual_top if strange or abs(score) > p.band_back else 0
    was, since = np.int64(mine.unusual_level), wait.unusual_wait
    on_ns = 0 if total != 0.0 else p.unusual_on_ns  # a sum has waited already
    delays = (on_ns, p.unusual_off_ns)
    wait.unusual_wait, now = advance_one(since, was, (breached, held, time_ns), delays)
    mine.unusual_level = now
    return (UNUSUAL_SLOT, was, now, since if was == 0 else NEVER), strange


@njit(cache=True, nogil=True, error_model="numpy")
def _frozen(mine: Record, wait: Record, p: Record, seen: Seen) -> Any:
    """Advance `frozen`; its change."""
    _, _, time_ns, _, _, stands = seen
    top = p.frozen_top if stands else 0
    was = np.int64(mine.frozen_level)
    delays = (0, p.frozen_off_ns)
    wait.frozen_wait, now = advance_one(wait.frozen_wait, was, (top, top, time_ns), delays)
    mine.frozen_level = now
    onset = mine.run_since if was == 0 else NEVER
    if now < was:
        mine.run_since = time_ns  # no two alarms of one run: both would have its name
    return FROZEN_SLOT, was, now, onset


@njit(cache=True, nogil=True, error_model="numpy")
def _figures(mine: Record, p: Record, value: float) -> Any:
    """Mean, deviation and score, NaN in warm-up or without the rule."""
    if mine.learned < p.warm_up:
        return np.nan, np.nan, np.nan
    sigma = max(np.sqrt(mine.variance), p.floor)
    return mine.mean, sigma, (value - mine.mean) / sigma


@njit(cache=True, nogil=True, error_model="numpy")
def advance_levels(
    state: State, p: Record, seen: Seen, transitions: NDArray[np.void], told: int
) -> tuple[int, bool]:
    """Advance all levels by one reading; how many transitions then, and whether it is learned.

    A level change of `unusual` that a sum makes tells the band of `k` around the mean, outside
    which the value lies then, and the sum as its score.
    """
    rows, waits, words, octets = state
    _, row, time_ns, value, total, stands = seen
    mine, wait = rows[row], waits[row]
    mean, sigma, score = _figures(mine, p, value)
    breached = _side(p, value, 0.0)
    was = np.int64(mine.limit_level)
    if was > 0 or breached > 0 or words[row, SINCE] != NEVER:
        held = max(breached, _side(p, value, p.back))
        reading, delays = (breached, held, time_ns), (p.limit_waits, p.limit_off_ns)
        now = advance_by_colour(words[row], octets[row], (SINCE, LEVEL_OFFSET), reading, delays)
        change = (LIMIT_SLOT, was, now, words[row, SINCE])
        told += _tell(transitions[told], seen, change, (mean, p.band * sigma, score))
    change, strange = _unusual(mine, wait, p, seen, score)
    band, score = (p.k, total) if total != 0.0 and not abs(score) > p.band else (p.band, score)
    told += _tell(transitions[told], seen, change, (mean, band * sigma, score))
    change = _frozen(mine, wait, p, seen)
    told += _tell(transitions[told], seen, change, (np.nan, np.nan, float(mine.run)))
    rings = (mine.limit_level | mine.unusual_level | mine.frozen_level) != 0
    calm = not (rings or breached > 0 or strange or stands)
    if calm or p.smoothing == 0.0:  # nothing is learned: there is no gate
        wait.gate_since = NEVER
    elif wait.gate_since == NEVER:
        wait.gate_since = time_ns
    mine.busy = rings
    for word in range(words.shape[1]):
        mine.busy |= words[row, word] != NEVER
    return told, calm or time_ns - wait.gate_since >= p.relearn_ns
