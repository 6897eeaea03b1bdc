"""Departures: channels whose mean moves and stays away for a while."""

from typing import Any

import numpy as np

from contracts.quantities import Sigmas
from detectors.change.departure import DEPARTURE, Departure
from tests.testkit.kind_case import Case, Reading, roster

WORDS: dict[str, Any] = {
    "band": Sigmas("4 sigma"),
    "floor": 0.01,
    "at_most": "yellow",
    "smoothing": 0.2,
    "memory": 40,
    "warm_up": 100,
    "hysteresis": Sigmas("0.5 sigma"),
}


def stream(seed: int, channels: int = 3, n: int = 500) -> list[Reading]:
    """Noise whose mean moves now and then, and stays there for a while, with gaps."""
    chance = np.random.default_rng(seed)
    readings, mean = [], np.full(channels, 5.0)
    for step in range(n):
        for row in range(channels):
            if chance.random() < 0.05:
                continue
            if chance.random() < 0.01:
                mean[row] = 5.0 + float(chance.choice([-1.0, 0.0, 0.0, 1.0]))
            readings.append(Reading(row, 60.0 * step + row, float(chance.normal(mean[row], 0.2))))
    return readings


def case_of(seed: int, rule: Departure) -> Case:
    """Three channels that depart."""
    return Case(DEPARTURE, {"water.p": rule}, roster({"water.p": 3}), stream(seed))


def case(seed: int = 0) -> Case:
    """Both sides."""
    return case_of(seed, Departure(**WORDS))
