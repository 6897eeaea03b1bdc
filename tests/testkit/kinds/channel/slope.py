"""Falls and rises: noise with slopes, gaps and repeats of a value."""

from typing import Any

import numpy as np

from contracts.quantities import Duration
from detectors.base.thresholds import Steps
from detectors.channel.slope import FALL, Fall
from tests.testkit.kind_case import Case, Reading, roster

RULE: dict[str, Any] = {"over": Duration("5 min"), "by": Steps(blue=0.02, yellow=0.03, red=0.1)}


def stream(seed: int, channels: int = 3, n: int = 240) -> list[Reading]:
    """Noise, with falls and rises, gaps and repeats of a value."""
    chance = np.random.default_rng(seed)
    readings, values = [], np.full(channels, 0.3)
    for step in range(n):
        for row in range(channels):
            if chance.random() < 0.05:
                continue
            if chance.random() < 0.03:
                values[row] += chance.choice([-0.15, -0.04, 0.04, 0.15])
            noise = 0.0 if chance.random() < 0.2 else chance.normal(0, 0.004)
            readings.append(Reading(row, 60.0 * step + row, float(values[row] + noise)))
    return readings


def case(seed: int = 0) -> Case:
    """Three channels that fall and rise."""
    return Case(FALL, {"water.p": Fall(**RULE)}, roster({"water.p": 3}), stream(seed))
