"""Limits and unusual values in one pass over one row per channel: the hot loop."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Destiny
from contracts.transition import NEVER, Colour
from detectors import rows as word
from detectors.level import advance_level
from detectors.limit import Limit
from detectors.prefetch import AHEAD, prefetch
from detectors.unusual import Unusual

LIMIT_SLOT: Final = 0
UNUSUAL_SLOT: Final = 1

# One row of real parameters per class.
LOW: Final = 0  # four thresholds, -inf where absent
HIGH: Final = 4  # four thresholds, +inf where absent
BACK: Final = 8  # hysteresis of the limits
SMOOTHING: Final = 9
BAND: Final = 10  # infinite where the class has no such rule
BAND_BACK: Final = 11  # where the value counts as back inside the band
FLOOR: Final = 12
REALS: Final = 13
# One row of whole parameters per class.
LIMIT_ON: Final = 0
LIMIT_OFF: Final = 1
UNUSUAL_ON: Final = 2
UNUSUAL_OFF: Final = 3
RELEARN: Final = 4
WARM_UP: Final = 5
TOP: Final = 6  # colour of an unusual value
WHOLES: Final = 7

_SCORED: Final = int(Destiny.SCORED)


@dataclass(frozen=True, slots=True)
class Rules:
    """The cheap rules of one class; None where it has none."""

    limit: Limit | None
    unusual: Unusual | None


def _reals(rules: Rules) -> NDArray[np.float64]:
    out = np.zeros(REALS)
    out[LOW : LOW + 4], out[HIGH : HIGH + 4] = -np.inf, np.inf
    out[BAND] = out[BAND_BACK] = np.inf
    out[FLOOR] = 1.0
    if rules.limit is not None:
        if rules.limit.low is not None:
            out[LOW : LOW + 4] = rules.limit.low.array(-np.inf)
        if rules.limit.high is not None:
            out[HIGH : HIGH + 4] = rules.limit.high.array(np.inf)
        out[BACK] = rules.limit.hysteresis
    if rules.unusual is not None:
        out[SMOOTHING] = rules.unusual.smoothing
        out[BAND] = rules.unusual.band.count
        out[BAND_BACK] = rules.unusual.band.count - rules.unusual.hysteresis.count
        out[FLOOR] = rules.unusual.floor
    return out


def _wholes(rules: Rules) -> NDArray[np.int64]:
    out = np.zeros(WHOLES, np.int64)
    if rules.limit is not None:
        out[LIMIT_ON], out[LIMIT_OFF] = rules.limit.on_delay.ns, rules.limit.off_delay.ns
    if rules.unusual is not None:
        out[UNUSUAL_ON], out[UNUSUAL_OFF] = rules.unusual.on_delay.ns, rules.unusual.off_delay.ns
        out[RELEARN] = rules.unusual.relearn_after.ns
        out[WARM_UP] = rules.unusual.warm_up
        out[TOP] = Colour[rules.unusual.at_most.upper()]
    return out


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _side(real: NDArray[np.float64], value: float, back: float) -> int:
    """Worst colour whose threshold, moved `back` inwards, the value lies beyond."""
    worst = 0
    for colour in range(4):
        if value < real[LOW + colour] + back or value > real[HIGH + colour] - back:
            worst = colour + 1
    return worst


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _learn(words: NDArray[np.int64], reals: NDArray[np.float64], value: float, a: float) -> None:
    """Move mean and variance towards the value; the first value is the mean."""
    if words[word.LEARNED] == 0:
        reals[word.MEAN] = value
        reals[word.VARIANCE] = 0.0
    else:
        off = value - reals[word.MEAN]
        reals[word.MEAN] += a * off
        reals[word.VARIANCE] = (1.0 - a) * (reals[word.VARIANCE] + a * off * off)
    words[word.LEARNED] += 1


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _gate_opens(words: NDArray[np.int64], calm: bool, time_ns: int, relearn_ns: int) -> bool:
    """Whether this value may be learned; keeps the time since when it may not."""
    if calm:
        words[word.GATE_SINCE] = NEVER
        return True
    if words[word.GATE_SINCE] == NEVER:
        words[word.GATE_SINCE] = time_ns
    return time_ns - words[word.GATE_SINCE] >= relearn_ns


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _tell(
    note: np.void,
    words: NDArray[np.int64],
    since: int,
    levels: tuple[int, int, int],
    figures: tuple[float, float, float, float],
) -> None:
    """Write one level change; `ordinal`, `row` and `time_ns` are the caller's."""
    slot, was, now = levels
    value, mean, half, score = figures
    note.rule = slot  # type: ignore[attr-defined]
    note.was = was  # type: ignore[attr-defined]
    note.now = now  # type: ignore[attr-defined]
    onset = words[since]
    note.onset_ns = note.time_ns if onset == NEVER else onset  # type: ignore[attr-defined]
    note.observed = value  # type: ignore[attr-defined]
    note.expected = mean  # type: ignore[attr-defined]
    note.low = mean - half  # type: ignore[attr-defined]
    note.high = mean + half  # type: ignore[attr-defined]
    note.score = score  # type: ignore[attr-defined]


