"""One row of 128 bytes per channel, in two aligned halves: the state of the cheap rules.

Random access costs one cache line: all that a calm reading needs lies in the first half, and what
counts the time of whoever rings or is about to in the second. The halves lie in two arrays, so that
a thousand calm channels fill a thousand cache lines and not every other of two thousand: at a
million channels that halved the cost of reaching a row.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.transition import NEVER

ROW: Final = np.dtype(
    [
        ("rules", np.uint32),  # index of the parameter record that governs the channel
        ("learned", np.uint32),  # readings learned by the mean, at most LEARNED_MOST
        ("limit_level", np.uint8),
        ("limit_fall_to", np.uint8),
        ("unusual_level", np.uint8),
        ("frozen_level", np.uint8),
        ("busy", np.uint8),  # whether anything rings, is waited for, or shuts the learning gate
        ("spare", np.uint8),
        ("run", np.uint16),  # readings of the present run, at most RUN_MOST
        ("mean", np.float64),
        ("variance", np.float64),
        ("up", np.float64),  # sums of deviations upwards and downwards
        ("down", np.float64),
        ("first", np.float64),  # value that the present run began with, NaN before the first
        ("run_since", np.int64),  # event time of the same
    ],
)
# The second half: event times, or NEVER. A rule of one colour has one word (`advance_one`).
WAIT: Final = np.dtype(
    [
        ("gate_since", np.int64),  # the learning gate closed at
        ("limit_since", np.int64, (4,)),  # breached without a break since, per colour
        ("limit_fall", np.int64),  # left the present colour at
        ("unusual_wait", np.int64),
        ("frozen_wait", np.int64),
    ],
)
assert ROW.itemsize == WAIT.itemsize == 64

LEARNED_MOST: Final = (1 << 32) - 1
RUN_MOST: Final = (1 << 16) - 1
# Where the limit's level begins: a word of the second half, a byte of the first.
SINCE: Final = int(WAIT.fields["limit_since"][1]) // 8  # type: ignore[index]
LEVEL_OFFSET: Final = int(ROW.fields["limit_level"][1])  # type: ignore[index]


def _aligned(n: int, kind: np.dtype[np.void]) -> NDArray[np.void]:
    raw = np.zeros(n * kind.itemsize + 64, np.uint8)
    skip = -raw.ctypes.data % 64
    return raw[skip : skip + n * kind.itemsize].view(kind)


def new_rows(rules: NDArray[np.int64]) -> NDArray[np.void]:
    """First halves of channels that nobody has heard of yet, 64-byte aligned, shape (n,)."""
    rows = _aligned(len(rules), ROW)
    rows["rules"] = rules
    rows["first"] = np.nan
    return rows


def new_waits(n: int) -> NDArray[np.void]:
    """Second halves with nothing to wait for, 64-byte aligned, shape (n,)."""
    waits = _aligned(n, WAIT)
    waits.view(np.int64)[:] = NEVER
    return waits


def in_halves(whole: NDArray[np.void]) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Both halves of rows as snapshots held them while they were whole.

    `unusual` had a word for each colour then, and one for the way back.
    """
    rows, waits = new_rows(np.zeros(len(whole), np.int64)), new_waits(len(whole))
    for half in (rows, waits):
        for name in half.dtype.names or ():
            if name in (whole.dtype.names or ()) and name != "spare":
                half[name] = whole[name]
    rings = whole["unusual_level"] > 0
    waits["unusual_wait"] = np.where(rings, whole["unusual_fall"], whole["unusual_since"][:, 0])
    rows["busy"] = busy(rows, waits)
    return rows, waits


def busy(rows: NDArray[np.void], waits: NDArray[np.void]) -> NDArray[np.bool_]:
    """Whether anything rings, is waited for, or keeps the learning gate shut."""
    waited: NDArray[np.bool_] = (waits.view(np.int64).reshape(len(waits), 8) != NEVER).any(axis=1)
    for name in ("limit_level", "unusual_level", "frozen_level"):
        waited |= rows[name] > 0
    return waited
