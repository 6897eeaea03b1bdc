"""Changes of the normal: noise around a mean that moves twice."""

import numpy as np

from contracts.quantities import Duration
from detectors.change.drift import DRIFT, Drift, PageHinkley
from tests.testkit.kind_case import Case, Reading, roster

HINKLEY = PageHinkley(threshold=8.0, slack=0.1)
BRIEF = Duration("2 min")


def values(seed: int, n: int = 900) -> list[float]:
    """Noise around a normal that moves twice, once up and once down."""
    chance = np.random.default_rng(seed)
    means = np.where(np.arange(n) < n // 3, 1.0, np.where(np.arange(n) < 2 * n // 3, 1.8, 0.9))
    return [float(x) for x in means + chance.normal(0, 0.25, n)]


def case_of(seed: int, rule: Drift) -> Case:
    """Two channels, the second one minute behind in its change."""
    pairs = zip(values(seed), values(seed + 100), strict=True)
    readings = [
        Reading(row, 60.0 * step + row, value)
        for step, pair in enumerate(pairs)
        for row, value in enumerate(pair)
    ]
    return Case(DRIFT, {"water.p": rule}, roster({"water.p": 2}), readings)


def case(seed: int = 0) -> Case:
    """Page and Hinkley's test."""
    return case_of(seed, Drift(page_hinkley=HINKLEY, off_delay=BRIEF))
