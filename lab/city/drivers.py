"""What all lifelines of the made city share: weather, tide, and how people spend their days."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from lab.generators.shapes import DAY_S, Floats, daily, wandering, workday

MINUTE_S: Final = 60.0
DAY_MIN: Final = 1440
TIDES: Final = ((0.9, 12.42), (0.3, 23.93))  # metres and hours: M2 and K1
WARM_C: Final = 18.0  # air temperature at which `warmth` is nothing
RAIN_A_DAY, RAIN_MM_H, HARD_MM_H = 0.25, 2.0, 25.0  # [E] of ordinary rain: showers, median, most
# Hours, then levels from -1 to 1: of workdays, and of other days where they differ.
CURVES: Final[Mapping[str, tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]]] = {
    "use": ((0, 4, 7, 9, 12, 15, 19, 21), (-0.6, -1, 0.7, 0.3, 0.2, 0, 1, 0.6),
            (-0.5, -1, 0.1, 0.7, 0.4, 0.2, 0.9, 0.6)),
    "work": ((0, 7, 9, 12, 13, 17, 19), (-1, -1, 1, 0.8, 0.8, 1, -1), (-1,) * 7),
    "rush": ((0, 5, 6, 8, 10, 16, 18, 20, 23), (-1, -1, -0.5, 1, 0, 0.1, 0.9, 0, -0.7),
             (-1, -1, -0.8, -0.4, 0, 0.3, 0.2, -0.1, -0.8)),
    "night": ((0, 5, 7, 18, 21), (1, 1, -1, -1, 0.8), (1, 1, -1, -1, 0.8)),
    "meals": ((0, 5, 7, 9, 12, 14, 18, 21), (-1, -0.9, 0.5, -0.1, 0.7, -0.2, 1, -0.2),
              (-1, -0.9, 0.3, 0.2, 0.8, 0, 1, -0.1)),
    "load": ((0, 4, 9, 12, 14, 20, 22), (-0.6, -1, 0.7, 0.5, 0.8, 1, 0.4),
             (-0.6, -1, 0.2, 0.3, 0.3, 0.7, 0.3)),
}  # fmt: skip


class Drivers:
    """Weather and tide of a city, minute by minute, drawn from a seed.

    Parameters
    ----------
    seed, days : int
        Second 0 is a Monday's midnight.

    Attributes
    ----------
    series : dict of str to float64, shape (minutes + 1,)
        `warmth`, `heat` and `cold` in degrees from 18, above 28 and below 10 degC; `rain` in mm/h
        and its sums of hours in mm; `wind` and `gust` in m/s; `tide` and `surge` in m; `wet` from
        0 to 1; `dry` 0 or 1.
    """

    def __init__(self, seed: int, days: int) -> None:
        chance = np.random.default_rng([seed, 0])
        self.minutes: Floats = np.asarray(np.arange(days * DAY_MIN + 1) * MINUTE_S, np.float64)
        air = 20.0 + self._slow(chance, 2.5) + 4.0 * self.curve("warm", self.minutes)
        rain = self._rain(chance, days)
        wind = np.abs(3.2 + self._slow(chance, 1.3))
        surge = self._slow(chance, 0.06)
        tide = surge.copy()
        for high, hours in TIDES:
            tide += high * np.cos(2 * np.pi * (self.minutes / 3600 / hours + chance.random()))
        self.series: dict[str, Floats] = {
            "warmth": air - WARM_C, "heat": np.maximum(air - 28.0, 0.0),
            "cold": np.maximum(10.0 - air, 0.0), "rain": rain, "wind": wind, "gust": 1.5 * wind,
            "tide": tide, "surge": surge,
        }  # fmt: skip
        for hours in (1, 3, 6, 12):
            self.series[f"rain_{hours}h"] = _sums(rain / 60.0, hours * 60)
        self.series["wet"] = np.minimum(self.series["rain_1h"], 1.0)
        dry = (self.series["rain_12h"] < 0.1) & (self.series["warmth"] > 8.0)
        self.series["dry"] = dry.astype(np.float64)

    def _slow(self, chance: np.random.Generator, deviation: float) -> Floats:
        """What wanders over some ten hours."""
        hourly = wandering(chance, len(self.minutes) // 60 + 2, 0.9, deviation)
        return np.interp(self.minutes, np.arange(len(hourly)) * 3600.0, hourly)

    def _rain(self, chance: np.random.Generator, days: int) -> Floats:
        """Showers of a Poisson process, each with a rise and a fall."""
        rain = np.zeros(len(self.minutes))
        for _ in range(int(chance.poisson(RAIN_A_DAY * days))):
            middle, lasts = chance.uniform(0, days * DAY_S), 3600.0 * chance.gamma(2.0, 1.0)
            most = min(RAIN_MM_H * float(chance.lognormal(0.0, 0.8)), HARD_MM_H)
            rain += most * np.maximum(1.0 - np.abs(self.minutes - middle) / lasts, 0.0)
        return rain

    def at(self, name: str, time_s: Floats) -> Floats:
        """A series at some seconds, straight between minutes."""
        return np.interp(time_s, self.minutes, self.series[name])

    @staticmethod
    def curve(name: str, time_s: Floats) -> Floats:
        """The course of a day, from -1 to 1, at some seconds."""
        if name == "warm":
            return np.asarray(np.cos(2 * np.pi * (time_s / DAY_S - 15 / 24)))
        hours, work, free = CURVES[name]
        at_work, at_home = daily(time_s, hours, work), daily(time_s, hours, free)
        return np.where(workday(time_s), at_work, at_home)


def _sums(values: Floats, length: int) -> Floats:
    """Sums of the last so many values."""
    whole = np.concatenate([np.zeros(length), np.cumsum(values)])
    return np.asarray(whole[length:] - whole[:-length])
