"""Lifts, trip by trip: what doors, brakes, bearings and floors say, and how each of them fails."""

from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lab.generators.made import Made
from lab.generators.shapes import DAY_S, HOUR_S, Floats, Sheet, appointments, city_ns

# What each lift has to go through.
LIVES: Final = (
    ("door obstructed", "moves with open doors"),
    ("door wears", "overspeed"),
    ("levelling drifts", "box dead"),
    ("bearing wears",),
    ("people shut in", "door obstructed"),
    ("brake slips",),
)
GROWS: Final = ("door wears", "levelling drifts", "bearing wears")
ONCE: Final = ("moves with open doors", "overspeed", "people shut in")
ALL: Final = (
    *("vibration", "vibration_across", "levelling", "drift", "acceleration", "speed"),
    *("door_time", "door_cycles", "car_state", "confined"),
)
RINGS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {  # channels, and rules
    "door obstructed": (("door_cycles", "car_state"), ("limit", "sequence")),
    "door wears": (("door_time",), ("limit", "trend", "drift", "shift")),
    "levelling drifts": (("levelling",), ("limit", "trend", "drift", "shift")),
    "bearing wears": (("vibration", "vibration_across"), ("limit", "trend", "drift", "shift")),
    "people shut in": (("car_state", "confined"), ("limit", "sequence")),
    "brake slips": (("drift",), ("limit",)),
    "moves with open doors": (("car_state",), ("sequence",)),
    "overspeed": (("speed",), ("limit",)),
    "box dead": (ALL, ("silent",)),
}


@dataclass
class Trouble:
    """Troubles of one lift: each has a beginning, an end, and a size where it needs one."""

    chance: np.random.Generator
    spans: dict[str, tuple[float, float]] = field(default_factory=dict)
    sizes: dict[str, float] = field(default_factory=dict)
    came: dict[str, float] = field(default_factory=dict)  # what comes once, and when it did

    def _on(self, kind: str, now: float) -> bool:
        begin, end = self.spans.get(kind, (np.inf, np.inf))
        return begin <= now < end

    def _once(self, kind: str, now: float) -> bool:
        """Whether something that comes once comes now: at the first trip behind its time."""
        if kind in self.came or now < self.spans.get(kind, (np.inf, np.inf))[0]:
            return False
        self.came[kind] = now
        return True

    def _grown(self, kind: str, now: float) -> float:
        """Size that has been reached, 0 before."""
        begin, end = self.spans.get(kind, (np.inf, np.inf))
        if now < begin:
            return 0.0
        return self.sizes[kind] * min((now - begin) / (end - begin), 1.0)

    def lasted(self, kind: str, end_s: float) -> tuple[float, float]:
        """From when to when a trouble was there: wear until the end, what comes once as it came."""
        begin, end = self.spans[kind]
        if kind in ONCE:
            came = self.came.get(kind, begin)
            return came, came + (self.sizes[kind] if kind == "people shut in" else 120.0)
        return begin, end_s if kind in GROWS else end

    def shut_in_s(self, now: float) -> float | None:
        """How long the car stands between floors on this trip."""
        return self.sizes["people shut in"] if self._once("people shut in", now) else None

    def openings(self, now: float) -> int:
        """Openings of a trip whose door is obstructed, 0 when it is not."""
        return int(self.sizes["door obstructed"]) if self._on("door obstructed", now) else 0

    def moves_open(self, now: float) -> bool:
        """Whether the car leaves with open doors."""
        return self._once("moves with open doors", now)

    def door_percent(self, now: float) -> float:
        """Time that doors take."""
        return 100.0 + self._grown("door wears", now)

    def shakes(self, now: float) -> float:
        """How many times the vibration is what it was."""
        return 1.0 + self._grown("bearing wears", now)

    def off_floor_mm(self, now: float) -> float:
        """How far the car stops off the floor."""
        return self._grown("levelling drifts", now)

    def drift_mm(self, now: float) -> float:
        """How far a loaded car drifts: not every one is loaded."""
        if not self._on("brake slips", now) or self.chance.random() > 0.3:
            return 0.0
        return self.sizes["brake slips"] * float(self.chance.uniform(0.3, 1.0))

    def speed(self, now: float) -> float:
        """Highest speed of a trip that goes too fast, 0 for others."""
        return self.sizes["overspeed"] if self._once("overspeed", now) else 0.0

    def dead(self, time_s: Floats) -> NDArray[np.bool_]:
        """Whether the box is dead."""
        begin, end = self.spans.get("box dead", (np.inf, np.inf))
        return (time_s >= begin) & (time_s < end)


def troubles(kinds: tuple[str, ...], p: "Elevator", chance: np.random.Generator) -> Trouble:
    """Troubles of a lift, drawn."""
    found = Trouble(chance)
    span = (p.quiet_d * DAY_S, p.days * DAY_S)
    for kind, begin in appointments(chance, kinds, span).items():
        if kind not in GROWS and kind != "box dead":
            begin = _by_day(begin)  # noqa: PLW2901 - nobody is shut in when nobody rides
        lasts, found.sizes[kind] = _drawn(kind, p, chance)
        found.spans[kind] = (begin, begin + lasts)
    return found


