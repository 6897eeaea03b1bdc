"""Exchanged meters: pressures that come in another unit from some minute on."""

import numpy as np

from contracts.quantities import Duration
from detectors.channel.unit_change import UNIT_CHANGE, UnitChange
from tests.testkit.kind_case import Case, Reading, roster

RULE = UnitChange(
    floor=0.05,
    at_most="yellow",
    confirm=4,
    warm_up=30,
    memory=100,
    off_delay=Duration("2 min"),
    relearn_after=Duration("40 min"),
)


def pressures(seed: int, n: int, factors: dict[int, float]) -> list[Reading]:
    """A pressure a minute of two channels; from some minutes on the first one times a factor."""
    chance = np.random.default_rng(seed)
    readings, factor = [], 1.0
    for minute in range(n):
        factor = factors.get(minute, factor)
        for row in (0, 1):
            value = (0.3 + 0.05 * np.sin(minute / 60)) * chance.normal(1, 0.02)
            readings.append(
                Reading(row, 60.0 * minute + row, float(value * (factor if row == 0 else 1.0)))
            )
    return readings


def case(seed: int = 0) -> Case:
    """Units that change and change back, one that stays, and a sign."""
    factors = {60: 10.0, 70: 1.0, 100: 1000.0, 103: 1.0, 120: -1.0, 150: 1.0, 200: 0.1}
    lane = roster({"water.pressure": 2})
    return Case(UNIT_CHANGE, {"water.pressure": RULE}, lane, pressures(seed, 360, factors))
