"""Consensus: masts that move together, and some that do not."""

import numpy as np

from contracts.quantities import Duration, Sigmas
from detectors.base.kind import Roster
from detectors.group.consensus import CONSENSUS, Consensus
from tests.testkit.kind_case import Case, Reading, roster

RULE = Consensus(
    band=Sigmas("5 sigma"),
    floor=0.05,
    at_most="yellow",
    nearest=4,
    warm_up=10,
    memory=40,
    sync=Duration("2 min"),
    on_delay=Duration("1 min"),
    off_delay=Duration("2 min"),
    hysteresis=Sigmas("1 sigma"),
    relearn_after=Duration("1 h"),
)
MASTS = 12


def lane() -> Roster:
    """Two groups of six masts each, one group without places."""
    places = np.array([[121.4 + 0.01 * (i % 3), 31.2 + 0.01 * (i // 3)] for i in range(MASTS)])
    places[6:] = np.nan
    return roster({"ground.height": MASTS}, group_size=6, places=places)


def heights(seed: int, n: int, moves: dict[tuple[int, int], float]) -> list[Reading]:
    """A reading a minute of each mast: a common walk, noise, and steps from (minute, mast) on."""
    chance = np.random.default_rng(seed)
    common = np.cumsum(chance.normal(0, 0.05, n))
    readings = []
    for minute in range(n):
        for mast in range(MASTS):
            step = sum(by for (at, who), by in moves.items() if who == mast and minute >= at)
            value = 10.0 * mast + common[minute] + chance.normal(0, 0.05) + step
            readings.append(Reading(mast, minute * 60.0 + mast, float(value)))
    return readings


def case(seed: int = 0) -> Case:
    """Faults of some masts, one after the other, some of them mended."""
    moves = {(60, 2): 1.0, (80, 2): -1.0, (90, 8): -2.0, (100, 3): 0.7, (110, 3): -0.7}
    return Case(CONSENSUS, {"ground.height": RULE}, lane(), heights(seed, 150, moves))
