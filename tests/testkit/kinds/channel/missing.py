"""Missing, repeated and late readings: a stream with gaps and disorder."""

from typing import Any

import numpy as np

from contracts.batch import Disposition
from contracts.quantities import Duration
from detectors.base.kind import Kind
from detectors.base.thresholds import Steps
from detectors.channel.missing import MISSING, Missing
from tests.testkit.kind_case import Case, Reading, roster

HOUR = Duration("1 h")
WORTHLESS = (
    Disposition.HELD,
    Disposition.NOT_FINITE,
    Disposition.OUT_OF_RANGE,
    Disposition.TOO_FAST,
)
GAPS = Missing(over=HOUR, below=Steps(yellow=0.8, red=0.4), hysteresis=0.05)


def stream(seed: int, n: int = 900) -> list[Reading]:
    """Two channels every five minutes, with gaps, jitter, repeats, and everything in disorder."""
    chance = np.random.default_rng(seed)
    readings, share = [], 0.0
    for step in range(n):
        if step % 60 == 0:
            share = float(chance.choice([0.0, 0.05, 0.3, 0.7]))
        for row in range(2):
            at_s = 300.0 * step + float(chance.uniform(0, 100)) + 600_000
            draw = chance.random()
            worth = Disposition(chance.choice(WORTHLESS)) if draw < 0.03 else Disposition.SCORED
            if chance.random() >= share:
                readings.append(Reading(row, at_s, float(step), worth))
            for disposition in (
                Disposition.DUPLICATE,
                Disposition.LATE,
                Disposition.BACK_FILLED,
                Disposition.FUTURE,
            ):
                if chance.random() < share / 3:
                    back_s = float(chance.choice([0, 400, 2000, 9000]))
                    readings.append(Reading(row, at_s - back_s, 0.0, disposition))
    readings.insert(50, Reading(-1, 600_000.0, 1.0, Disposition.UNKNOWN_CHANNEL))
    return readings


def case(seed: int = 0, kind: Kind = MISSING, rule: Any = GAPS) -> Case:
    """Gaps, unless another of the three kinds is named."""
    return Case(kind, {"water.q": rule}, roster({"water.q": 2}, period_s=300), stream(seed))
