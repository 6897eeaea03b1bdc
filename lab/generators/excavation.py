"""Excavation pits, stage by stage: walls, struts, wells and the street beside, with failures.

Every lift lets the wall move by some millimetres in two or three days, and creep on by the
logarithm of time; struts follow the load and the air's temperature. Beside a sound pit with a dead
gauge there is one whose wall runs away, one that loses a strut, and one whose wall leaks.
"""

from dataclasses import asdict, dataclass
from typing import Final

import numpy as np

from lab.generators.made import Made
from lab.generators.shapes import DAY_S, HOUR_S, Floats, Sheet, city_ns, failing, inside, wandering

WAKE_S: Final = 3 * DAY_S  # rates of a day, with their delays
SPARSE_S, DENSE_S = 3600.0, 600.0
STRUTS, PANELS, WELLS, POINTS = 3, 2, 2, 2
FATE: Final = ("dead gauge", "wall runs away", "strut lost", "wall leaks")


@dataclass(frozen=True, slots=True)
class Excavation:
    """What four pits are drawn from; spans are drawn evenly within their two ends.

    Parameters
    ----------
    seed, days : int
    lifts_d : tuple of float
        When the lifts begin, give or take a day and a half.
    lift_mm, lift_lasts_d : tuple of float
        What a lift moves the wall, and in how long.
    creep : float
        What a lift adds in e days, as a share of itself.
    preload, per_lift : tuple of float
        Force of a strut in percent of its design: at first, and more with each later lift.
    warm : tuple of float
        Percent that a day's temperature swings a strut's force to either side.
    trough : tuple of float
        Settlement of the street by the wall's movement.
    meter_mm, meter_percent, meter_m : float
        Noise of meters.
    run_away_mm_d, run_away_d : tuple of float
        Velocity at which a wall begins to run away, and time to where it would fail.
    stopped : float
        Share of that time after which the pit is filled again and the wall stands.
    lost : tuple of float
        Share of its force that a strut loses.
    drop_m, leak_h : tuple of float
        How far a leak lowers the well in the end, and how fast.
    leak_mm : tuple of float
        What the street sinks for it.
    """

    seed: int = 1
    days: int = 45
    lifts_d: tuple[float, ...] = (4.0, 13.0, 22.0, 31.0)
    lift_mm: tuple[float, float] = (2.0, 5.0)
    lift_lasts_d: tuple[float, float] = (2.0, 3.0)
    creep: float = 0.1
    preload: tuple[float, float] = (15.0, 25.0)
    per_lift: tuple[float, float] = (5.0, 10.0)
    warm: tuple[float, float] = (2.0, 5.0)
    trough: tuple[float, float] = (0.5, 0.8)
    meter_mm: float = 0.15
    meter_percent: float = 0.3
    meter_m: float = 0.005
    run_away_mm_d: tuple[float, float] = (0.3, 0.8)
    run_away_d: tuple[float, float] = (4.0, 8.0)
    stopped: float = 0.97
    lost: tuple[float, float] = (0.3, 1.0)
    drop_m: tuple[float, float] = (0.4, 2.5)
    leak_h: tuple[float, float] = (6.0, 24.0)
    leak_mm: tuple[float, float] = (3.0, 12.0)


@dataclass
class _Pit:
    """A pit while it is made; times in seconds, everything else without noise."""

    name: str
    sheet: Sheet
    chance: np.random.Generator
    sparse_s: Floats
    dense_s: Floats
    lifts_s: list[float]
    wall: Floats  # mm, by `sparse_s`
    street: Floats  # mm, by `sparse_s`
    struts: list[Floats]  # percent, by `dense_s`
    well: Floats  # m, by `dense_s`
    dead: tuple[int, float, float] | None = None  # a strut's gauge, from and to

    def channels(self, *words: str) -> tuple[str, ...]:
        """Ids of quantities of the pit."""
        return tuple(f"pit.{self.name}.{word}" for word in words)


