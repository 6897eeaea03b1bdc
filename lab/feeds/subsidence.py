"""Three years of daily heights of eight GNSS stations, made: a step at all, a creep at one."""

import math
import random
from datetime import timedelta
from typing import Final

from contracts.civil_time import civil, milliseconds
from lab.feeds.feed import Feed, Known, Reading

STATIONS: Final = [f"subsidence.gnss-{number:02d}.up" for number in range(1, 9)]
DAYS: Final = 1_096
BEGIN: Final = civil("2023-01-01T12:00")
SEED: Final = 20230101

# Shaped like daily vertical solutions of permanent stations: white noise of some millimetres, a
# yearly swing of some, a slow settlement of its own for each.
NOISE_MM: Final = 2.5
YEARLY_MM: Final = 2.0
STEP_DAY, STEP_MM = 730, -18.0
CREEP_DAY, CREEP_MM_PER_DAY = 850, -0.25
CREEPING: Final = STATIONS[4]


STEP: Final = Known(
    "the ground drops at all stations on 31 December 2024",
    BEGIN + timedelta(days=STEP_DAY),
    BEGIN + timedelta(days=STEP_DAY + 30),
    frozenset(STATIONS),
    frozenset({"limit", "consensus", "trend", "unusual", "fall"}),
    f"made: {-STEP_MM:g} mm down at all stations at once",
)
CREEP: Final = Known(
    "station 05 creeps from May 2025",
    BEGIN + timedelta(days=CREEP_DAY),
    BEGIN + timedelta(days=CREEP_DAY + 240),
    frozenset({CREEPING}),
    frozenset({"limit", "consensus", "trend", "unusual", "shift"}),
    f"made: {-CREEP_MM_PER_DAY:g} mm a day at one station",
)


def feed() -> Feed:
    """The made feed, the same every time."""
    chance = random.Random(SEED)
    rate = {station: chance.uniform(-2.0, -0.5) / 365.25 for station in STATIONS}
    phase = {station: chance.uniform(-0.3, 0.3) for station in STATIONS}
    readings = []
    for day in range(DAYS):
        time_ms = milliseconds(BEGIN + timedelta(days=day))
        for station in STATIONS:
            yearly = YEARLY_MM * math.sin(2 * math.pi * day / 365.25 + phase[station])
            value = rate[station] * day + yearly + chance.gauss(0.0, NOISE_MM)
            value += STEP_MM if day >= STEP_DAY else 0.0
            if station == CREEPING:
                value += CREEP_MM_PER_DAY * max(day - CREEP_DAY, 0)
            readings.append(Reading(time_ms, station, round(value, 2)))
    source = "made: daily heights of eight GNSS stations, three years; a step and a creep in them"
    return Feed("subsidence", source, readings, [STEP, CREEP])
