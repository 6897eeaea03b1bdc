"""The two steps of `spectrum`: readings into frames, and frames judged by their lines."""

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from contracts.batch import Destiny
from contracts.transition import NEVER
from detectors.ringing import Levels, may_learn, ring, severity
from detectors.seasonal import CLIP, SIGMA_PER_DEVIATION

BANDS_MAX: Final = 8
PRIOR: Final = 1e6  # variance of a coefficient before anything is known, in that of the noise
_SCORED: Final = int(Destiny.SCORED)

PARAMS: Final = np.dtype(
    [
        *((name, np.int64) for name in ("frame", "hop", "gap_ns", "bands", "envelope")),
        ("lines", np.int64, (BANDS_MAX, 2)),  # first line of a band, and the one behind its last
        *((name, np.int64) for name in ("given", "sync_ns", "warm_up")),
        *((name, np.float64) for name in ("floor", "spread", "rest", "forget", "band")),
        ("bounds", np.float64, (4,)),
        ("back", np.float64),
        *((name, np.int64) for name in ("on_ns", "off_ns", "relearn_ns")),
    ]
)


@njit(cache=True, nogil=True, error_model="numpy")
def _keep(mine: Any, p: Any, time_ns: int, value: float) -> bool:
    """Put a reading into the ring; whether a frame ends with it."""
    if mine.last == NEVER or time_ns - mine.last > p.gap_ns:
        mine.kept = 0
    mine.values[mine.kept % p.frame] = value
    mine.kept += 1
    mine.last = time_ns
    return bool(mine.kept >= p.frame and (mine.kept - p.frame) % p.hop == 0)


@njit(cache=True, nogil=True, error_model="numpy")
def _word(company: Any, place: int, time_ns: int, p: Any) -> float:
    """What the companion said last: 0 where none is named, NaN where it said nothing in time."""
    _, seats_of, said, said_at = company
    if p.given == 0:
        return 0.0
    seat = seats_of[place, 0]
    if seat < 0 or abs(time_ns - said_at[seat]) > p.sync_ns:
        return np.nan
    return float(said[seat])


@njit(cache=True, nogil=True, error_model="numpy")
def gather(rows: Any, columns: Any, span: tuple[int, int], room: Any) -> tuple[int, int]:
    """Collect the frames that end in a span, oldest reading first, until there is no room.

    Parameters
    ----------
    rows : (place by lane row, parameters by place, state, parameters, company, measured)
    columns : (lane row, time in ns, value, destiny)
    room : (float64 (m, widest frame), int64 (m, 4), float64 (m,))
        Frames; ordinal, row, place and time of the readings that end them; companions' words.

    Returns
    -------
    (int, int)
        Reading to go on with, and frames collected.
    """
    place_of, params_of, state, params, company, measured = rows
    row_of, time_of, value_of, destiny = columns
    frames, ends, words = room
    count = 0
    for i in range(span[0], span[1]):
        if count == len(frames):
            return i, count
        row, time_ns, value = row_of[i], time_of[i], value_of[i]
        if destiny[i] != _SCORED or row < 0:
            continue
        seat, place = company[0][row], place_of[row]
        if seat >= 0:
            company[2][seat], company[3][seat] = measured[i], time_ns
        if place < 0 or np.isnan(value):
            continue
        mine, p = state[place], params[params_of[place]]
        if not _keep(mine, p, time_ns, value):
            continue
        for j in range(p.frame):
            frames[count, j] = mine.values[(mine.kept + j) % p.frame]
        ends[count, 0], ends[count, 1], ends[count, 2], ends[count, 3] = i, row, place, time_ns
        words[count] = _word(company, place, time_ns, p)
        count += 1
    return span[1], count


@njit(cache=True, nogil=True, error_model="numpy")
def _square(lines: NDArray[np.float64], first: int, behind: int) -> float:
    """Mean square of some lines."""
    total = 0.0
    for k in range(first, behind):
        total += lines[k]
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _features(p: Any, plain: Any, envelope: Any, logs: NDArray[np.float64]) -> int:
    """Write half the log of each band's mean square, floor included; how many there are."""
    n = p.bands * (1 + p.envelope)
    for b in range(n):
        first, behind = p.lines[b % p.bands]
        lines = plain if b < p.bands else envelope
        logs[b] = 0.5 * np.log(_square(lines, first, behind) + p.floor * p.floor)
    return int(n)


