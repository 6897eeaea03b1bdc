"""Slow movement: settlement that drifts, jumps, rests and fails."""

from typing import Any

import numpy as np

from detectors.base.thresholds import Steps
from detectors.change.trend import TREND, Trend
from tests.testkit.kind_case import Case, Reading, roster

DAY_S = 86_400.0
RULE: dict[str, Any] = {
    "velocity": Steps(blue=10.0, yellow=20.0, orange=30.0),
    "acceleration": Steps(blue=15.0),
    "step": Steps(blue=5.0, red=12.0),
    "failure_within": Steps(orange=30.0, red=7.0),
}


def stream(seed: int, n: int = 260) -> list[Reading]:
    """Settlement that drifts, jumps, rests, has days without and with many readings, and fails."""
    chance = np.random.default_rng(seed)
    readings, level = [], [100.0, 40.0]
    drift = [0.0, 0.0]
    for day in range(n):
        for row in range(2):
            if day % 60 == 20:
                drift[row] = float(chance.choice([0.0, 0.01, 0.06, -0.1]))
            level[row] += drift[row] + (
                float(chance.choice([-14, 7])) if chance.random() < 0.02 else 0
            )
            if day > n - 20:
                level[row] += 6.0 / (n + 3 + 4 * row - day)
            count = 0 if chance.random() < 0.05 else 150 if day % 50 == 7 else 5
            for k in range(count):
                at_s = (day + 0.1 + 0.8 * k / max(count, 1)) * DAY_S
                readings.append(Reading(row, at_s, level[row] + float(chance.normal(0, 0.2))))
    return readings


def case(seed: int = 0) -> Case:
    """Two points of a railway that settle."""
    return Case(TREND, {"rail.settle": Trend(**RULE)}, roster({"rail.settle": 2}), stream(seed))
