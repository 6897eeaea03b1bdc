"""Clean data through real kernels: how often kinds of rules ring when nothing is wrong."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from contracts.batch import Batch, Destiny
from detectors.kind import Columns
from tests.detectors.bench import SECOND

STEPS = 1000  # rounds of readings in a batch


class Clean(NamedTuple):
    """Independent standard normal readings of all channels, round after round.

    Parameters
    ----------
    channels, rounds : int
        How many.
    period_s : int
        Time between rounds.
    seed : int
    """

    channels: int
    rounds: int
    period_s: int
    seed: int


def alarms(clean: Clean, detectors: Sequence[Any], skip: int = 0) -> int:
    """Rises of the last detector's level after `skip` rounds; others before it fill columns."""
    chance = np.random.default_rng(clean.seed)
    row = np.tile(np.arange(clean.channels, dtype=np.int32), STEPS)
    destiny = np.full(len(row), Destiny.SCORED, np.uint8)
    found = 0
    for first in range(0, clean.rounds, STEPS):
        rounds = np.arange(first, first + STEPS, dtype=np.int64)
        time_ns = np.repeat(rounds * (clean.period_s * SECOND), clean.channels)
        value = chance.normal(size=len(row))
        batch = Batch(np.arange(len(row), dtype=np.int32), row, time_ns, value, destiny)
        columns: Columns = {"value": value}
        told = [detector.score(batch, destiny, (0, len(row)), columns) for detector in detectors]
        notes = told[-1]
        rises = notes[notes["now"] > notes["was"]]
        found += int((rises["time_ns"] >= skip * clean.period_s * SECOND).sum())
    return found


def within(expected: float, share: float) -> tuple[int, int]:
    """Smallest and largest count in the central interval of a Poisson variable.

    >>> within(100.0, 0.95)
    (81, 120)
    """
    tail, below, low = (1.0 - share) / 2.0, 0.0, -1
    for count in range(int(4 * expected) + 50):
        below += math.exp(count * math.log(expected) - expected - math.lgamma(count + 1.0))
        if low < 0 and below > tail:
            low = count
        if below >= 1.0 - tail:
            return low, count
    raise AssertionError
