"""Ground that creeps for three years: stations, boreholes and wells, and what moves them.

Movement is linear, seasonal, or faster and faster to failure: the inverse of the velocity falls on
a line. Stations are told daily, boreholes and wells hourly; the sun moves the frame of a borehole
by day, and the year moves everything.
"""

from dataclasses import asdict, dataclass
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
    failing,
    wandering,
)

STATIONS, BORES = 6, 3
YEAR_D: Final = 365.25
AT_STATIONS: Final = ("slope fails", "creep begins", "mast knocked")
AT_BORES: Final = ("ground fails", "well pumped", "cavity")
WAKE_D: Final = {"gnss": 180.0, "field": 90.0}  # over which velocities are told
TREND: Final = ("limit", "fall", "trend", "consensus", "joint")


@dataclass(frozen=True, slots=True)
class Creep:
    """What the ground of a district is drawn from; spans are drawn evenly within their two ends.

    Parameters
    ----------
    seed, days : int
    quiet_d : int
        Days without trouble: a season cannot be told from a trend before eleven months.
    station_mm, bore_mm, well_m : float
        Noise of a daily height, an hourly one, and of a water level.
    yearly_mm, sun_mm : tuple of float
        What the year moves stations and boreholes, and the day a borehole's frame, to either side.
    drift_mm_y : tuple of float
        What the ground sinks by right.
    slope_mm_d, slope_d : tuple of float
        Velocity at which a slope below a station begins to fail, and time to failure.
    ground_mm_d, ground_d : tuple of float
        The same of ground above a borehole.
    failed : float
        Share of that time after which somebody props it up.
    creep_mm_y : tuple of float
        Velocity of a creep that begins and stays.
    step_mm : tuple of float
        How far a mast is knocked, down.
    pumped_m, pumped_d : tuple of float
        How far a pump draws a well down, and in how long.
    sinks_mm_m : tuple of float
        What a borehole sinks, some weeks behind its well, by metre.
    cavity_mm, cavity_d : tuple of float
        What ground sinks above a cavity, and in how long.
    """

    seed: int = 1
    days: int = 1000
    quiet_d: int = 400
    station_mm: float = 2.5
    bore_mm: float = 0.15
    well_m: float = 0.01
    yearly_mm: tuple[float, float] = (1.0, 3.0)
    sun_mm: tuple[float, float] = (0.1, 0.4)
    drift_mm_y: tuple[float, float] = (0.5, 5.0)
    slope_mm_d: tuple[float, float] = (0.1, 0.3)
    slope_d: tuple[float, float] = (60.0, 120.0)
    ground_mm_d: tuple[float, float] = (0.03, 0.1)
    ground_d: tuple[float, float] = (30.0, 90.0)
    failed: float = 0.97
    creep_mm_y: tuple[float, float] = (15.0, 80.0)
    step_mm: tuple[float, float] = (8.0, 25.0)
    pumped_m: tuple[float, float] = (0.8, 3.0)
    pumped_d: tuple[float, float] = (1.0, 6.0)
    sinks_mm_m: tuple[float, float] = (2.0, 6.0)
    cavity_mm: tuple[float, float] = (4.0, 20.0)
    cavity_d: tuple[float, float] = (1.0, 6.0)


def make(parameters: Creep) -> Made:
    """A district for some years: each kind of trouble once, at a place of its own."""
    chance = np.random.default_rng(parameters.seed)
    sheet = Sheet(city_ns("2023-01-01T12:00"))
    _stations(sheet, parameters, chance)
    _bores(sheet, parameters, chance)
    return sheet.made({"generator": "creep", **asdict(parameters)})


def _when(p: Creep, kinds: tuple[str, ...], chance: np.random.Generator) -> dict[str, float]:
    span = (p.quiet_d * DAY_S, p.days * DAY_S)
    return appointments(chance, kinds, span)


def _propped(time_s: Floats, begin: float, p: Creep, drawn: tuple[float, float]) -> Floats:
    """Movement to failure that somebody stops just before."""
    velocity, days = drawn
    end = begin + p.failed * days * DAY_S
    return failing(np.minimum(time_s, end), begin, velocity, days)


def _stations(sheet: Sheet, p: Creep, chance: np.random.Generator) -> None:
    """Heights of stations, once a day."""
    time_s = np.arange(0.0, p.days * DAY_S, DAY_S)
    when = _when(p, AT_STATIONS, chance)
    for number in range(STATIONS):
        height = _by_right(time_s, p, chance) + chance.normal(0, p.station_mm, len(time_s))
        channel = f"subsidence.gnss-m{number + 1}.up"
        if number < len(AT_STATIONS):
            kind = AT_STATIONS[number]
            height += _moved(kind, time_s, when[kind], p, (chance, sheet, channel))
        cells = {"id": channel, "class": "subsidence.gnss", "asset": f"gnss-m{number + 1}"}
        sheet.add({**cells, "group": "subsidence.gnss-made"}, time_s, height, 2)


