"""Kinds of rules in lanes of many channels: what a reading costs once rows fit no cache."""

import statistics
import time
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.batch import Batch, Disposition
from detectors.base.kind import Detector, Roster
from tests.testkit.kind_case import Case

BYTES_MAX: Final = 2 << 30  # of state, beyond which a lane has fewer channels
ROUNDS: Final = 3
A_ROUND: Final = 5  # readings of each channel, on average


class Wide(NamedTuple):
    """What was measured in one lane.

    Parameters
    ----------
    channels : int
    ns : float
        A reading, of a channel drawn at random.
    """

    channels: int
    ns: float

    def cell(self, wanted: int) -> str:
        """For a table; with the channels, where they are fewer than was asked for."""
        return f"{self.ns:,.0f}" + (f" ({self.channels:,})" if self.channels < wanted / 2 else "")


def wide(case: Case, channels: int) -> Wide:
    """Cost of a reading where a case stands side by side with copies of itself.

    All copies take over what one has learned of the first part of its stream, and then the same
    readings, at each step in an order drawn at random.
    """
    width = len(case.roster.class_of)
    last = A_ROUND * width
    one, (batch, disposition) = case.detector(), case.batch()
    begin = len(batch) - last
    one.score(batch, disposition, (0, begin), {"value": batch.value})
    state = {name: array.copy() for name, array in one.arrays().items()}
    a_copy = max(sum(array.nbytes for array in state.values()), 1)
    copies = max(min(channels // width, BYTES_MAX // a_copy), 1)
    detector = replace(case, roster=_copied(case.roster, copies)).detector()
    readings = _spread(batch, begin, (width, copies))
    old_row = np.tile(np.arange(width), copies)
    spent = [_once(detector, state, old_row, readings) for _ in range(ROUNDS + 1)]
    return Wide(copies * width, statistics.median(spent[1:]) / len(readings) * 1e9)


def _copied(roster: Roster, copies: int) -> Roster:
    """The same channels so many times, each copy with groups of its own."""
    numbers = np.unique(np.asarray(roster.groups), return_inverse=True)[1]
    groups = np.arange(copies)[:, None] * (int(numbers.max()) + 1) + numbers
    return replace(
        roster,
        class_of=np.tile(roster.class_of, copies),
        groups=groups.reshape(-1).astype(np.int32),
        places=np.tile(roster.places, (copies, 1)),
    )


def _spread(batch: Batch, begin: int, shape: tuple[int, int]) -> Batch:
    """Readings from `begin` on, each for every copy, step by step."""
    (width, copies), chance = shape, np.random.default_rng(7)
    order = np.concatenate([chance.permutation(copies) for _ in range(begin, len(batch))])
    rows = np.repeat(batch.row[begin:], copies) + (width * order).astype(np.int32)
    times, values = np.repeat(batch.time_ns[begin:], copies), np.repeat(batch.value[begin:], copies)
    n = len(rows)
    return Batch(
        np.arange(n, dtype=np.int32), rows.astype(np.int32), times, values, np.zeros(n, np.uint8)
    )


def _once(
    detector: Detector, state: dict[str, NDArray[np.void]], old_row: NDArray[np.int64], batch: Batch
) -> float:
    """Seconds of CPU for all readings, from the state that was taken over."""
    detector.restore(state, old_row)
    disposition = np.full(len(batch), Disposition.SCORED, np.uint8)
    began = time.thread_time()
    detector.score(batch, disposition, (0, len(batch)), {"value": batch.value})
    return time.thread_time() - began
