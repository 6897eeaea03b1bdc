"""Shapes that trouble and daily life have in made readings, and channels put together."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from contracts.civil_time import CITY
from lab.generators.made import NS, Made, MadeEvent

Floats = NDArray[np.float64]
HOUR_S: Final = 3600
DAY_S: Final = 86_400


@dataclass
class Sheet:
    """Channels as they are made, one after another, until they become one.

    Parameters
    ----------
    begin_ns : int
        Second 0, in nanoseconds since 1970 UTC.
    """

    begin_ns: int
    cells: list[dict[str, Any]] = field(default_factory=list)
    events: list[MadeEvent] = field(default_factory=list)
    _times: list[NDArray[np.int64]] = field(default_factory=list)
    _values: list[Floats] = field(default_factory=list)

    def add(self, cells: Mapping[str, Any], time_s: Floats, value: Floats, digits: int) -> None:
        """Add a channel.

        Parameters
        ----------
        cells : mapping
            Its row in the catalogue.
        time_s : float64, shape (n,)
            Seconds since the beginning; told to the millisecond.
        value : float64, shape (n,)
            NaN where there is no reading.
        digits : int
            Digits behind the point that are told.
        """
        there = ~np.isnan(value)
        self.cells.append(dict(cells))
        milliseconds = np.round(time_s[there] * 1000).astype(np.int64)
        self._times.append(self.begin_ns + milliseconds * 1_000_000)
        self._values.append(np.round(value[there], digits))

    def event(
        self,
        span_s: tuple[float, float],
        drawn: Mapping[str, Any],
        wake_s: float = 0.0,
        **words: Any,
    ) -> None:
        """Add an event.

        Parameters
        ----------
        span_s : tuple of float
            Seconds from which and to which it lasts.
        drawn : mapping
            Has its `kind`; how long it lasts is added.
        wake_s : float
            How long after its end what it did still rings by right: a velocity of 90 days is high
            for as long.
        words : Any
            Fields of `MadeEvent`.
        """
        whole_s = (math.floor(span_s[0]), math.ceil(span_s[1] + wake_s))  # as labels are written
        begin, end = (self.begin_ns + second * NS for second in whole_s)
        place = f" at {drawn['at']}" if "at" in drawn else ""
        lasts = {"lasts_s": math.ceil(span_s[1] - span_s[0])}
        name = f"{drawn['kind']}{place}"
        self.events.append(MadeEvent(name, begin, end, drawn={**drawn, **lasts}, **words))

    def made(self, parameters: Mapping[str, Any]) -> Made:
        """All channels as one, by time; those of the same time in the order of adding."""
        row = np.repeat(np.arange(len(self.cells), dtype=np.int32), [len(t) for t in self._times])
        time_ns, value = np.concatenate(self._times), np.concatenate(self._values)
        order = np.argsort(time_ns, kind="stable")
        events = sorted(self.events, key=lambda event: event.begin_ns)
        return Made(self.cells, row[order], time_ns[order], value[order], events, parameters)


def city_ns(text: str) -> int:
    """Moment of the city's civil time, in nanoseconds since 1970 UTC.

    >>> city_ns("2026-03-02T00:00") == 1_772_380_800 * NS
    True
    """
    return round(datetime.fromisoformat(text).replace(tzinfo=CITY).timestamp()) * NS


def wandering(chance: np.random.Generator, count: int, keep: float, deviation: float) -> Floats:
    """Noise that remembers: an AR(1) process from its steady state.

    Parameters
    ----------
    chance : numpy.random.Generator
    count : int
    keep : float
        Share of a value that is in the next one, below 1.
    deviation : float
        Of the process itself, not of what drives it.

    Raises
    ------
    ValueError
        When nothing is asked for.
    """
    if count < 1:
        msg = f"days: expected room for a reading, got room for {count}; raise it"
        raise ValueError(msg)
    pushes = chance.normal(0.0, deviation * np.sqrt(1.0 - keep * keep), count)
    pushes[0] = chance.normal(0.0, deviation)
    return np.asarray(lfilter([1.0], [1.0, -keep], pushes), np.float64)


def daily(time_s: Floats, hours: Sequence[float], levels: Sequence[float]) -> Floats:
    """A curve of the day through levels at hours, straight between them and over midnight."""
    hour = time_s / HOUR_S % 24.0
    return np.interp(hour, hours, levels, period=24.0)


def workday(time_s: Floats, first_weekday: int = 0) -> NDArray[np.bool_]:
    """Whether a second falls on Monday to Friday; second 0 is a midnight of `first_weekday`."""
    return (time_s // DAY_S + first_weekday) % 7 < 5


def inside(time_s: Floats, span: tuple[float, float]) -> NDArray[np.bool_]:
    """Whether seconds lie in a span, its end left out."""
    return (time_s >= span[0]) & (time_s < span[1])


def failing(time_s: Floats, begin_s: float, velocity_mm_d: float, days: float) -> Floats:
    """Movement in mm whose inverse velocity falls on a line to nothing after so many days.

    Parameters
    ----------
    time_s : float64, shape (n,)
    begin_s : float
        Nothing moves before; at the last day it has moved for ever.

    References
    ----------
    T. Fukuzono, A new method for predicting the failure time of a slope, 1985.

    >>> failing(np.array([0.0, 43_200.0]), 0.0, 1.0, 1.0).round(3).tolist()
    [0.0, 0.693]
    """
    share = np.maximum(time_s - begin_s, 0.0) / (days * DAY_S)
    with np.errstate(divide="ignore"):
        slower = np.log(np.maximum(1.0 - share, 0.0))
    return np.asarray(velocity_mm_d * days * np.abs(slower), np.float64)


def appointments(
    chance: np.random.Generator, kinds: Iterable[str], span: tuple[float, float]
) -> dict[str, float]:
    """Second at which each kind of trouble begins: in a stretch of time of its own, by chance.

    It begins within the first quarter of its stretch, and should be over by the end of it.

    Raises
    ------
    ValueError
        When there is no time for trouble behind the quiet days.
    """
    if span[1] <= span[0]:
        quiet, days = (at / DAY_S for at in span)
        msg = f"days: expected more than the quiet ones ({quiet:g}), got {days:g}; raise it"
        raise ValueError(msg)
    names = list(kinds)
    length = (span[1] - span[0]) / len(names)
    found = {}
    for place, at in enumerate(chance.permutation(len(names)).tolist()):
        found[names[at]] = float(span[0] + (place + chance.uniform(0.0, 0.25)) * length)
    return dict(sorted(found.items()))


def known(kinds: Iterable[str], there: Iterable[str]) -> None:
    """Refuse kinds of trouble that are not there.

    Raises
    ------
    ValueError
        With those that there are.
    """
    if strange := sorted(set(kinds) - set(there)):
        msg = f"kinds: expected some of {', '.join(sorted(there))}, got {', '.join(strange)}"
        raise ValueError(msg)
