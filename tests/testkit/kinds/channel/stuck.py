"""Stuck channels: a coarse sensor, rests at zero, and ever longer runs of one value."""

from typing import Any

import numpy as np

from contracts.quantities import Duration
from detectors.channel.stuck import STUCK, Stuck
from tests.testkit.kind_case import Case, Reading, roster

QUICK: dict[str, Any] = {
    "at_most": "yellow",
    "warm_up": Duration("2 h"),
    "runs": 5,
    "forget": Duration("1 d"),
    "relearn_after": Duration("4 h"),
}


def stream(seed: int, n: int = 1500) -> list[Reading]:
    """Steps of a coarse sensor, rests at 0, and ever longer runs."""
    chance = np.random.default_rng(seed)
    readings, values, left = [], [1.0, 1.0], [0, 0]
    for step in range(n):
        for row in range(2):
            if left[row] == 0:
                values[row] = float(chance.choice([0.0, 1.0, 1.25, 1.5]))
                long = step > n // 2 and chance.random() < 0.05
                left[row] = int(chance.integers(50, 250)) if long else int(chance.integers(1, 9))
            left[row] -= 1
            wobble = 0.01 * float(chance.integers(-1, 2)) if chance.random() < 0.3 else 0.0
            if chance.random() < 0.97:
                readings.append(Reading(row, 60.0 * step + row, values[row] + wobble))
    return readings


def case(seed: int = 0) -> Case:
    """Two coarse sensors that rest at zero and stick."""
    rule = Stuck(**QUICK, rest=0.0, resolution=0.02)
    return Case(STUCK, {"water.q": rule}, roster({"water.q": 2}), stream(seed))
