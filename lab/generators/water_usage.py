"""How the users of a water network and its meters waver."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
DAY_S: Final = 86_400
HOUR_S: Final = 3600


@dataclass(frozen=True)
class Noise:
    """How usage wavers and what meters add, as standard deviations.

    Usage is sized after the net inflow of BattLeDIM's main area in the first half of 2019: against
    the median of the same five minutes of the four weeks before, 4.3 % from reading to reading,
    4.4 % that fades over three hours, 1.9 % from day to day. What wavers from reading to reading
    is drawn for each zone apart and comes to its figure in the sum.

    Parameters
    ----------
    reading, hours, days : float
        Shares of the whole network's demand.
    fades_h : float
        Time in which what wavers over hours falls to 1 / e.
    pressure_mpa : float
        Of a mean over five minutes.
    flow_share : float
        Of the flow.
    pressure_digit, flow_digit, level_digit : float
        Last digits that are told, MPa, m3/h and m.
    """

    reading: float = 0.04
    hours: float = 0.04
    days: float = 0.02
    fades_h: float = 3.0
    pressure_mpa: float = 0.0005
    flow_share: float = 0.005
    pressure_digit: float = 0.0001
    flow_digit: float = 0.1
    level_digit: float = 0.01


class Usage:
    """Factors on what people usually take, one span after another.

    Parameters
    ----------
    noise : Noise
    weights : float64, shape (zones,)
        Share of each zone in the whole demand.
    days : int
        Length of a span.
    every_s : int
    """

    def __init__(self, noise: Noise, weights: Floats, days: int, every_s: int) -> None:
        self._noise, self._days, self._zones = noise, days, len(weights)
        self._steps = days * DAY_S // every_s
        self._keep = float(np.exp(-every_s / (HOUR_S * noise.fades_h)))
        self._zone = noise.reading / float(np.sqrt((weights**2).sum()))
        self._hours = self._day = 0.0

    def draw(self, rng: np.random.Generator) -> Floats:
        """Factors of the next span, shape (steps, zones); never below zero."""
        reading = self._zone * rng.standard_normal((self._steps, self._zones))
        return np.maximum(1.0 + self._slow(rng)[:, None] + reading, 0.0)

    def _slow(self, rng: np.random.Generator) -> Floats:
        """What fades from step to step, and what is drawn for midnights, with lines between."""
        hours = np.empty(self._steps)
        push = self._noise.hours * np.sqrt(1.0 - self._keep**2) * rng.standard_normal(self._steps)
        for i, one in enumerate(push.tolist()):
            self._hours = hours[i] = self._keep * self._hours + one
        knots = np.append(self._day, self._noise.days * rng.standard_normal(self._days))
        self._day = float(knots[-1])
        at = np.arange(self._steps) * self._days / self._steps
        return np.asarray(hours + np.interp(at, np.arange(self._days + 1), knots))


def measured(
    true: Floats, deviation: Floats | float, digit: float, rng: np.random.Generator
) -> Floats:
    """What a meter tells of what is true: with its own noise, to its last digit."""
    told = true + deviation * rng.standard_normal(true.shape)
    return np.asarray(np.round(np.round(told / digit) * digit, 6) + 0.0)
