"""Seasons: hourly passengers of a station with a surge and a closed day."""

from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np

from contracts.quantities import Duration, Sigmas
from detectors.channel.seasonal import SEASONAL, Seasonal
from tests.testkit.kind_case import Case, Reading, roster

CITY = timezone(timedelta(hours=8))
BEGIN = datetime(2026, 3, 2, tzinfo=CITY)  # a Monday
WORDS: dict[str, Any] = {
    "slot": Duration("1 h"),
    "band": Sigmas("5 sigma"),
    "floor": 5.0,
    "floor_share": 0.1,
    "at_most": "yellow",
    "warm_up": 3,
    "memory": 8,
}


def usual(moment: datetime) -> float:
    """Passengers an hour: two peaks on workdays, a hill on other days, nobody at night."""
    if not 6 <= moment.hour < 23:
        return 0.0
    if moment.weekday() < 5:
        return 900.0 if moment.hour in {8, 18} else 300.0
    return 200.0 + 20.0 * min(moment.hour - 6, 22 - moment.hour)


def stream(
    days: int, faulty: dict[int, float], seed: int = 0, rows: int = 1, begin: datetime = BEGIN
) -> list[Reading]:
    """Hourly counts; `faulty` gives a factor for some hours after the beginning."""
    chance = np.random.default_rng(seed)
    readings = []
    for hour in range(24 * days):
        moment = begin + timedelta(hours=hour)
        for row in range(rows):
            count = usual(moment) * float(chance.normal(1.0, 0.08)) * faulty.get(hour, 1.0)
            readings.append(Reading(row, moment.timestamp(), round(max(count, 0.0))))
    return readings


def case(seed: int = 0) -> Case:
    """Four weeks with a surge, a closed day and a shift that stays."""
    faulty = {15 * 24 + 18: 3.8, **dict.fromkeys(range(17 * 24 + 8, 17 * 24 + 14), 0.0)}
    faulty |= dict.fromkeys(range(22 * 24, 28 * 24), 1.9)
    rule = Seasonal(**WORDS, hysteresis=Sigmas("1 sigma"), relearn_after=Duration("2 d"))
    return Case(
        SEASONAL,
        {"metro.exits": rule},
        roster({"metro.exits": 2}, period_s=3600),
        stream(28, faulty, seed, rows=2),
    )