def _by_right(time_s: Floats, p: Creep, chance: np.random.Generator) -> Floats:
    """What ground does by right: sinks a little, and swings with the year."""
    days = time_s / DAY_S
    yearly = float(chance.uniform(*p.yearly_mm)) * np.sin(
        2 * np.pi * days / YEAR_D + float(chance.uniform(-0.3, 0.3))
    )
    return np.asarray(yearly - float(chance.uniform(*p.drift_mm_y)) * days / YEAR_D, np.float64)


def _moved(
    kind: str, time_s: Floats, begin: float, p: Creep, where: tuple[np.random.Generator, Sheet, str]
) -> Floats:
    """Trouble at a station."""
    chance, sheet, channel = where
    if kind == "slope fails":
        drawn = (float(chance.uniform(*p.slope_mm_d)), float(chance.uniform(*p.slope_d)))
        _label(sheet, kind, channel, (begin, p.failed * drawn[1]), mm_d=drawn[0], days=drawn[1])
        return -_propped(time_s, begin, p, drawn)
    if kind == "creep begins":
        rate = float(chance.uniform(*p.creep_mm_y))
        _label(sheet, kind, channel, (begin, (p.days - begin / DAY_S)), mm_y=rate)
        return -rate * np.maximum(time_s - begin, 0.0) / (YEAR_D * DAY_S)
    size = float(chance.uniform(*p.step_mm))
    _label(sheet, kind, channel, (begin, 60.0), mm=size)
    return np.where(time_s >= begin, -size, 0.0)


def _label(
    sheet: Sheet, kind: str, channel: str, span: tuple[float, float], **drawn: float
) -> None:
    """Label trouble from a second on, for so many days."""
    begin, days = span
    words: dict[str, Any] = {key: round(value, 2) for key, value in drawn.items()}
    words = {"kind": kind, "at": channel, **words}
    _event(sheet, (begin, begin + days * DAY_S), words, (channel,))


def _event(
    sheet: Sheet, span: tuple[float, float], drawn: dict[str, Any], channels: tuple[str, ...]
) -> None:
    wake = next(days for place, days in WAKE_D.items() if f".{place}-" in channels[0])
    sheet.event(span, drawn, wake * DAY_S, channels=channels, rules=TREND)


def _bores(sheet: Sheet, p: Creep, chance: np.random.Generator) -> None:
    """Boreholes and their wells, hourly."""
    time_s = np.arange(0.0, p.days * DAY_S, HOUR_S)
    when = _when(p, AT_BORES, chance)
    for number, kind in enumerate(AT_BORES):
        field = f"field-m{number + 1}"
        sun = float(chance.uniform(*p.sun_mm)) * np.sin(2 * np.pi * (time_s / DAY_S - 0.1))
        ground = _by_right(time_s, p, chance) + sun + chance.normal(0, p.bore_mm, len(time_s))
        well = wandering(chance, len(time_s), 0.999, 0.1) + chance.normal(0, p.well_m, len(time_s))
        well += 0.4 * np.sin(2 * np.pi * time_s / (YEAR_D * DAY_S)) - 2.0
        moved, drawn_down = _sunk(kind, time_s, when[kind], p, (chance, sheet, field))
        for what, class_name, value, digits in (
            ("shallow", "extensometer", ground + moved, 2),
            ("level", "groundwater", well + drawn_down, 3),
        ):
            cells = {"id": f"subsidence.{field}.{what}", "class": f"subsidence.{class_name}"}
            group = f"subsidence.{field}"
            sheet.add({**cells, "asset": field, "group": group}, time_s, value, digits)


def _sunk(
    kind: str, time_s: Floats, begin: float, p: Creep, where: tuple[np.random.Generator, Sheet, str]
) -> tuple[Floats, Floats]:
    """Trouble at a borehole: what the ground and the well do."""
    chance, sheet, field = where
    channel, none = f"subsidence.{field}.shallow", np.zeros(len(time_s))
    if kind == "ground fails":
        drawn = (float(chance.uniform(*p.ground_mm_d)), float(chance.uniform(*p.ground_d)))
        _label(sheet, kind, channel, (begin, p.failed * drawn[1]), mm_d=drawn[0], days=drawn[1])
        return -_propped(time_s, begin, p, drawn), none
    if kind == "cavity":
        size, days = float(chance.uniform(*p.cavity_mm)), float(chance.uniform(*p.cavity_d))
        _label(sheet, kind, channel, (begin, days + 14.0), mm=size, days=days)
        return -size * np.clip((time_s - begin) / (days * DAY_S), 0.0, 1.0), none
    metres, days = float(chance.uniform(*p.pumped_m)), float(chance.uniform(*p.pumped_d))
    drawn_down = -metres * np.clip((time_s - begin) / (days * DAY_S), 0.0, 1.0)
    behind = np.maximum(time_s - begin, 0.0) / (15 * DAY_S)
    sinks = float(chance.uniform(*p.sinks_mm_m)) * metres * np.expm1(-behind)
    words = {"kind": kind, "at": field, "m": round(metres, 2), "days": round(days, 1)}
    channels = (channel, f"subsidence.{field}.level")
    _event(sheet, (begin, begin + 60 * DAY_S), words, channels)
    return sinks, drawn_down
