"""One aligned 128-byte row per channel: the state of the cheap rules, side by side.

Random access to a row costs one cache line: what a calm reading needs lies in the first half,
the delays of whoever rings or is about to in the second.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.transition import NEVER

ROW: Final = np.dtype(
    [
        ("rules", np.int64),  # index of the parameter row that governs the channel
        ("learned", np.int64),  # readings learned by the mean
        ("limit_level", np.uint8),
        ("limit_fall_to", np.uint8),
        ("unusual_level", np.uint8),
        ("unusual_fall_to", np.uint8),
        ("pending", np.uint8),  # whether any delay below `gate_since` runs
        ("spare", np.uint8, (3,)),
        ("mean", np.float64),
        ("variance", np.float64),
        ("gate_since", np.int64),  # event time at which the learning gate closed, or NEVER
        ("limit_since", np.int64, (4,)),  # breached without a break since, per colour, or NEVER
        ("limit_fall", np.int64),  # left the present colour at, or NEVER
        ("unusual_since", np.int64, (4,)),
        ("unusual_fall", np.int64),
    ],
)
assert ROW.itemsize == 128


def _word(name: str) -> int:
    return int(ROW.fields[name][1]) // 8  # type: ignore[index]


def _byte(name: str) -> int:
    return int(ROW.fields[name][1])  # type: ignore[index]


# Words and bytes of the first rule's delays and level, and the way from one rule's to the next.
SINCE: Final = _word("limit_since")
SINCE_STEP: Final = _word("unusual_since") - SINCE
LEVEL: Final = _byte("limit_level")
LEVEL_STEP: Final = _byte("unusual_level") - LEVEL


def new_rows(rules: NDArray[np.int64]) -> NDArray[np.void]:
    """Rows of channels that nobody has heard of yet, 64-byte aligned, shape (n,)."""
    n = len(rules)
    raw = np.zeros(n * ROW.itemsize + 64, np.uint8)
    skip = -raw.ctypes.data % 64
    rows: NDArray[np.void] = raw[skip : skip + n * ROW.itemsize].view(ROW)
    rows["rules"] = rules
    for name in ("gate_since", "limit_since", "limit_fall", "unusual_since", "unusual_fall"):
        rows[name] = NEVER
    return rows