def make(parameters: Excavation) -> Made:
    """Four pits for some weeks."""
    chance = np.random.default_rng(parameters.seed)
    sheet = Sheet(city_ns("2026-03-02T00:00"))
    for number, fate in enumerate(FATE):
        pit = _sound(f"m{number + 1}", sheet, parameters, chance)
        begin = float(chance.uniform(24.0, 35.0)) * DAY_S
        _FAIL[fate](pit, parameters, begin)
        _tell(pit, parameters)
    return sheet.made({"generator": "excavation", **asdict(parameters)})


def _sound(name: str, sheet: Sheet, p: Excavation, chance: np.random.Generator) -> _Pit:
    """A pit as it was designed."""
    sparse_s, dense_s = (np.arange(0.0, p.days * DAY_S, step) for step in (SPARSE_S, DENSE_S))
    lifts = [(day + float(chance.uniform(-1.5, 1.5))) * DAY_S for day in p.lifts_d]
    wall = np.zeros(len(sparse_s))
    for lift in lifts:
        size, lasts = float(chance.uniform(*p.lift_mm)), float(chance.uniform(*p.lift_lasts_d))
        since = np.maximum(sparse_s - lift, 0.0) / DAY_S
        wall += size * (np.minimum(since / lasts, 1.0) + p.creep * np.log1p(since))
    struts = [_strut(level, lifts, dense_s, p, chance) for level in range(STRUTS)]
    well = -0.05 * np.sin(2 * np.pi * dense_s / (14 * HOUR_S)) + wandering(
        chance, len(dense_s), 0.999, 0.03
    )
    rain = float(chance.uniform(0.0, p.days)) * DAY_S
    since = np.maximum(dense_s - rain, 0.0) / DAY_S
    well += float(chance.uniform(0.1, 0.3)) * np.minimum(since * 4, 1.0) * np.exp(-since / 2)
    street = -float(chance.uniform(*p.trough)) * wall
    return _Pit(name, sheet, chance, sparse_s, dense_s, lifts, wall, street, struts, well)


def _strut(
    level: int, lifts: list[float], time_s: Floats, p: Excavation, chance: np.random.Generator
) -> Floats:
    """Force of a strut that is set after the lift of its level; its gauge reads 0 before."""
    force = np.where(time_s >= lifts[level] + 2 * DAY_S, float(chance.uniform(*p.preload)), 0.0)
    for lift in lifts[level + 1 :]:
        share = np.clip((time_s - lift) / (2.5 * DAY_S), 0.0, 1.0)
        force += float(chance.uniform(*p.per_lift)) * share
    afternoon = np.sin(2 * np.pi * (time_s / DAY_S - 9 / 24))
    return np.where(force > 0, force + float(chance.uniform(*p.warm)) * afternoon, 0.0)


def _tell(pit: _Pit, p: Excavation) -> None:
    """Readings of a pit."""
    chance = pit.chance
    sizes = {"deflection": PANELS, "settlement": POINTS}
    for what, base in (("deflection", pit.wall), ("settlement", pit.street)):
        for number in range(sizes[what]):
            share = 1.0 if number == 0 else float(chance.uniform(0.6, 0.9))
            value = share * base + chance.normal(0, p.meter_mm, len(base))
            _add(pit, f"{what}_{number + 1}", what, pit.sparse_s, value)
    for number, force in enumerate(pit.struts):
        value = force + chance.normal(0, p.meter_percent, len(force))
        if pit.dead is not None and pit.dead[0] == number:
            during = inside(pit.dense_s, pit.dead[1:])
            value = np.where(during, value[int(np.argmax(during))], value)
        _add(pit, f"strut_{number + 1}", "strut", pit.dense_s, value)
    for number in range(WELLS):
        share = 1.0 if number == 0 else float(chance.uniform(0.5, 0.8))
        value = share * pit.well + chance.normal(0, p.meter_m, len(pit.well))
        _add(pit, f"well_{number + 1}", "groundwater", pit.dense_s, value)


def _add(pit: _Pit, word: str, kind: str, time_s: Floats, value: Floats) -> None:
    cells = {
        "id": f"pit.{pit.name}.{word}",
        "class": f"pit.{kind}",
        "asset": pit.name,
        "group": f"pit.{pit.name}",
    }
    pit.sheet.add(cells, time_s, value, 3 if kind == "groundwater" else 2)