@njit(cache=True, nogil=True, error_model="numpy")
def score_readings(  # noqa: PLR0913 - a kernel takes columns
    state: tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.uint8]],
    params: tuple[NDArray[np.float64], NDArray[np.int64]],
    columns: tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64], NDArray[np.uint8]],
    first: int,
    last: int,
    notes: NDArray[np.void],
    scores: NDArray[np.float64],
) -> tuple[int, int]:
    """Score readings `first` to `last`, in order, each against the state before it.

    Parameters
    ----------
    state : (int64 (rows, 16), float64 (rows, 16), uint8 (rows, 128))
        Three views of the same rows.
    params : (float64 (classes, REALS), int64 (classes, WHOLES))
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
    words, reals, octets = state
    real_params, whole_params = params
    row_of, time_of, value_of, destiny = columns
    told = 0
    for i in range(first, last):
        if told + 2 > len(notes):
            return i, told
        if i + AHEAD < last:
            prefetch(words, np.int64(max(row_of[i + AHEAD], 0)))
        if destiny[i] != _SCORED:
            continue
        row, time_ns, value = row_of[i], time_of[i], value_of[i]
        mine, real = words[row], reals[row]
        p, w = real_params[mine[word.RULES]], whole_params[mine[word.RULES]]

        mean, half, score = np.nan, np.nan, np.nan
        strange, near = 0, 0
        if mine[word.LEARNED] >= w[WARM_UP] and w[WARM_UP] > 0:
            mean = real[word.MEAN]
            sigma = max(np.sqrt(real[word.VARIANCE]), p[FLOOR])
            half = p[BAND] * sigma
            score = (value - mean) / sigma
            strange = w[TOP] if abs(score) > p[BAND] else 0
            near = w[TOP] if abs(score) > p[BAND_BACK] else strange
        beyond = _side(p, value, 0.0)
        if len(scores):
            scores[i] = score

        was = np.int64(octets[row, word.LIMIT_LEVEL])
        limit = advance_level(
            mine,
            octets[row],
            (word.LIMIT_SINCE, word.LIMIT_LEVEL),
            (beyond, max(beyond, _side(p, value, p[BACK])), time_ns),
            (w[LIMIT_ON], w[LIMIT_OFF]),
        )
        if limit != was:
            notes[told].ordinal, notes[told].row, notes[told].time_ns = i, row, time_ns
            figures = (value, mean, half, score)
            _tell(notes[told], mine, word.LIMIT_SINCE, (LIMIT_SLOT, was, limit), figures)
            told += 1
        was = np.int64(octets[row, word.UNUSUAL_LEVEL])
        unusual = advance_level(
            mine,
            octets[row],
            (word.UNUSUAL_SINCE, word.UNUSUAL_LEVEL),
            (strange, near, time_ns),
            (w[UNUSUAL_ON], w[UNUSUAL_OFF]),
        )
        if unusual != was:
            notes[told].ordinal, notes[told].row, notes[told].time_ns = i, row, time_ns
            figures = (value, mean, half, score)
            _tell(notes[told], mine, word.UNUSUAL_SINCE, (UNUSUAL_SLOT, was, unusual), figures)
            told += 1

        calm = limit + unusual + beyond + strange == 0
        if w[WARM_UP] > 0 and _gate_opens(mine, calm, time_ns, w[RELEARN]):
            _learn(mine, real, value, p[SMOOTHING])
    return last, told


def table(classes: Sequence[Rules]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Parameter rows of some classes, for `score_readings`."""
    reals = np.array([_reals(rules) for rules in classes]).reshape(-1, REALS)
    wholes = np.array([_wholes(rules) for rules in classes], np.int64).reshape(-1, WHOLES)
    return reals, wholes
