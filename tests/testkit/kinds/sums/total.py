"""Sums over stretches: passengers who leave a station train by train."""

import numpy as np

from contracts.quantities import Duration
from detectors.base.thresholds import Steps
from detectors.sums.total import TOTAL, Total
from tests.testkit.kind_case import Case, Reading, roster

RULE = Total(
    over=Duration("10 min"),
    low=Steps(blue=100.0),
    high=Steps(yellow=2500.0, orange=3300.0),
    least=5,
    off_delay=Duration("10 min"),
    hysteresis=100.0,
)


def exits(seed: int, minutes: int, surge: tuple[int, int] = (0, 0)) -> list[Reading]:
    """Exits a minute: 400 of each train, every three minutes, nearly none between them."""
    chance = np.random.default_rng(seed)
    readings = []
    for minute in range(minutes):
        many = 3.8 if surge[0] <= minute < surge[1] else 1.0
        mean = many * (400.0 if minute % 3 == 0 else 10.0)
        for row in (0, 1):
            if chance.random() > 0.02:
                count = float(chance.poisson(mean if row == 0 else 200.0))
                readings.append(Reading(row, 60.0 * minute + 7 * row, count))
    return readings


def case(seed: int = 0) -> Case:
    """A surge of 3.8 times for half an hour, and a station that closes behind it."""
    readings = exits(seed, 240, (100, 130))
    closed = [Reading(r.row, r.at_s, 0.0 if r.at_s > 180 * 60 else r.value) for r in readings]
    return Case(TOTAL, {"metro.exits": RULE}, roster({"metro.exits": 2}), closed)
