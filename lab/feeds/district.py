"""Two hours of a district, made: a power feeder is lost, and lift, pumps and escalator with it."""

import math
import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final

from contracts.civil_time import civil, milliseconds
from lab.feeds.feed import Feed, Known, KnownIncident, Reading

NAME: Final = "district"
LIFELINES: Final = ("elevator", "metro", "power", "water")
BEGIN: Final = civil("2026-03-04T13:30")
# Seconds from the beginning; the feeder trips between two heartbeats of its breaker.
TRIP_S, OWN_TRIP_S, RESCUE_S, BACK_S, END_S = 1_803.0, 2_823.0, 3_123.0, 4_203.0, 7_800.0
TRIP: Final = BEGIN + timedelta(seconds=TRIP_S)
SEED: Final = 20260304

# States as the classes of the shipped configuration number them.
BREAKER_CLOSED, BREAKER_TRIPPED, BREAKER_RECLOSING = 1, 2, 3
CAR_IDLE, CAR_UP, CAR_OPENING, CAR_OPEN, CAR_CLOSING = 0, 1, 3, 4, 5
PUMP_STARTING, PUMP_RUNNING, PUMP_TRIPPED = 1, 2, 3
STEPS_STOPPED, STEPS_UP, STEPS_TRIPPED = 0, 1, 4

KILOVOLT, NOISE_KV = 10.2, 0.03
OUTLET_MPA, NOISE_MPA, EMPTIES_S = 0.62, 0.004, 40.0

FEEDER: Final = "power.feeder-0102"
LIFT: Final = "elevator.lift-06"
HOUSE: Final = "water.house-02"
OTHER_HOUSE: Final = "water.house-01"
ESCALATOR: Final = "metro.lantern-square"


def _known(name: str, channels: tuple[str, ...], rules: set[str], injected: str) -> Known:
    return Known(name, TRIP, TRIP + timedelta(minutes=40), frozenset(channels), frozenset(rules),
                 injected)  # fmt: skip


KNOWN: Final = (
    _known(
        "feeder Heron 02 trips on 4 March at 14:00",
        (f"{FEEDER}.switch", f"{FEEDER}.voltage"),
        {"sequence", "limit"},
        "made: the breaker recloses in vain, the line is dead for 40 minutes",
    ),
    _known(
        "the bed lift of the hospital stands between floors",
        (f"{LIFT}.car_state",),
        {"sequence"},
        "made: stopped on its way up, opened by hand after 22 minutes",
    ),
    _known(
        "the pumps of Egret Tower stop, and its upper floors run dry",
        (f"{HOUSE}.pump_1", f"{HOUSE}.outlet"),
        {"sequence", "limit"},
        "made: tripped five seconds behind the feeder, started again when it is back",
    ),
    _known(
        "escalator 1 of Lantern Square stops",
        (f"{ESCALATOR}.escalator_1_state",),
        {"sequence"},
        "made: stopped a second behind the feeder",
    ),
    _known(
        "a pump of Plum Court trips by itself at 14:17",
        (f"{OTHER_HOUSE}.pump_1",),
        {"sequence"},
        "made: on another feeder, and no part of the incident",
    ),
)
LOSS: Final = KnownIncident(
    "one incident of four lifelines, with feeder Heron 02 as its root",
    TRIP,
    FEEDER,
    frozenset({FEEDER, LIFT, HOUSE, f"{ESCALATOR}-e1"}),
    "made: what the feeder takes with it, as the topology has it",
)
Values = Iterator[tuple[float, float]]  # seconds from the beginning, and the value


def feed() -> Feed:
    """The made feed, the same every time; each channel begins and ends with it."""
    chance = random.Random(SEED)
    channels: dict[str, Callable[[random.Random], Values]] = {
        f"{FEEDER}.switch": _breaker,
        f"{FEEDER}.voltage": _voltage,
        f"{LIFT}.car_state": _car,
        f"{HOUSE}.pump_1": lambda _: _pump(TRIP_S + 5.0, BACK_S + 30.0),
        f"{HOUSE}.outlet": _outlet,
        f"{OTHER_HOUSE}.pump_1": lambda _: _pump(OWN_TRIP_S, OWN_TRIP_S + 900.0),
        f"{ESCALATOR}.escalator_1_state": _escalator,
    }
    begin_ms = milliseconds(BEGIN)
    readings = [
        Reading(begin_ms + round(1000 * at_s), channel, value)
        for channel, values in channels.items()
        for at_s, value in values(chance)
    ]
    readings.sort(key=lambda reading: reading.time_ms)
    source = "made: two hours of a district; a feeder is lost, and with it what hangs on it"
    return Feed(NAME, source, readings, list(KNOWN), (LOSS,))


