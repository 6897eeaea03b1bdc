"""Shapes that trouble gives the readings of one channel."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from lab.generators.shapes import Floats

SPIKE_EVERY: Final = 5  # readings
Shape = Callable[["Touch", Floats, Floats], Floats]


@dataclass
class Touch:
    """What trouble does to one channel.

    Parameters
    ----------
    channel : int
        Row of the city's catalogue.
    shape : str
    begin_s, end_s : float
        Seconds of the city, the end left out.
    size, rise_s : float
    held : float
        Value at which a stuck channel stands; NaN before it is known.
    """

    channel: int
    shape: str
    begin_s: float
    end_s: float
    size: float
    rise_s: float
    held: float = float("nan")

    def on(self, time_s: Floats, value: Floats) -> None:
        """Change a channel's readings in place.

        Parameters
        ----------
        time_s, value : float64, shape (n,)
            Of one block; blocks come in order of time.
        """
        first, last = np.searchsorted(time_s, (self.begin_s, self.end_s))
        if first < last:
            part = slice(int(first), int(last))
            value[part] = SHAPES[self.shape](self, time_s[part], value[part])

    def share(self, time_s: Floats) -> Floats:
        """How much of it is there, straight from 0 to 1."""
        return np.minimum((time_s - self.begin_s) / max(self.rise_s, 1e-9), 1.0)


def _step(touch: Touch, time_s: Floats, value: Floats) -> Floats:
    return value + touch.size


def _ramp(touch: Touch, time_s: Floats, value: Floats) -> Floats:
    return value + touch.size * touch.share(time_s)


def _slow(touch: Touch, time_s: Floats, value: Floats) -> Floats:
    return value + touch.size * touch.share(time_s) ** 2


def _decay(touch: Touch, time_s: Floats, value: Floats) -> Floats:
    since = (time_s - touch.begin_s) / max(touch.rise_s, 1e-9)
    return np.asarray(value - touch.size * np.expm1(-since))


def _scale(touch: Touch, time_s: Floats, value: Floats) -> Floats:
    share = touch.share(time_s) if touch.rise_s else 1.0
    return np.asarray(value * (1.0 + (touch.size - 1.0) * share))


def _spikes(touch: Touch, time_s: Floats, value: Floats) -> Floats:
    every = np.arange(len(value)) % SPIKE_EVERY == 0
    return np.where(every, value + touch.size, value)


def _set(touch: Touch, time_s: Floats, value: Floats) -> Floats:
    return np.full_like(value, touch.size)


def _stuck(touch: Touch, time_s: Floats, value: Floats) -> Floats:
    if np.isnan(touch.held):
        told = value[~np.isnan(value)]
        touch.held = float(told[0]) if len(told) else float("nan")
    return np.where(np.isnan(value), value, touch.held)


def _dropout(touch: Touch, time_s: Floats, value: Floats) -> Floats:
    return np.full_like(value, np.nan)


SHAPES: Final[dict[str, Shape]] = {
    "step": _step, "ramp": _ramp, "slow": _slow, "decay": _decay, "scale": _scale,
    "spikes": _spikes, "set": _set, "stuck": _stuck, "dropout": _dropout,
}  # fmt: skip
