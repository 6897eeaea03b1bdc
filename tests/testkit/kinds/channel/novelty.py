"""Novelties: waves, and now and then a level that was not there before."""

from typing import Any

import numpy as np

from contracts.quantities import Duration
from detectors.channel.novelty import NOVELTY, Novelty
from tests.testkit.kind_case import Case, Reading, roster

QUICK: dict[str, Any] = {
    "window": 5,
    "floor": 0.05,
    "above": 1.0,
    "warm_up": 50,
    "memory": 200,
    "at_most": "yellow",
    "off_delay": Duration("5 min"),
}


def stream(seed: int, channels: int = 2, n: int = 900) -> list[Reading]:
    """Waves with noise, rests, and now and then a value or a level that was not there."""
    chance = np.random.default_rng(seed)
    readings = []
    for row in range(channels):
        values = np.sin(np.arange(n) / 9.0) + chance.normal(0, 0.05, n)
        values[200:230] = 0.0
        for at in chance.integers(100, n - 20, 6):
            values[at : at + chance.integers(1, 15)] += chance.normal(0, 5)
        readings += [
            Reading(row, 60.0 * i + row, float(values[i]))
            for i in range(n)
            if chance.random() > 0.01
        ]
    return sorted(readings, key=lambda reading: reading.at_s)


def case(seed: int = 0) -> Case:
    """Two lifts with levels that were not there before."""
    return Case(NOVELTY, {"lift.a": Novelty(**QUICK)}, roster({"lift.a": 2}), stream(seed))