def label(name: str, trouble: Trouble, end_s: float, sheet: Sheet) -> None:
    """Label what a lift went through, until its last second; the next trip may tell of it too."""
    for kind in trouble.spans:
        channels, rules = RINGS[kind]
        begin, end = trouble.lasted(kind, end_s)
        drawn: dict[str, Any] = {"kind": kind, "at": name, "size": round(trouble.sizes[kind], 2)}
        ids = tuple(f"elevator.{name}.{what}" for what in channels)
        sheet.event((begin, end), drawn, 0.5 * HOUR_S, channels=ids, rules=rules)


def _by_day(second: float) -> float:
    """The same day, between 8 and 20."""
    day, hour = divmod(second / HOUR_S, 24)
    return (24 * day + 8 + hour / 2) * HOUR_S


def _drawn(kind: str, p: "Elevator", chance: np.random.Generator) -> tuple[float, float]:
    """How long a trouble lasts in seconds, and its size."""
    hours = {
        "door obstructed": p.blocked_h,
        "people shut in": (0.0, 0.0),  # what comes once comes with the next trip
        "brake slips": p.slip_h,
        "box dead": p.dead_h,
        "moves with open doors": (0.0, 0.0),
        "overspeed": (0.0, 0.0),
    }.get(kind, (24 * p.grows_d[0], 24 * p.grows_d[1]))
    lasts = float(chance.uniform(*hours)) * HOUR_S
    low, high = p.worn_vibration
    sizes: dict[str, tuple[float, float]] = {
        "door obstructed": p.blocked,
        "door wears": (p.worn_percent[0] - 100, p.worn_percent[1] - 100),
        "levelling drifts": p.off_floor_mm,
        "bearing wears": (low / p.vibration[0] - 1, high / p.vibration[0] - 1),
        "people shut in": (60 * p.shut_in_min[0], 60 * p.shut_in_min[1]),
        "brake slips": p.slip_mm,
        "overspeed": p.overspeed_percent,
    }
    return lasts, float(chance.uniform(*sizes.get(kind, (0.0, 0.0))))


IDLE, UP, DOWN, OPENING, OPEN, CLOSING = range(6)
BEAT_S: Final = 60.0
PER_TRIP: Final = {  # digits that are told
    "vibration": 4,
    "vibration_across": 4,
    "levelling": 1,
    "drift": 1,
    "acceleration": 3,
    "speed": 1,
    "door_time": 1,
    "door_cycles": 0,
}


@dataclass(frozen=True, slots=True)
class Elevator:
    """What a building's lifts are drawn from; spans are drawn evenly within their two ends.

    Parameters
    ----------
    seed, days, quiet_d : int
        Altogether, and without trouble before.
    idle_min, night_min : float
        Mean time between trips, from 7 to 22 and at night.
    travel_s : tuple of float
    reopens : float
        Share of door cycles that somebody holds open.
    offset_mm, levelling_mm : float
        Largest offset of a lift by right, to either side, and scatter of its stops.
    vibration, across, acceleration, speed, door_percent : tuple of float
        Mean and scatter of a trip's figures.
    grows_d : tuple of float
        How long wear takes from nothing to what is drawn.
    blocked, blocked_h : tuple
        Openings of a trip while the door is obstructed, and for how long.
    worn_percent, off_floor_mm, worn_vibration : tuple of float
        Door time, levelling and vibration that wear ends at.
    slip_mm, slip_h : tuple of float
        How far a bad brake lets the car drift, and for how long.
    shut_in_min, dead_h : tuple of float
        How long people are shut in, and how long a box says nothing.
    overspeed_percent : tuple of float
    """

    seed: int = 1
    days: int = 12
    quiet_d: int = 2
    idle_min: float = 6.0
    night_min: float = 30.0
    travel_s: tuple[float, float] = (6.0, 35.0)
    reopens: float = 0.04
    offset_mm: float = 3.0
    levelling_mm: float = 1.5
    vibration: tuple[float, float] = (0.09, 0.012)
    across: tuple[float, float] = (0.06, 0.01)
    acceleration: tuple[float, float] = (0.8, 0.08)
    speed: tuple[float, float] = (98.0, 1.0)
    door_percent: tuple[float, float] = (100.0, 4.0)
    grows_d: tuple[float, float] = (2.0, 3.5)
    blocked: tuple[int, int] = (3, 9)
    blocked_h: tuple[float, float] = (0.5, 2.0)
    worn_percent: tuple[float, float] = (120.0, 180.0)
    off_floor_mm: tuple[float, float] = (9.0, 25.0)
    worn_vibration: tuple[float, float] = (0.18, 0.35)
    slip_mm: tuple[float, float] = (10.0, 80.0)
    slip_h: tuple[float, float] = (6.0, 24.0)
    shut_in_min: tuple[float, float] = (3.0, 45.0)
    dead_h: tuple[float, float] = (0.2, 6.0)
    overspeed_percent: tuple[float, float] = (104.0, 122.0)


