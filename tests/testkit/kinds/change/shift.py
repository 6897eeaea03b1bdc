"""Shifts: noise whose mean moves by little, and a few wild readings."""

from typing import Any

import numpy as np

from contracts.quantities import Duration, Sigmas
from detectors.change.shift import SHIFT, Shift
from tests.testkit.kind_case import Case, Reading, roster

WORDS: dict[str, Any] = {
    "floor": 0.01,
    "at_most": "yellow",
    "band": Sigmas("4 sigma"),
    "h": Sigmas("7 sigma"),
    "warm_up": 40,
    "memory": 200,
}
RULE = Shift(**WORDS, off_delay=Duration("10 min"), relearn_after=Duration("1 h"))


def stream(seed: int, channels: int = 3, n: int = 500) -> list[Reading]:
    """Noise whose mean shifts now and then, with gaps and a few wild readings."""
    chance = np.random.default_rng(seed)
    readings, mean = [], np.full(channels, 5.0)
    for step in range(n):
        for row in range(channels):
            if chance.random() < 0.05:
                continue
            if chance.random() < 0.008:
                mean[row] = 5.0 + float(chance.choice([-0.3, 0.0, 0.0, 0.3]))
            wild = 4.0 if chance.random() < 0.004 else 0.0
            readings.append(
                Reading(row, 60.0 * step + row, float(chance.normal(mean[row] + wild, 0.2)))
            )
    return readings


def case_of(seed: int, rule: Shift) -> Case:
    """Three channels that shift."""
    return Case(SHIFT, {"water.p": rule}, roster({"water.p": 3}), stream(seed))


def case(seed: int = 0) -> Case:
    """Both charts with thresholds given."""
    return case_of(seed, RULE)
