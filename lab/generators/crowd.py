"""A metro station: gates, zones, an escalator and a train, with crowds in them.

Counts are of Poisson around a profile of the day that no two days keep quite alike. Density of a
zone follows those who pass the gates.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np

from lab.generators.made import Made
from lab.generators.shapes import (
    DAY_S,
    HOUR_S,
    Floats,
    Sheet,
    appointments,
    city_ns,
    daily,
    inside,
    known,
    wandering,
    workday,
)

Span = tuple[float, float]
STOPPED, TRIPPED = 0.0, 4.0
LATER_S: Final = 600.0  # counts of five minutes are judged behind them, twice
HOURLY_S: Final = 2.2 * HOUR_S  # those of hours too
COUNTS: Final = ("seasonal", "total", "limit", "unusual", "shift", "balance", "stuck")


@dataclass
class Station:
    """A station while it is made."""

    days: int
    chance: np.random.Generator
    sheet: Sheet
    surges: list[tuple[Span, float]] = field(default_factory=list)
    closed: list[Span] = field(default_factory=list)
    gate_off: list[Span] = field(default_factory=list)
    tripped: list[Span] = field(default_factory=list)
    freezes: list[tuple[str, Span]] = field(default_factory=list)
    gaps: list[tuple[Span, float]] = field(default_factory=list)
    full: list[tuple[Span, float]] = field(default_factory=list)

    def factor(self, gate: str, time_s: Floats) -> Floats:
        """How many times the usual pass a group of gates."""
        factor = np.ones(len(time_s))
        for span, times in self.surges:
            factor = np.where(inside(time_s, span) & gate.startswith("in"), times, factor)
        for span in self.gate_off:
            share = {"in_a": 0.0, "in_b": 1.9}.get(gate, 1.0)
            factor = np.where(inside(time_s, span), factor * share, factor)
        for span in self.closed:
            factor = np.where(inside(time_s, span), 0.0, factor)
        return factor

    def crowding(self, time_s: Floats) -> Floats:
        """How many times the usual stand in zones."""
        crowd = np.ones(len(time_s))
        for span, times in self.surges:
            share = np.clip((time_s - span[0]) / 900.0, 0.0, 1.0)
            crowd = np.where(inside(time_s, span), 1 + (times - 1) * share, crowd)
        for span in self.closed:
            crowd = np.where(inside(time_s, span), 0.0, crowd)
        return crowd

    def waiting(self, zone: str, time_s: Floats) -> Floats:
        """People on a square metre of a platform that no train fetches."""
        more = np.zeros(len(time_s))
        for span, most in self.gaps:
            share = (time_s - span[0]) / (span[1] - span[0])
            more += np.where(inside(time_s, span) & (zone == "platform"), most * share, 0.0)
        return more

    def frozen(self, name: str, time_s: Floats, values: Floats) -> Floats:
        """What a camera tells while its picture stands."""
        for frozen, span in self.freezes:
            during = inside(time_s, span)
            if frozen == name and during.any():
                values = np.where(during, values[int(np.argmax(during))], values)
        return values

    def escalator(self, time_s: Floats, state: Floats) -> Floats:
        """State of the escalator: tripped, then reset for half a minute."""
        for begin, end in self.tripped:
            state = np.where(inside(time_s, (begin, end)), TRIPPED, state)
            state = np.where(inside(time_s, (end, end + 30.0)), STOPPED, state)
        return state

    def train(self, time_s: Floats, load: Floats) -> Floats:
        """Load of a car of a train."""
        for span, percent in self.full:
            load = np.where(inside(time_s, span), percent, load)
        return load


def _lasts(s: Station, begin: float, hours: tuple[float, float]) -> Span:
    return begin, begin + float(s.chance.uniform(*hours)) * HOUR_S


def _tell(s: Station, span: Span, drawn: dict[str, Any], channels: list[str], **words: Any) -> None:
    drawn = {key: round(v, 2) if isinstance(v, float) else v for key, v in drawn.items()}
    drawn["hours"] = round((span[1] - span[0]) / HOUR_S, 2)
    later = words.pop("later", 0.0)
    ids = tuple(f"metro.made.{channel}" for channel in channels)
    s.sheet.event(span, drawn, later, channels=ids, **words)


def _surge(s: Station, p: "Crowd", begin: float) -> None:
    """An event ends close by: far more come in than ever at this hour."""
    span, times = _lasts(s, begin, p.surge_h), float(s.chance.uniform(*p.surge))
    s.surges.append((span, times))
    channels = ["gate_in_a", "gate_in_b", "entries", "density_hall", "density_platform"]
    rules = (*COUNTS, "rise")
    _tell(s, span, {"kind": "surge", "times": times}, channels, rules=rules, later=HOURLY_S)


def _closed(s: Station, p: "Crowd", begin: float) -> None:
    """The station is closed: nobody comes and nobody goes."""
    span = _lasts(s, begin, p.closed_h)
    s.closed.append(span)
    channels = [f"gate_{gate}" for gate in ("in_a", "in_b", "out_a", "out_b")]
    channels += ["entries", "exits"]
    _tell(s, span, {"kind": "station closed"}, channels, rules=COUNTS, later=HOURLY_S)


def _gates_off(s: Station, p: "Crowd", begin: float) -> None:
    """A group of gates is off; people take the others."""
    span = _lasts(s, begin, p.gate_h)
    s.gate_off.append(span)
    channels = ["gate_in_a", "gate_in_b"]
    _tell(s, span, {"kind": "gates off"}, channels, rules=COUNTS, later=LATER_S)


def _escalator(s: Station, p: "Crowd", begin: float) -> None:
    """An escalator trips."""
    span = _lasts(s, begin, p.stands_h)
    s.tripped.append(span)
    _tell(s, span, {"kind": "escalator stop"}, ["escalator_state"], rules=("sequence",), later=60.0)


def _camera(s: Station, p: "Crowd", begin: float) -> None:
    """A camera's picture stands still."""
    span = _lasts(s, begin, p.stuck_h)
    s.freezes.append(("density_hall", span))
    _tell(s, span, {"kind": "camera frozen"}, ["density_hall"], rules=("stuck",))


def _gap(s: Station, p: "Crowd", begin: float) -> None:
    """No train comes, the platform fills."""
    span = begin, begin + float(s.chance.uniform(*p.gap_min)) * 60.0
    most = float(s.chance.uniform(*p.gap_m2))
    s.gaps.append((span, most))
    drawn = {"kind": "train gap", "per_m2": most}
    _tell(s, span, drawn, ["density_platform"], rules=("limit", "rise"), later=60.0)


def _full(s: Station, p: "Crowd", begin: float) -> None:
    """A car is fuller than it may be."""
    span = begin, begin + float(s.chance.uniform(*p.full_min)) * 60.0
    percent = float(s.chance.uniform(*p.full_percent))
    s.full.append((span, percent))
    drawn = {"kind": "train full", "percent": round(percent, 1)}
    drawn["minutes"] = round((span[1] - span[0]) / 60, 1)
    s.sheet.event(span, drawn, 60.0, channels=("metro.train-made.load",), rules=("limit",))


FAULTS: Final[dict[str, Callable[[Station, "Crowd", float], None]]] = {
    "surge": _surge,
    "closed": _closed,
    "gates": _gates_off,
    "escalator": _escalator,
    "camera": _camera,
    "gap": _gap,
    "full": _full,
}


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
