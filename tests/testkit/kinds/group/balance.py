"""Balances: inflow, outflows and a volume, and leaks that no meter sees."""

import numpy as np

from contracts.quantities import Duration
from detectors.base.kind import Roster
from detectors.base.thresholds import Steps
from detectors.group.balance import BALANCE, Balance
from tests.testkit.kind_case import Case, Reading, roster

CLASSES = {"water.inflow": 2, "water.outflow": 4, "water.volume": 2}
RULE = Balance(
    equation="inflow - outflow - 3600 * volume.rate",
    where={"inflow": "water.inflow", "outflow": "water.outflow", "volume": "water.volume"},
    tolerance=4.0,
    share=0.02,
    by=Steps(blue=1.0, yellow=2.0),
    sync=Duration("90 s"),
    on_delay=Duration("2 min"),
    off_delay=Duration("1 min"),
    hysteresis=0.2,
)


def lane() -> Roster:
    """In each of two groups an inflow, two outflows and a volume."""
    made = roster(CLASSES)
    groups = [f"g-{row % 2}" for row in range(8)]
    return grouped(made, groups)


def grouped(made: Roster, groups: list[str]) -> Roster:
    """The same lane in other groups."""
    return type(made)(made.labels, made.classes, made.class_of, groups, made.period_ns, made.places)


def stream(seed: int, leaks: dict[int, float], n: int = 120) -> list[Reading]:
    """A reading a minute of every channel; from some minute on group 0 loses so much an hour."""
    chance = np.random.default_rng(seed)
    volume = np.array([500.0, 800.0])
    readings, leak = [], 0.0
    for minute in range(n):
        leak = leaks.get(minute, leak)
        inflow = 100.0 + chance.normal(0, 5, 2)
        out = np.array([[60.0, 50.0], [30.0, 70.0]]) + chance.normal(0, 5, (2, 2))
        net = inflow - out.sum(axis=1) - np.array([leak, 0.0])
        volume = volume + net / 60.0
        values = [*inflow, out[0, 0], out[1, 0], out[0, 1], out[1, 1], *volume]
        order = (2, 3, 4, 5, 6, 7, 0, 1)  # the anchors, 0 and 1, come last
        heard = [row for row in order if chance.random() > 0.02]
        readings += [Reading(row, minute * 60.0 + row, float(values[row])) for row in heard]
    return readings


def case(seed: int = 0) -> Case:
    """Leaks that come and go."""
    leaks = {20: 12.0, 40: 0.0, 60: 30.0, 80: 9.0, 100: 0.0}
    return Case(BALANCE, {"water.inflow": RULE}, lane(), stream(seed, leaks))
