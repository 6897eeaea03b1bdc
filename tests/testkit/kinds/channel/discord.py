"""Discords: waves, and now and then a cycle of another shape."""

from typing import Any

import numpy as np

from contracts.quantities import Duration
from detectors.channel.discord import DISCORD, Discord
from tests.testkit.kind_case import Case, Reading, roster

QUICK: dict[str, Any] = {
    "window": 12,
    "history": 60,
    "floor": 0.05,
    "gap": Duration("3 min"),
    "quantile": 0.95,
    "times": 1.1,
    "warm_up": 100,
    "memory": 150,
    "at_most": "yellow",
    "hysteresis": 0.05,
    "relearn_after": Duration("40 min"),
}


def stream(seed: int, channels: int = 2, n: int = 900) -> list[Reading]:
    """Waves with noise, rests, gaps, and now and then a cycle of another shape."""
    chance = np.random.default_rng(seed)
    readings = []
    phase = np.arange(n) % 15 / 15 * 2 * np.pi
    for row in range(channels):
        values = np.sin(phase) + chance.normal(0, 0.05, n)
        for at in chance.integers(300, n - 20, 5):
            values[at : at + 10] = chance.normal(0, 1, 10)
        values[200:230] = values[500:540] = 0.0
        late = np.cumsum(chance.random(n) < 0.004) * 400.0
        readings += [
            Reading(row, 60.0 * i + late[i] + row, float(values[i]))
            for i in range(n)
            if chance.random() > 0.01
        ]
    return sorted(readings, key=lambda reading: reading.at_s)


def case(seed: int = 0) -> Case:
    """Two lifts whose waves change their shape."""
    return Case(DISCORD, {"lift.a": Discord(**QUICK)}, roster({"lift.a": 2}), stream(seed))
