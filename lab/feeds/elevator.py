"""Two days of six lifts, made trip by trip: doors, levelling, vibration, and the car's state."""

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from contracts.civil_time import civil, milliseconds
from lab.feeds.feed import Feed, Known, Reading

LIFTS: Final = [f"elevator.lift-{number:02d}" for number in range(1, 7)]
BEGIN: Final = civil("2026-03-02T06:00")
HOURS: Final = 40
SEED: Final = 20260302
IDLE, UP, DOWN, OPENING, OPEN, CLOSING = range(6)
HEARTBEAT_MS: Final = 60_000

REOPENS: Final = Known(
    "doors of lift 02 open again and again on Tuesday morning",
    BEGIN + timedelta(hours=26),
    BEGIN + timedelta(hours=28),
    frozenset({"elevator.lift-02.door_cycles", "elevator.lift-02.car_state"}),
    frozenset({"limit", "unusual", "sequence"}),
    "made: eight openings a trip for an hour",
)
LEVELLING: Final = Known(
    "lift 04 stops a step too low on Tuesday",
    BEGIN + timedelta(hours=30),
    BEGIN + timedelta(hours=33),
    frozenset({"elevator.lift-04.levelling"}),
    frozenset({"limit", "unusual"}),
    "made: 24 mm off the floor for two hours",
)
STUCK: Final = Known(
    "lift 05 stands between floors on Tuesday",
    BEGIN + timedelta(hours=34),
    BEGIN + timedelta(hours=35),
    frozenset({"elevator.lift-05.car_state"}),
    frozenset({"sequence", "stuck", "silent"}),
    "made: 40 minutes in motion without arriving",
)


def feed() -> Feed:
    """The made feed, the same every time."""
    chance = random.Random(SEED)
    readings = [reading for lift in LIFTS for reading in _life(lift, chance)]
    readings.sort(key=lambda reading: reading.time_ms)
    source = "made: two days of six lifts, trip by trip; three faults in them"
    return Feed("elevator", source, readings, [REOPENS, LEVELLING, STUCK])


def _within(lift: str, known: Known, time_ms: int, minutes: int) -> bool:
    mine = any(channel.startswith(f"{lift}.") for channel in known.channels)
    begin = milliseconds(known.begin)
    return mine and begin <= time_ms < begin + minutes * 60_000


def _life(lift: str, chance: random.Random) -> Iterator[Reading]:
    """Trips by day, idleness by night, and the state as a heartbeat of a minute between."""
    now, end = milliseconds(BEGIN), milliseconds(BEGIN + timedelta(hours=HOURS))
    while now < end:
        hour = (6 + (now - milliseconds(BEGIN)) / 3_600_000) % 24
        busy = 4 if 7 <= hour < 22 else 25
        idle = min(round(chance.expovariate(1 / busy) * 60_000), end - now)
        yield from _state(lift, IDLE, now, idle)
        now += idle
        if now >= end:
            return
        trip = _trip(lift, now, chance)
        yield from trip
        now = trip[-1].time_ms + 1_000


def _state(lift: str, state: int, begin: int, lasts: int) -> Iterator[Reading]:
    """A state when it begins, and again every minute while it lasts."""
    for time_ms in range(begin, begin + max(lasts, 1), HEARTBEAT_MS):
        yield Reading(time_ms, f"{lift}.car_state", float(state))


def _trip(lift: str, begin: int, chance: random.Random) -> list[Reading]:
    """One trip: to another floor, doors, and what was measured on the way."""
    trip: list[Reading] = []
    now = begin

    def pass_through(state: int, lasts: int) -> None:
        nonlocal now
        trip.extend(_state(lift, state, now, lasts))
        now += lasts

    moving = UP if chance.random() < 0.5 else DOWN
    travel = round(chance.uniform(6_000, 35_000))
    if _within(lift, STUCK, now, 30):
        travel = 40 * 60_000
    pass_through(moving, travel)
    trip.append(Reading(now, f"{lift}.vibration", round(chance.gauss(0.09, 0.012), 4)))
    off = 24.0 if _within(lift, LEVELLING, now, 120) else 0.0
    trip.append(Reading(now, f"{lift}.levelling", round(off + chance.gauss(0.0, 1.5), 2)))
    openings = 8 if _within(lift, REOPENS, now, 60) else 1 + (chance.random() < 0.05)
    for _ in range(openings):
        pass_through(OPENING, 2_500)
        pass_through(OPEN, round(chance.uniform(3_000, 8_000)))
        pass_through(CLOSING, 3_000)
    trip.append(Reading(now, f"{lift}.door_cycles", float(openings)))
    return trip