def _gauge_dies(pit: _Pit, p: Excavation, begin: float) -> None:
    """A strain gauge repeats its last word."""
    del p
    number, end = int(pit.chance.integers(STRUTS)), begin + float(pit.chance.uniform(2, 4)) * DAY_S
    pit.dead = (number, begin, end)
    channels = pit.channels(f"strut_{number + 1}")
    pit.sheet.event((begin, end), {"kind": FATE[0], "at": pit.name}, channels=channels)


def _runs_away(pit: _Pit, p: Excavation, begin: float) -> None:
    """Fukuzono: the inverse of the velocity falls on a line to nothing at the time of failure."""
    velocity, days = (float(pit.chance.uniform(*s)) for s in (p.run_away_mm_d, p.run_away_d))
    end = begin + p.stopped * days * DAY_S
    moved = failing(np.minimum(pit.sparse_s, end), begin, velocity, days)
    pit.wall += moved
    pit.street -= 0.7 * moved
    pressed = failing(np.minimum(pit.dense_s, end), begin, velocity, days)  # 1 % a millimetre
    pit.struts = [force + np.where(force > 0, pressed, 0.0) for force in pit.struts]
    drawn = {"kind": FATE[1], "at": pit.name, "mm_d": round(velocity, 2), "days": round(days, 1)}
    words = ["deflection_1", "deflection_2", "settlement_1", "settlement_2"]
    words += [f"strut_{number + 1}" for number in range(STRUTS)]
    _label(pit, (begin, end), drawn, words)


def _strut_goes(pit: _Pit, p: Excavation, begin: float) -> None:
    """A strut buckles or slips within some minutes; the others and the wall take its force."""
    number, share = int(pit.chance.integers(STRUTS)), float(pit.chance.uniform(*p.lost))
    gone = np.clip((pit.dense_s - begin) / 1200.0, 0.0, 1.0) * share * pit.struts[number]
    for other in range(STRUTS):
        pit.struts[other] += -gone if other == number else 0.35 * gone
    size = 4.0 * share
    since = np.maximum(pit.sparse_s - begin, 0.0)
    pit.wall += size * -np.expm1(-since / (8 * HOUR_S))
    pit.street -= 0.6 * size * -np.expm1(-since / (16 * HOUR_S))
    drawn = {"kind": FATE[2], "at": pit.name, "share": round(share, 2), "level": number + 1}
    words = ["deflection_1", "deflection_2", "settlement_1", "settlement_2"]
    words += [f"strut_{level + 1}" for level in range(STRUTS)]
    _label(pit, (begin, begin + 2 * DAY_S), drawn, words)


def _leaks(pit: _Pit, p: Excavation, begin: float) -> None:
    """Water and sand come through the wall: the well falls, the street follows."""
    spans = (p.drop_m, p.leak_h, p.leak_mm)
    metres, hours, sinks = (float(pit.chance.uniform(*span)) for span in spans)
    since = np.maximum(pit.dense_s - begin, 0.0)
    pit.well += metres * np.expm1(-since / (hours * HOUR_S))
    later = np.maximum(pit.sparse_s - begin - 4 * HOUR_S, 0.0)
    pit.street += sinks * np.expm1(-later / (1.5 * hours * HOUR_S))
    drawn = {"kind": FATE[3], "at": pit.name, "m": round(metres, 2), "hours": round(hours, 1)}
    _label(
        pit, (begin, begin + 3 * DAY_S), drawn, ["well_1", "well_2", "settlement_1", "settlement_2"]
    )


def _label(
    pit: _Pit, span: tuple[float, float], drawn: dict[str, object], words: list[str]
) -> None:
    rules = ("limit", "fall", "rise", "trend", "joint")
    pit.sheet.event(span, drawn, WAKE_S, channels=pit.channels(*words), rules=rules)


_FAIL: Final = {
    FATE[0]: _gauge_dies,
    FATE[1]: _runs_away,
    FATE[2]: _strut_goes,
    FATE[3]: _leaks,
}
