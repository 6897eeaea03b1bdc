"""Trouble of lifts: when each kind of it comes, and what it does to a trip."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from lab.generators.shapes import DAY_S, HOUR_S, Floats, Sheet, appointments

if TYPE_CHECKING:
    from lab.generators.elevator import Elevator

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
