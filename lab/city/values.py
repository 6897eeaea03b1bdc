"""Readings of one class of the made city, block by block, all of its channels at once."""

from statistics import NormalDist
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from lab.city.drivers import Drivers
from lab.city.tables import Normal
from lab.city.town import Sensor
from lab.generators.shapes import DAY_S, Floats

MISSING = 0.005  # share of readings that never come, lifelines.md section 21
HEAVY, HEAVIER = 0.01, 3.0  # share of pushes that are so many times as large: the heavy tail
BURST = 8.0  # shape of the gamma distribution by which rates burst


class Section:
    """Channels of one class, of few enough districts for a block to fit into memory.

    Parameters
    ----------
    name : str
    normal : Normal
    sensor : Sensor
    channels : int32, shape (n,)
        Rows of the city's catalogue.
    seed : tuple of int
        Of the city, and which part of the class it is: a class keeps its readings whatever
        becomes of others.
    """

    def __init__(
        self,
        name: str,
        normal: Normal,
        sensor: Sensor,
        channels: NDArray[np.int32],
        seed: tuple[int, int],
    ) -> None:
        self.name, self.normal, self.sensor, self.channels = name, normal, sensor, channels
        self._chance = np.random.default_rng([*seed, crc32(name.encode())])
        count = len(channels)
        words = [float(word) for word in normal.level.split()]
        self._states = words
        self._level = words[0] + normal.spread * self._chance.standard_normal(count)
        self._own = 1.0 + 0.1 * self._chance.standard_normal(count)  # how much of what is shared
        self._noise = self._chance.standard_normal(count)

    def steps(self, begin_s: float, end_s: float) -> Floats:
        """Seconds of the readings in a block, its end left out."""
        period = self.sensor.period_s
        first, last = (int(np.ceil(round(at / period, 6))) for at in (begin_s, end_s))
        return np.asarray(np.arange(first, last) * period, np.float64)

    def values(self, time_s: Floats, drivers: Drivers) -> Floats:
        """Readings of the next block, before trouble, sums and the sensor; shape (times, n)."""
        normal, shape = self.normal, (len(time_s), len(self.channels))
        shared = normal.drift / DAY_S * time_s
        if normal.curve:
            shared = shared + normal.day * drivers.curve(normal.curve, time_s)
        if normal.driver:
            shared = shared + normal.gain * drivers.at(normal.driver, time_s)
        if normal.model == "code":
            return self._codes(shape)
        found = self._level + shared[:, np.newaxis] * self._own
        if normal.model == "count":
            return self._chance.poisson(np.maximum(found, 0.0)).astype(np.float64)
        if normal.model == "burst":
            found = np.maximum(found, 0.0) * self._chance.gamma(BURST, 1.0 / BURST, shape)
        if normal.noise:
            found += normal.noise * self._wander(shape)
        return found

    def sensed(self, value: Floats) -> Floats:
        """What sensors tell of values: within their range, rounded, some of it lost."""
        least = self.sensor.low if self.normal.least is None else self.normal.least
        np.clip(value, least, self.sensor.high, out=value)
        np.round(value, self.normal.digits, out=value)
        lost = self._chance.binomial(value.size, MISSING)
        value.reshape(-1)[self._chance.integers(0, value.size, lost)] = np.nan
        return value

    def _wander(self, shape: tuple[int, int]) -> Floats:
        """AR(1) noise of variance one with a heavy tail; goes on where the last block ended."""
        keep = self.normal.keep
        pushes = self._chance.standard_normal(shape)
        heavy = self._chance.binomial(pushes.size, HEAVY)
        pushes.reshape(-1)[self._chance.integers(0, pushes.size, heavy)] *= HEAVIER
        pushes *= np.sqrt(1.0 - keep * keep)
        before = keep * self._noise[np.newaxis]
        found, last = lfilter([1.0], [1.0, -keep], pushes, axis=0, zi=before)
        self._noise = last[0] / keep if keep else self._noise
        return np.asarray(found, np.float64)

    def _codes(self, shape: tuple[int, int]) -> Floats:
        """The usual state, and the other for its share of time: as long as noise stays high."""
        usual, other, share = self._states
        if not 0.0 < share < 1.0:
            return np.full(shape, usual)
        most = NormalDist().inv_cdf(1.0 - share)
        return np.where(self._wander(shape) > most, other, usual)
