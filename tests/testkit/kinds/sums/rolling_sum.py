"""Rolling sums: rain by the minute, and what a cold store, a sewer and a detector add up."""

import numpy as np
from numpy.typing import NDArray

from contracts.quantities import Duration
from detectors.sums.rolling_sum import ROLLING_SUM, RollingSum, Window
from tests.testkit.kind_case import Case, Reading, roster

RULE = RollingSum(
    over={
        "1 h": Window(blue=10.0, yellow=16.0, orange=20.0),
        "3 h": Window(orange=22.0, red=40.0),
        "30 min": Window(blue=8.0),
    },
    every=Duration("5 min"),
    off_delay=Duration("10 min"),
    hysteresis=1.0,
)
# A flow per hour, degree-minutes and minutes out of range.
RULES = {
    "drainage.spill": RollingSum(
        over={"2 h": Window(yellow=150.0, red=260.0), "30 min": Window(blue=60.0)},
        add="amount",
        every=Duration("7.5 min"),
        gap=Duration("4 min"),
        off_delay=Duration("20 min"),
        hysteresis=10.0,
    ),
    "stores.vaccine": RollingSum(
        over={"4 h": Window(blue=20.0, yellow=60.0), "12 h": Window(orange=150.0)},
        add="dose",
        above=8.0,
        every=Duration("10 min"),
        gap=Duration("6 min"),
        on_delay=Duration("5 min"),
        hysteresis=5.0,
    ),
    "stores.frozen": RollingSum(
        over={"3 h": Window(blue=15.0, yellow=30.0), "6 h": Window(orange=60.0)},
        add="time",
        below=6.0,
        every=Duration("15 min"),
        gap=Duration("3 min"),
        off_delay=Duration("10 min"),
    ),
}


def _storm(chance: np.random.Generator, minutes: int, at: int, most: float) -> NDArray[np.float64]:
    """Rain of each minute in whole tips of 0.2 mm: a shower that grows, pours and goes."""
    minute = np.arange(minutes)
    mean = most * np.exp(-((minute - at) ** 2) / (2 * 40.0**2))
    return 0.2 * chance.poisson(mean / 0.2).astype(np.float64)


def rain(seed: int, minutes: int = 900) -> list[Reading]:
    """Two gauges; one in fifty readings is lost, and one gauge is away for an hour and a half."""
    chance = np.random.default_rng(seed)
    gauges = [_storm(chance, minutes, 300, 0.5), _storm(chance, minutes, 420, 0.16)]
    return [
        Reading(row, 60.0 * minute + 9 * row, float(gauges[row][minute]))
        for minute in range(minutes)
        for row in (0, 1)
        if chance.random() > 0.02 and not (row == 1 and 560 <= minute < 650)
    ]


def case(seed: int = 0) -> Case:
    """A cloudburst on one gauge, a long rain on another."""
    return Case(ROLLING_SUM, {"weather.rain": RULE}, roster({"weather.rain": 2}), rain(seed))


def added(seed: int = 0, minutes: int = 1500) -> Case:
    """Waves above and below what is right, on a channel of each way to add, with gaps."""
    chance = np.random.default_rng(seed)
    readings = []
    for minute in range(minutes):
        wave = np.sin(minute / 130.0) + 0.3 * chance.standard_normal()
        for row, value in enumerate((90.0 + 60.0 * wave, 7.0 + 1.6 * wave, 7.0 + wave)):
            late = 60.0 * minute + 13 * row + 5 * chance.random()
            if chance.random() > 0.1 and not 700 <= minute < 740 + 30 * row:
                readings.append(Reading(row, late, float(value)))
    lane = roster(dict.fromkeys(RULES, 1))
    return Case(ROLLING_SUM, RULES, lane, readings)
