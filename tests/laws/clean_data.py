"""Clean data through real kernels: how often kinds of rules ring when nothing is wrong."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.batch import Batch, Disposition
from contracts.quantities import Duration
from contracts.transition import Transitions
from detectors.base.kind import Columns, Scene
from detectors.false_alarm_rate.rate import FalseAlarmRate
from tests.testkit.kind_case import SECOND

STEPS = 1000  # rounds of readings in a batch
KINDS = 14  # promises that are looked at: eight to be met, six to be kept below
SHARE = 1.0 - 0.05 / KINDS  # Bonferroni: all of them together are off by chance in 5 % of cases
FLOOR = 1e-9  # never reached: a floor only makes a rule ring less
MINUTE = 60
DAY = 86_400

Values = NDArray[np.float64]


class Clean(NamedTuple):
    """Independent standard normal readings of all channels, round after round.

    Parameters
    ----------
    channels, rounds : int
        How many.
    period_s : int
        Time between rounds.
    seed : int
    mix : callable, optional
        What becomes of the values, shape (rounds, channels), of a batch.
    """

    channels: int
    rounds: int
    period_s: int
    seed: int
    mix: Callable[[Values], Values] | None = None

    def per_round(self, false_alarm_rate: FalseAlarmRate, judged: int = 0, n: int = 1) -> float:
        """Alarms in a round that a rule promises of all channels, or of so many."""
        return (judged or self.channels) * false_alarm_rate.share(n)

    def scene(self) -> Scene:
        """What surrounds a rule in its class: the plausible range does not matter here."""
        return Scene(-100.0, 100.0, Duration(f"{self.period_s} s"))


def rises(clean: Clean, detectors: Sequence[Any]) -> Transitions:
    """Rises of the last detector's level; others before it fill columns."""
    chance = np.random.default_rng(clean.seed)
    row = np.tile(np.arange(clean.channels, dtype=np.int32), STEPS)
    disposition = np.full(len(row), Disposition.SCORED, np.uint8)
    found = []
    for first in range(0, clean.rounds, STEPS):
        rounds = np.arange(first, first + STEPS, dtype=np.int64)
        time_ns = np.repeat(rounds * (clean.period_s * SECOND), clean.channels)
        value = chance.normal(size=len(row))
        if clean.mix is not None:
            value = clean.mix(value.reshape(STEPS, clean.channels)).ravel()
        batch = Batch(np.arange(len(row), dtype=np.int32), row, time_ns, value, disposition)
        columns: Columns = {"value": value}
        told = [
            detector.score(batch, disposition, (0, len(row)), columns) for detector in detectors
        ]
        found.append(told[-1][told[-1]["now"] > told[-1]["was"]].copy())
    return np.concatenate(found)


def alarms(clean: Clean, detectors: Sequence[Any], skip: int = 0) -> int:
    """Number of rises after `skip` rounds."""
    return int((rises(clean, detectors)["time_ns"] >= skip * clean.period_s * SECOND).sum())


def fair(found: int, expected: float, share: float = SHARE) -> bool:
    """Whether a count is what was promised, and tells something."""
    assert expected >= 100
    low, high = within(expected, share)
    print(f"{found} of {expected:.1f}, {low} to {high}")  # noqa: T201 - figures for the docs
    return low <= found <= high


def kept(found: int, most: float) -> bool:
    """Whether a count stays below what was promised at most, and something rang at all."""
    assert most >= 100
    high = within(most, SHARE)[1]
    print(f"{found} of at most {most:.1f}, {high}")  # noqa: T201 - figures for the docs
    return 0 < found <= high


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
