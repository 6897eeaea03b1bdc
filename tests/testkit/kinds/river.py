"""Models of river: a daily hump with wild readings and a lasting fault."""

import math
from typing import Any

import numpy as np

from contracts.batch import Disposition
from contracts.quantities import Duration
from detectors.river.config import River
from detectors.river.rule import RIVER
from tests.testkit.kind_case import Case, Reading, roster

TREES: dict[str, Any] = {
    "model": "half_space_trees",
    "options": {"n_trees": 10, "height": 4, "window_size": 40},
    "at_most": "yellow",
    "above": 0.92,
    "memory": 80,
    "warm_up": 40,
    "sync": Duration("2 min"),
    "relearn_after": Duration("30 min"),
}


def stream(seed: int, rows: int = 2, n: int = 220) -> list[Reading]:
    """A daily hump and noise, with wild readings and a fault that stays for a while."""
    chance = np.random.default_rng(seed)
    readings = []
    for step in range(n):
        for row in range(rows):
            value = 10.0 + 2.0 * math.sin(step / 4) + chance.normal(0, 0.3)
            value += 9.0 if step % 53 == 50 or 150 <= step < 156 else 0.0
            disposition = Disposition.HELD if chance.random() < 0.05 else Disposition.SCORED
            readings.append(Reading(row, 60.0 * step + row, value, disposition))
    return readings


def case_of(seed: int = 0, **words: Any) -> Case:
    """A case with some words changed."""
    rule = River(**{**TREES, **words})
    return Case(RIVER, {"water.p": rule}, roster({"water.p": 2}, group_size=2), stream(seed))


def case(seed: int = 0) -> Case:
    """Half-space trees over the value and the one before it."""
    return case_of(seed, features=["value", "lag1"])
