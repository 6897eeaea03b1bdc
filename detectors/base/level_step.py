"""The levels of a rule that keeps its own state: the same step as in the fused row.

A kernel of such a rule walks over the readings in order. For each it works out what the value
breaches, against the state before it, lets `ring` advance the level, asks `may_learn`, and learns.
"""

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from contracts.transition import NEVER
from detectors.base.level import advance_level

LEVEL_DTYPE: Final = np.dtype(
    [
        ("since", np.int64, (4,)),  # breached without a break since, per colour, or NEVER
        ("fall", np.int64),  # left the present colour at, or NEVER
        ("gate_since", np.int64),  # event time at which the learning gate closed, or NEVER
        ("level", np.uint8),
        ("fall_to", np.uint8),
        ("spare", np.uint8, (14,)),
    ]
)
assert LEVEL_DTYPE.itemsize == 64
_AT: Final = int(LEVEL_DTYPE.fields["level"][1])  # type: ignore[index]
_GATE: Final = 5
WAITS: Final = 6  # words of a level that are event times, or NEVER

# The same levels three times: as records, as words, as bytes.
Levels = tuple[NDArray[np.void], NDArray[np.int64], NDArray[np.uint8]]


def new_levels(n: int) -> NDArray[np.void]:
    """Levels of rules that have seen nothing, `LEVEL`, shape (n,)."""
    levels = np.zeros(n, LEVEL_DTYPE)
    for name in ("since", "fall", "gate_since"):
        levels[name] = NEVER
    return levels


def views(levels: NDArray[np.void]) -> Levels:
    """What kernels take of some levels."""
    octets = levels.view(np.uint8).reshape(len(levels), LEVEL_DTYPE.itemsize)
    return levels, octets.view(np.int64), octets


@njit(cache=True, nogil=True, error_model="numpy")
def severity(score: float, bounds: NDArray[np.float64], back: float) -> tuple[int, int]:
    """Worst colour whose bound the score exceeds, and worst one it has not come back from.

    Parameters
    ----------
    score : float
        What the rule judges; larger is worse.
    bounds : float64, shape (4,)
        Bound of each colour, blue to red, +inf where absent.
    back : float
        How far below a bound the score must come to leave its colour.
    """
    breached, held = 0, 0
    for colour in range(4):
        if score > bounds[colour]:
            breached = colour + 1
        if score > bounds[colour] - back:
            held = colour + 1
    return breached, max(breached, held)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def ring(
    levels: Levels,
    reading: tuple[int, int, int, int],
    seen: tuple[int, int],
    delays: tuple[int, int],
    transition: Any,
) -> bool:
    """Advance a level by one reading; whether it changed, and then `transition` is written.

    Parameters
    ----------
    levels : Levels
    reading : (int, int, int, int)
        Place in the batch, lane row, place in the levels, event time in ns.
    seen : (int, int)
        Colour breached and colour held, as `severity` gives them.
    delays : (int, int)
        On-delay and off-delay, ns.
    transition : TRANSITION
        Its figures (`observed`, `expected`, `low`, `high`, `score`) are the caller's.
    """
    ordinal, row, place, time_ns = reading
    _, words, octets = levels
    was = int(octets[place, _AT])
    if was == 0 and seen[0] == 0 and seen[1] == 0 and words[place, 0] == NEVER:
        return False  # calm and not waiting: the step below would leave all as it is
    now = advance_level(words[place], octets[place], (0, _AT), (*seen, time_ns), delays)
    if now == was:
        return False
    onset = words[place, 0]
    transition.ordinal, transition.row, transition.time_ns = ordinal, row, time_ns
    transition.was, transition.now = was, now
    transition.onset_ns = time_ns if onset == NEVER else onset
    return True


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def calm(levels: Levels, place: int) -> Any:
    """Whether a level is clear and nothing is waited for: seen `(0, 0)` it would stay as it is."""
    return levels[2][place, _AT] == 0 and levels[1][place, 0] == NEVER


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def may_learn(levels: Levels, place: int, breached: int, time_ns: int, relearn_ns: int) -> Any:
    """Whether the value may be learned: the rule is calm, or has not been for `relearn_ns`."""
    _, words, octets = levels
    if breached == 0 and octets[place, _AT] == 0:
        words[place, _GATE] = NEVER
        return True
    if words[place, _GATE] == NEVER:
        words[place, _GATE] = time_ns
    return time_ns - words[place, _GATE] >= relearn_ns


@njit(cache=True, nogil=True, error_model="numpy")
def calm_so_far(levels: Levels, place: int) -> Any:
    """Whether the learning gate is open, so that a breach now is the first of its run."""
    return levels[1][place, _GATE] == NEVER


@njit(cache=True, nogil=True, error_model="numpy")
def figures(transition: Any, observed: float, expected: float, half: float, score: float) -> None:
    """Write the figures of a level change; `half` is the half width of the band."""
    transition.observed = observed
    transition.expected = expected
    transition.low = expected - half
    transition.high = expected + half
    transition.score = score