@njit(cache=True, nogil=True, error_model="numpy")
def _begin(mine: Any, logs: NDArray[np.float64], n: int, word: float) -> None:
    """Take the first frame as what is expected, and nothing as known."""
    mine.origin = word
    mine.known[0], mine.known[1], mine.known[2] = PRIOR, 0.0, PRIOR
    for b in range(n):
        mine.theta[b, 0], mine.theta[b, 1] = logs[b], 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _errors(mine: Any, p: Any, logs: Any, n: int, x: tuple[float, float]) -> Any:
    """Turn logs into errors; worst score, its expected log and its believed spread."""
    off, z = x
    score, usual, unit = -np.inf, 0.0, 1.0
    for b in range(n):
        expected = mine.theta[b, 0] + mine.theta[b, 1] * off
        wide = max(SIGMA_PER_DEVIATION * mine.deviation[b], p.spread) * np.sqrt(1.0 + z)
        logs[b] -= expected
        if logs[b] / wide > score:
            score, usual, unit = logs[b] / wide, expected, wide
    return score, usual, unit


@njit(cache=True, nogil=True, error_model="numpy")
def _learn(mine: Any, p: Any, errors: Any, n: int, x: tuple[float, float]) -> None:
    """Move coefficients and spreads of all bands, and what is known of them, by one frame."""
    off, z = x
    g0 = mine.known[0] + mine.known[1] * off
    g1 = mine.known[1] + mine.known[2] * off
    mine.learned += 1
    counted = mine.learned - p.warm_up // 2
    for b in range(n):
        error = errors[b]
        if mine.learned > p.warm_up:
            most = CLIP * max(SIGMA_PER_DEVIATION * mine.deviation[b], p.spread) * np.sqrt(1.0 + z)
            error = min(max(error, -most), most)
        mine.theta[b, 0] += g0 * error / (1.0 + z)
        mine.theta[b, 1] += g1 * error / (1.0 + z)
        if counted > 0:
            share = max(1.0 / counted, 1.0 - p.forget)
            mine.deviation[b] += share * (abs(error) / np.sqrt(1.0 + z) - mine.deviation[b])
    news = p.forget - (1.0 - p.forget) / z
    weight = news / (1.0 + news * z)
    mine.known[0] -= weight * g0 * g0
    mine.known[1] -= weight * g0 * g1
    mine.known[2] -= weight * g1 * g1


@njit(cache=True, nogil=True, error_model="numpy")
def _rms(log: float, floor: float) -> float:
    """Root mean square of which this is the log, floor taken off again."""
    return float(np.sqrt(max(np.exp(2.0 * log) - floor * floor, 0.0)))


@njit(cache=True, nogil=True, error_model="numpy")
def _figures(note: Any, p: Any, score: float, usual: float, unit: float) -> None:
    """Write the figures of the worst band, in the unit of the class."""
    note.observed = _rms(usual + score * unit, p.floor)
    note.expected = _rms(usual, p.floor)
    note.low = np.nan
    note.high = _rms(usual + p.band * unit, p.floor)
    note.score = score


@njit(cache=True, nogil=True, error_model="numpy")
def judge(levels: Levels, rows: Any, room: Any, lines: Any, notes: NDArray[np.void]) -> int:
    """Judge frames by their lines, in order, each against the state before it.

    Parameters
    ----------
    rows : (parameters by place, state, parameters)
    room : (int64 (m, 4), float64 (m,))
        As `gather` gives them.
    lines : (float64 (m, k), float64 (m, k))
        Power of the lines of the frames, and of their envelopes.

    Returns
    -------
    int
        Notes written, at most one a frame.
    """
    params_of, state, params = rows
    ends, words = room
    logs, told = np.empty(2 * BANDS_MAX), 0
    for f in range(len(ends)):
        ordinal, row, place, time_ns = ends[f]
        mine, p = state[place], params[params_of[place]]
        square = _square(lines[0][f], 1, p.frame // 2 + 1)
        if np.isnan(words[f]) or square < p.rest * p.rest:
            continue
        n = _features(p, lines[0][f], lines[1][f], logs)
        if mine.learned == 0:
            _begin(mine, logs, n, words[f])
        off = words[f] - mine.origin
        z = mine.known[0] + (2.0 * mine.known[1] + mine.known[2] * off) * off
        score, usual, unit = _errors(mine, p, logs, n, (off, z))
        breached = 0
        if mine.learned >= p.warm_up:
            seen = severity(score, p.bounds, p.back)
            breached = seen[0]
            if ring(levels, (ordinal, row, place, time_ns), seen, (p.on_ns, p.off_ns), notes[told]):
                _figures(notes[told], p, score, usual, unit)
                told += 1
        if may_learn(levels, place, breached, time_ns, p.relearn_ns):
            _learn(mine, p, logs, n, (off, z))
    return told
