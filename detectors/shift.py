"""Small lasting shifts of a column: an EWMA chart and a two-sided CUSUM beside one mean."""

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Destiny
from contracts.transition import Colour
from detectors.kind import Kind
from detectors.ringing import Levels, figures, may_learn, ring
from detectors.row_rule import RowRule
from detectors.shift_words import CLIP, Shift, faults, promise, thresholds

NAME: Final = "shift"
_SCORED: Final = int(Destiny.SCORED)


@njit(cache=True, nogil=True, error_model="numpy")
def _unit(mine: Any, p: Any) -> Any:
    """What one sigma is taken for."""
    return max(np.sqrt(mine.spread / (1.0 - mine.share)), p.floor)


@njit(cache=True, nogil=True, error_model="numpy")
def _standard(mine: Any, p: Any, value: float) -> Any:
    """The value as a standard normal one, clipped."""
    free = 1.0 / mine.share - 1.0
    t = (value - mine.mean) / (_unit(mine, p) * np.sqrt(1.0 + mine.share))
    size = (8.0 * free + 1.0) / (8.0 * free + 3.0) * np.sqrt(free * np.log(1.0 + t * t / free))
    size = min(size, CLIP)
    return size if t >= 0.0 else -size


@njit(cache=True, nogil=True, error_model="numpy")
def _score(mine: Any, p: Any, value: float) -> Any:
    """Advance both charts; the larger in its threshold, with the sign of its way."""
    z = _standard(mine, p, value)
    mine.ewma += p.smoothing * (z - mine.ewma)
    mine.up = max(0.0, mine.up + z - p.k)
    mine.down = max(0.0, mine.down - z - p.k)
    up = max(mine.ewma / p.reach, mine.up / p.h)
    down = max(-mine.ewma / p.reach, mine.down / p.h)
    return up if up >= down else -down


@njit(cache=True, nogil=True, error_model="numpy")
def _learn(mine: Any, p: Any, value: float) -> None:
    """Move mean and deviation towards the value."""
    mine.learned += 1
    if mine.learned == 1:
        mine.mean, mine.spread, mine.share = value, 0.0, 1.0
        return
    off = value - mine.mean
    if mine.learned > p.warm_up:
        most = CLIP * _unit(mine, p)
        off = min(max(off, -most), most)
    gain = 1.0 / min(mine.learned, p.memory)
    mine.mean += gain * off
    mine.spread = (1.0 - gain) * (mine.spread + gain * off * off)
    mine.share = (1.0 - gain) * (1.0 - gain) * mine.share + gain * gain


@njit(cache=True, nogil=True, error_model="numpy")
def _kernel(
    levels: Levels, rows: Any, columns: Any, span: tuple[int, int], notes: NDArray[np.void]
) -> tuple[int, int]:
    place_of, params_of, state, params = rows
    row_of, time_of, value_of, destiny = columns
    told = 0
    for i in range(span[0], span[1]):
        if told == len(notes):
            return i, told
        place = place_of[row_of[i]] if destiny[i] == _SCORED else -1
        value, time_ns = value_of[i], time_of[i]
        if place < 0 or np.isnan(value):
            continue
        mine, p = state[place], params[params_of[place]]
        colour = 0
        if mine.learned >= p.warm_up:
            score = _score(mine, p, value)
            if abs(score) > 1.0:
                colour = p.colour
                mine.ewma, mine.up, mine.down = 0.0, 0.0, 0.0
            reading = (i, row_of[i], place, time_ns)
            if ring(levels, reading, (colour, colour), (p.on_ns, p.off_ns), notes[told]):
                figures(notes[told], value, mine.mean, np.nan, score)
                told += 1
        if may_learn(levels, place, colour, time_ns, p.relearn_ns):
            _learn(mine, p, value)
    return span[1], told


class Shifts(RowRule):
    """Lasting shifts of one lane's channels."""

    NAME = NAME
    STATE = np.dtype(
        [
            ("learned", np.int64),
            ("mean", np.float64),
            ("spread", np.float64),
            ("share", np.float64),  # variance of the mean in that of a reading
            ("ewma", np.float64),
            ("up", np.float64),
            ("down", np.float64),
        ]
    )
    PARAMS = np.dtype(
        [
            *((name, np.int64) for name in ("colour", "warm_up", "memory")),
            *((name, np.float64) for name in ("smoothing", "k", "reach", "h", "floor")),
            *((name, np.int64) for name in ("on_ns", "off_ns", "relearn_ns")),
        ]
    )
    KERNEL = _kernel

    def put(self, figures: Any, rule: Shift, period_ns: int) -> None:
        """Write the figures of one class's rule into its parameter record."""
        band, figures["h"] = thresholds(rule, period_ns)
        figures["reach"] = band * np.sqrt(rule.smoothing / (2.0 - rule.smoothing))
        figures["colour"] = Colour[rule.at_most.upper()]
        figures["k"] = rule.k.count
        for name in ("warm_up", "memory", "smoothing", "floor"):
            figures[name] = getattr(rule, name)
        figures["on_ns"], figures["off_ns"] = rule.on_delay.ns, rule.off_delay.ns
        figures["relearn_ns"] = rule.relearn_after.ns


_FIELDS: Final = frozenset({"observed", "expected", "score"})
SHIFT: Final = Kind(NAME, Shift, Shifts, "D3", _FIELDS, faults, promise=promise)
