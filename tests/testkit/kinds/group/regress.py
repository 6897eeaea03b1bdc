"""Regression: a residual current that temperature drives, and leaks."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from contracts.batch import Disposition
from contracts.quantities import Duration, Sigmas
from detectors.base.kind import Roster
from detectors.group.regress import REGRESS, Regress
from tests.testkit.kind_case import Case, Reading, roster

WORDS: dict[str, Any] = {
    "on": ["power.temperature"],
    "band": Sigmas("5 sigma"),
    "floor": 0.05,
    "at_most": "yellow",
    "sync": Duration("2 min"),
    "warm_up": 40,
}


def warmth(step: int) -> float:
    """Temperature of a feeder pillar by the minute: days of 240 minutes, seasons of 2400."""
    return 20.0 + 8.0 * math.sin(step / 38) + 10.0 * math.sin(step / 380)


def stream(
    seed: int, steps: int = 900, leaks: Mapping[int, float] | None = None, rows: int = 1
) -> list[Reading]:
    """Residual current of a feeder that temperature drives, 1 mA a degree; leaks by step."""
    chance = np.random.default_rng(seed)
    readings = []
    for step in range(steps):
        for one in range(rows):
            t = warmth(step) + float(chance.normal(0, 0.3))
            wet = 5.0 + 1.2 * t + float(chance.normal(0, 0.4)) + (leaks or {}).get(step, 0.0)
            disposition = Disposition.HELD if chance.random() < 0.03 else Disposition.SCORED
            if chance.random() > 0.05:  # gaps longer than `sync` come now and then
                readings.append(Reading(rows + one, 60.0 * step + one, t, disposition))
            readings.append(Reading(one, 60.0 * step + 1 + one, wet, disposition))
    return readings


def case(seed: int = 0) -> Case:
    """Two feeders in groups of their own, with a leak and a shift that stays."""
    leaks = dict.fromkeys(range(300, 310), 12.0) | dict.fromkeys(range(600, 900), 9.0)
    rule = Regress(**WORDS, hysteresis=Sigmas("1 sigma"), relearn_after=Duration("1 h"))
    return Case(
        REGRESS,
        {"power.residual": rule},
        groups(roster({"power.residual": 2, "power.temperature": 2}), [0, 1, 0, 1]),
        stream(seed, leaks=leaks, rows=2),
    )


def groups(lane: Roster, of: list[int]) -> Roster:
    """The same lane in other groups."""
    return Roster(
        lane.labels, lane.classes, lane.class_of, [f"g-{i}" for i in of], lane.period_ns,
        lane.places,
    )  # fmt: skip
