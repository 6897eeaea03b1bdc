"""A metro station: gates, zones, an escalator and a train, with crowds in them.

Counts are of Poisson around a profile of the day that no two days keep quite alike. Density of a
zone follows those who pass the gates.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from lab.generators.crowd_faults import FAULTS, Station
from lab.generators.made import Made
from lab.generators.shapes import (
    DAY_S,
    HOUR_S,
    Floats,
    Sheet,
    appointments,
    city_ns,
    daily,
    known,
    wandering,
    workday,
)

HOURS: Final = (0, 5, 6, 7.5, 8.3, 9.5, 12, 16.5, 18, 19.5, 22, 23.3)
OUT: Final = (0.0, 0.0, 0.1, 0.8, 1.0, 0.4, 0.3, 0.35, 0.6, 0.35, 0.15, 0.0)  # an office district
INTO: Final = (0.0, 0.0, 0.1, 0.4, 0.5, 0.3, 0.3, 0.45, 1.0, 0.5, 0.2, 0.0)
REST: Final = (0.0, 0.0, 0.05, 0.1, 0.15, 0.25, 0.45, 0.5, 0.45, 0.35, 0.2, 0.0)  # at weekends
MINUTE_S, ZONE_S, MACHINE_S = 60.0, 5.0, 10.0
GATES: Final = ("in_a", "in_b", "out_a", "out_b")
ZONES: Final = ("hall", "platform")
STANDBY, RUNS = 3.0, 1.0


@dataclass(frozen=True, slots=True)
class Crowd:
    """What a station is drawn from; spans are drawn evenly within their two ends.

    Parameters
    ----------
    seed : int
    days, quiet_d : int
        Altogether, and without trouble before: a profile of weekdays is learned in some weeks.
    kinds : tuple of str
        Trouble that is put in, once each, of `FAULTS`.
    tell : tuple of str
        What is told: of gates, zones and machines.
    peak : tuple of float
        People a minute through a group of gates at the height of a workday.
    day_to_day, keep, wander : float
        How far days differ; what a minute keeps of how the one before did, and how far minutes do.
    per_m2 : tuple of float
        People on a square metre of a zone at the peak of gates.
    meter_m2 : float
        Noise of a camera.
    surge, surge_h : tuple of float
        How many times the usual come, and for how long.
    closed_h, gate_h, stands_h, stuck_h, gap_min, full_min : tuple of float
        How long trouble lasts: station closed, gates off, escalator tripped, camera frozen, no
        train, train too full.
    gap_m2 : tuple of float
        People on a square metre of the platform when the next train comes.
    full_percent : tuple of float
    """

    seed: int = 1
    days: int = 35
    quiet_d: int = 28
    kinds: tuple[str, ...] = ("surge", "closed", "gates")
    tell: tuple[str, ...] = ("gates",)
    peak: tuple[float, float] = (40.0, 90.0)
    day_to_day: float = 0.05
    keep: float = 0.95
    wander: float = 0.08
    per_m2: tuple[float, float] = (0.8, 1.3)
    meter_m2: float = 0.08
    surge: tuple[float, float] = (1.8, 4.0)
    surge_h: tuple[float, float] = (0.7, 2.0)
    closed_h: tuple[float, float] = (1.0, 4.0)
    gate_h: tuple[float, float] = (0.5, 3.0)
    stands_h: tuple[float, float] = (0.2, 2.0)
    stuck_h: tuple[float, float] = (1.0, 4.0)
    gap_min: tuple[float, float] = (8.0, 25.0)
    full_min: tuple[float, float] = (3.0, 20.0)
    gap_m2: tuple[float, float] = (2.5, 5.5)
    full_percent: tuple[float, float] = (125.0, 160.0)


def of_days(seed: int) -> Crowd:
    """Zones, escalator and train for some days."""
    return Crowd(seed, 4, 1, ("escalator", "gap", "full"), ("zones", "machines"))


def of_cameras(seed: int) -> Crowd:
    """Zones for as long as a rule listens before it calls a camera stuck."""
    return Crowd(seed, 18, 15, ("camera", "gap"), ("zones",))


def make(parameters: Crowd) -> Made:
    """A station, with one of each kind of trouble behind the quiet days."""
    chance = np.random.default_rng(parameters.seed)
    sheet = Sheet(city_ns("2026-03-02T00:00"))
    station = Station(parameters.days, chance, sheet)
    span = (parameters.quiet_d * DAY_S, parameters.days * DAY_S)
    known(parameters.kinds, FAULTS)
    known(parameters.tell, _TELL)
    for kind, begin in appointments(chance, parameters.kinds, span).items():
        FAULTS[kind](station, parameters, _by_day(begin))
    for word in parameters.tell:
        _TELL[word](station, parameters)
    return sheet.made({"generator": "crowd", **asdict(parameters)})


def _by_day(second: float) -> float:
    """The same day, between 8 and 19: trouble in an empty station is none."""
    day, hour = divmod(second / HOUR_S, 24)
    return (24 * day + 8 + hour * 11 / 24) * HOUR_S


def _profile(time_s: Floats, levels: tuple[float, ...]) -> Floats:
    weekday = workday(time_s)
    return np.where(weekday, daily(time_s, HOURS, levels), daily(time_s, HOURS, REST))


def _day_to_day(station: Station, p: Crowd, time_s: Floats) -> Floats:
    """How far each day is from the usual one."""
    days = 1.0 + station.chance.normal(0, p.day_to_day, p.days)
    return np.asarray(days[(time_s // DAY_S).astype(np.int64)], np.float64)


def _gates(station: Station, p: Crowd) -> None:
    """Counts of groups of gates by minute, and of the station by hour."""
    chance, time_s = station.chance, np.arange(0.0, p.days * DAY_S, MINUTE_S)
    sides: dict[str, list[Floats]] = {"in": [], "out": []}
    shared = _day_to_day(station, p, time_s)
    shared = shared * (1.0 + wandering(chance, len(time_s), p.keep, p.wander))
    for gate in GATES:
        side = gate.split("_")[0]
        mean = float(chance.uniform(*p.peak)) * _profile(time_s, INTO if side == "in" else OUT)
        factor = station.factor(gate, time_s)
        count = chance.poisson(np.maximum(mean * shared * factor, 0.0)).astype(np.float64)
        sides[side].append(count)
        station.sheet.add(_channel(f"gate_{gate}", "gate"), time_s, count, 0)
    for side, word in (("in", "entries"), ("out", "exits")):
        hourly = np.sum(sides[side], axis=0).reshape(-1, 60).sum(axis=1)
        hours = np.arange(1.0, len(hourly) + 1) * HOUR_S
        station.sheet.add(_channel(word, f"station_{word}"), hours, hourly, 0)


def _zones(station: Station, p: Crowd) -> None:
    """Density of zones."""
    chance, time_s = station.chance, np.arange(0.0, p.days * DAY_S, ZONE_S)
    usual = _profile(time_s, INTO) * _day_to_day(station, p, time_s) * station.crowding(time_s)
    for zone in ZONES:
        level = float(chance.uniform(*p.per_m2)) * usual
        level = level * (1 + wandering(chance, len(time_s), 0.99, 0.1))
        level += station.waiting(zone, time_s)
        told = np.maximum(level + chance.normal(0, p.meter_m2, len(time_s)), 0.0)
        name = f"density_{zone}"
        station.sheet.add(_channel(name, "density"), time_s, station.frozen(name, time_s, told), 2)


def _machines(station: Station, p: Crowd) -> None:
    """An escalator and a car of a train."""
    chance, time_s = station.chance, np.arange(0.0, p.days * DAY_S, MACHINE_S)
    open_now = (time_s / HOUR_S % 24 >= 5.5) & (time_s / HOUR_S % 24 < 23.5)
    state = station.escalator(time_s, np.where(open_now, RUNS, STANDBY))
    station.sheet.add(_channel("escalator_state", "escalator_state"), time_s, state, 0)
    load = 100.0 * _profile(time_s, INTO) + wandering(chance, len(time_s), 0.97, 6.0)
    load = np.maximum(station.train(time_s, load), 0.0)
    cells: dict[str, Any] = {"id": "metro.train-made.load", "class": "metro.train_load"}
    cells |= {"asset": "train-made", "group": "metro.train-made"}
    station.sheet.add(cells, time_s, load, 1)


def _channel(word: str, kind: str) -> dict[str, str]:
    channel = {"id": f"metro.made.{word}", "class": f"metro.{kind}"}
    return {**channel, "asset": "made", "group": "metro.made"}


_TELL: Final = {"gates": _gates, "zones": _zones, "machines": _machines}
