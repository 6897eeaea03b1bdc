"""Isolation: values that are mostly in two places."""

from typing import Any

import numpy as np

from contracts.quantities import Duration
from detectors.group.half_space import ISOLATION, Isolation, Span
from tests.testkit.kind_case import Case, Reading, roster

UNIT = Span(0.0, 1.0)
QUICK: dict[str, Any] = {
    "features": {"value": UNIT, "change": Span(-0.5, 0.5)},
    "trees": 7,
    "height": 5,
    "window": 60,
    "above": 0.8,
    "quantile": 0.97,
    "warm_up": 100,
    "memory": 150,
    "at_most": "yellow",
    "hysteresis": 0.02,
    "relearn_after": Duration("30 min"),
}


def stream(seed: int, channels: int = 2, n: int = 700) -> list[Reading]:
    """Two places where values mostly are, and now and then one elsewhere."""
    chance = np.random.default_rng(seed)
    readings = []
    for step in range(n):
        for row in range(channels):
            value = 0.3 + 0.3 * (step // 40 % 2) + chance.normal(0, 0.02)
            value = value if chance.random() > 0.03 else chance.uniform(-0.2, 1.2)
            if chance.random() > 0.02:
                readings.append(Reading(row, 60.0 * step + row, float(value)))
    return readings


def case(seed: int = 0) -> Case:
    """Two pumps with values elsewhere now and then."""
    return Case(ISOLATION, {"pump.a": Isolation(**QUICK)}, roster({"pump.a": 2}), stream(seed))
