"""From breach to colour: on-delay, hysteresis and off-delay, the same for every rule.

The state of one rule is six numbers: since when each colour has been breached without a break
(`since`, four), since when the present colour has been left (`fall`), and two bytes, the present
colour (`level`) and the worst one seen since it was left (`fall_to`). A rule that has one colour
needs one word for both times, and the level: `advance_one`.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from contracts.transition import NEVER

Words = NDArray[np.int64]
Bytes = NDArray[np.uint8]


@njit(cache=True, nogil=True, error_model="numpy")
def _rung(words: Words, since: int, breached: int, time_ns: int, on_delay: int) -> int:
    """Worst colour that has been breached for the on-delay; keeps each colour's `since`."""
    rung = 0
    for colour in range(1, 5):
        word = since + colour - 1
        if colour > breached:
            words[word] = NEVER
            continue
        if words[word] == NEVER:
            words[word] = time_ns
        if time_ns - words[word] >= on_delay:
            rung = colour
    return rung


@njit(cache=True, nogil=True, error_model="numpy")
def _rung_by_colour(
    words: Words, since: int, breached: int, time_ns: int, on_delays: NDArray[np.int64]
) -> int:
    """The same where each colour has an on-delay of its own."""
    rung = 0
    for colour in range(1, 5):
        word = since + colour - 1
        if colour > breached:
            words[word] = NEVER
            continue
        if words[word] == NEVER:
            words[word] = time_ns
        if time_ns - words[word] >= on_delays[colour - 1]:
            rung = colour
    return rung


@njit(cache=True, nogil=True, error_model="numpy")
def advance_level(
    words: Words,
    octets: Bytes,
    places: tuple[int, int],
    seen: tuple[int, int, int],
    delays: tuple[int, int],
) -> int:
    """Advance one rule's level by one reading and give the colour that rings after it.

    A colour rings once it has been breached, without a break, for the on-delay. The present
    colour is lowered once the value has stayed out of its hysteresis for the off-delay, and then
    to the worst colour seen meanwhile: falling from red through yellow takes two delays, never
    less, and a fault that comes back early finds its colour still ringing.

    Parameters
    ----------
    words : int64, shape (16,)
        The channel's row; `words[places[0]:places[0] + 4]` is `since`, the next word `fall`.
    octets : uint8, shape (128,)
        The same row; `octets[places[1]]` is `level`, the next byte `fall_to`.
    places : (int, int)
        Word of `since`, byte of `level`.
    seen : (int, int, int)
        Worst colour breached (0 to 4), worst colour whose hysteresis the value is still in
        (never less), event time in ns.
    delays : (int, int)
        On-delay and off-delay, ns.

    Returns
    -------
    int
        Colour after the reading, 0 to 4. `words` and `octets` are changed in place.
    """
    rung = _rung(words, places[0], seen[0], seen[2], delays[0])
    return int(_settle(words, octets, places, (rung, seen[1], seen[2]), delays[1]))


@njit(cache=True, nogil=True, error_model="numpy")
def advance_by_colour(
    words: Words,
    octets: Bytes,
    places: tuple[int, int],
    seen: tuple[int, int, int],
    delays: tuple[NDArray[np.int64], int],
) -> int:
    """As `advance_level`, with an on-delay of each colour, blue to red, ns: int64, shape (4,)."""
    rung = _rung_by_colour(words, places[0], seen[0], seen[2], delays[0])
    return int(_settle(words, octets, places, (rung, seen[1], seen[2]), delays[1]))


@njit(cache=True, nogil=True, error_model="numpy")
def _settle(
    words: Words,
    octets: Bytes,
    places: tuple[int, int],
    seen: tuple[int, int, int],
    off_delay: int,
) -> int:
    """Raise the level to what rang, or lower it; `seen` is colour that rang, held, and time."""
    since, at = places
    rung, held, time_ns = seen
    level, fall = int(octets[at]), since + 4
    if rung > level or held >= level:
        level = max(level, rung)
        words[fall] = NEVER
        octets[at + 1] = 0
    else:
        octets[at + 1] = max(int(octets[at + 1]), held)
        if words[fall] == NEVER:
            words[fall] = time_ns
        if time_ns - words[fall] >= off_delay:
            level = int(octets[at + 1])
            words[fall] = NEVER
            octets[at + 1] = 0
    octets[at] = level
    return level


@njit(cache=True, nogil=True, error_model="numpy")
def advance_one(
    wait: int, level: int, seen: tuple[int, int, int], delays: tuple[int, int]
) -> tuple[int, int]:
    """The same for a rule that has one colour: word and level after a reading.

    While nothing rings the word is `since`; while the rule rings it is `fall`. One is enough: with
    one colour nothing breaches while the colour is being left, so that `since` is NEVER when the
    rule falls silent, and until then nobody asks for it; `fall_to` is always clear.

    Parameters
    ----------
    wait : int
        Event time, or NEVER.
    level : int
        Colour that rings, 0 for none; another than the rule's own after the rule has changed, then
        it becomes the rule's with the next reading that holds it.
    seen : (int, int, int)
        As for `advance_level`: the rule's colour or 0, the same for what holds, time in ns.
    delays : (int, int)
    """
    breached, held, time_ns = seen
    if level == 0:
        if breached == 0:
            return NEVER, 0
        since = time_ns if wait == NEVER else wait
        return (since, 0) if time_ns - since < delays[0] else (NEVER, breached)
    if held > 0:
        return NEVER, held
    left = time_ns if wait == NEVER else wait
    return (left, level) if time_ns - left < delays[1] else (NEVER, 0)