def _states(changes: list[tuple[float, int]], every_s: float) -> Values:
    """States when they begin, and again with each heartbeat."""
    beats = [beat * every_s for beat in range(int(END_S / every_s) + 1)]
    told = dict(changes)
    state = changes[0][1]
    for at_s in sorted({*told, *beats}):
        state = told.get(at_s, state)
        yield at_s, float(state)


def _breaker(_: random.Random) -> Values:
    """Trips, recloses in vain, stays off until it is repaired."""
    changes = [
        (0.0, BREAKER_CLOSED),
        (TRIP_S, BREAKER_TRIPPED),
        (TRIP_S + 1.0, BREAKER_RECLOSING),
        (TRIP_S + 1.4, BREAKER_TRIPPED),
        (BACK_S, BREAKER_CLOSED),
    ]
    return _states(changes, 10.0)


def _voltage(chance: random.Random) -> Values:
    for beat in range(int(END_S / 10) + 1):
        at_s = 10.0 * beat
        dead = TRIP_S <= at_s < BACK_S
        yield at_s, 0.0 if dead else round(chance.gauss(KILOVOLT, NOISE_KV), 2)


def _pump(trips_s: float, starts_s: float) -> Values:
    changes = [
        (0.0, PUMP_RUNNING),
        (trips_s, PUMP_TRIPPED),
        (starts_s, PUMP_STARTING),
        (starts_s + 8.0, PUMP_RUNNING),
    ]
    return _states(changes, 60.0)


def _outlet(chance: random.Random) -> Values:
    """Upper floors drink what is left in the pipes, and are filled again."""
    for minute in range(int(END_S / 60) + 1):
        at_s, held = 60.0 * minute, 1.0
        if TRIP_S <= at_s < BACK_S + 38.0:
            held = math.exp(-(at_s - TRIP_S) / EMPTIES_S)
        yield at_s, round(max(OUTLET_MPA * held + chance.gauss(0.0, NOISE_MPA), 0.0), 3)


def _escalator(_: random.Random) -> Values:
    """Stops with the feeder; staff turn it off and on with the key."""
    changes = [
        (0.0, STEPS_UP),
        (TRIP_S + 1.0, STEPS_TRIPPED),
        (BACK_S + 60.0, STEPS_STOPPED),
        (BACK_S + 180.0, STEPS_UP),
    ]
    return _states(changes, 10.0)


def _car(chance: random.Random) -> Values:
    """Trips until one ends between floors; its box has a battery and goes on telling."""
    changes = [(0.0, CAR_IDLE)]
    at_s = 45.0
    while at_s < TRIP_S - 90.0:
        at_s = _ride(at_s, round(chance.uniform(12.0, 32.0), 1), changes)
        at_s += round(chance.uniform(30.0, 240.0), 1)
    changes.append((TRIP_S - 9.0, CAR_UP))
    changes += [(RESCUE_S, CAR_OPENING), (RESCUE_S + 5.0, CAR_OPEN), (RESCUE_S + 300.0, CAR_IDLE)]
    at_s = BACK_S + 600.0
    while at_s < END_S - 300.0:
        at_s = _ride(at_s, round(chance.uniform(12.0, 32.0), 1), changes) + 180.0
    return _states(changes, 60.0)


def _ride(at_s: float, lasts_s: float, changes: list[tuple[float, int]]) -> float:
    """Up to another floor, doors open and shut; when the car is idle again."""
    for state, length_s in (
        (CAR_UP, lasts_s),
        (CAR_OPENING, 2.5),
        (CAR_OPEN, 6.0),
        (CAR_CLOSING, 3.0),
    ):
        changes.append((round(at_s, 1), state))
        at_s += length_s
    changes.append((round(at_s, 1), CAR_IDLE))
    return round(at_s, 1)