def make(parameters: Elevator) -> Made:
    """Six lifts for some days; each has troubles of its own."""
    chance = np.random.default_rng(parameters.seed)
    sheet = Sheet(city_ns("2026-03-02T00:00"))
    for number, kinds in enumerate(LIVES):
        name = f"lift-m{number + 1}"
        lift = _Lift(parameters, chance, troubles(kinds, parameters, chance))
        _tell(name, lift, sheet)
        label(name, lift.trouble, parameters.days * DAY_S, sheet)
    return sheet.made({"generator": "elevator", **asdict(parameters)})


class _Lift:
    """The life of one lift."""

    def __init__(self, p: Elevator, chance: np.random.Generator, trouble: Trouble) -> None:
        self.p, self.chance, self.trouble = p, chance, trouble
        self.offset = float(chance.uniform(-p.offset_mm, p.offset_mm))
        self.changes: list[tuple[float, int]] = [(0.0, IDLE)]
        self.trips: list[tuple[float, ...]] = []
        self.shut_in: list[tuple[float, float]] = []
        now, end = 30.0, p.days * DAY_S
        while now < end:
            busy = 7 <= now / HOUR_S % 24 < 22
            now += float(chance.exponential(p.idle_min if busy else p.night_min)) * 60.0
            now = self._trip(now) + 1.0

    def _pass(self, state: int, begin: float, lasts: float) -> float:
        self.changes.append((begin, state))
        return begin + lasts

    def _trip(self, begin: float) -> float:
        """One trip, to where its doors are shut again."""
        p, chance, trouble = self.p, self.chance, self.trouble
        travel = float(chance.uniform(*p.travel_s))
        if (stands := trouble.shut_in_s(begin)) is not None:
            travel = 12.0 + stands
            self.shut_in.append((begin + 12.0, begin + travel))
        now = self._pass(UP if chance.random() < 0.5 else DOWN, begin, travel)
        slow = trouble.door_percent(now) / 100.0
        openings = trouble.openings(now) or 1 + int(chance.random() < p.reopens)
        for _ in range(openings):
            now = self._pass(OPENING, now, 2.5 * slow)
            now = self._pass(OPEN, now, float(chance.uniform(3.0, 8.0)))
            if trouble.moves_open(now):
                now = self._pass(UP, now, 4.0)
                now = self._pass(OPEN, now, 20.0)
            now = self._pass(CLOSING, now, 3.0 * slow)
        self._pass(IDLE, now, 0.0)
        self.trips.append((now, *self._figures(now), float(openings)))
        return now

    def _figures(self, now: float) -> tuple[float, ...]:
        """Figures of a trip, as `PER_TRIP` has them, but for the openings."""
        p, trouble = self.p, self.trouble
        draws = self.chance.normal(size=7).tolist()
        shakes = trouble.shakes(now)
        return (
            max(p.vibration[0] * shakes + p.vibration[1] * draws[0], 0.0),
            max(p.across[0] * (1 + 0.5 * (shakes - 1)) + p.across[1] * draws[1], 0.0),
            self.offset + trouble.off_floor_mm(now) + p.levelling_mm * draws[2],
            abs(0.6 * draws[3]) + trouble.drift_mm(now),
            p.acceleration[0] + p.acceleration[1] * draws[4],
            trouble.speed(now) or p.speed[0] + p.speed[1] * draws[5],
            trouble.door_percent(now) + p.door_percent[1] * draws[6],
        )


def _tell(name: str, lift: _Lift, sheet: Sheet) -> None:
    """All channels of a lift; nothing while its box is dead."""
    end = lift.p.days * DAY_S

    def add(what: str, time_s: Floats, value: Floats, digits: int) -> None:
        told = np.where(lift.trouble.dead(time_s) | (time_s >= end), np.nan, value)
        sheet.add(_channel(name, what), time_s, told, digits)

    figures = np.array(lift.trips)
    for column, (what, digits) in enumerate(PER_TRIP.items()):
        add(what, figures[:, 0], figures[:, column + 1], digits)
    changed, states = (np.array(part, np.float64) for part in zip(*lift.changes, strict=True))
    beats = np.arange(BEAT_S / 2, end, BEAT_S)
    last = np.searchsorted(changed, beats, side="right") - 1
    time_s = np.concatenate([changed, beats])
    order = np.argsort(time_s, kind="stable")
    add("car_state", time_s[order], np.concatenate([states, states[last]])[order], 0)
    confined = np.zeros(len(beats))
    for begin, until in lift.shut_in:
        confined = np.where((beats >= begin) & (beats < until), beats - begin, confined)
    add("confined", beats, confined, 0)


def _channel(name: str, what: str) -> dict[str, str]:
    channel = {"id": f"elevator.{name}.{what}", "class": f"elevator.{what}"}
    return {**channel, "asset": name, "group": f"elevator.{name}"}
