"""Functionality of a lifeline over time, Q(t): straight lines and jumps, integrated exactly."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
WHOLE: Final = 1.0


class Curve:
    """Straight lines between points; two points of one time are a jump.

    Parameters
    ----------
    points : sequence of (float, float)
        Seconds and value, in order of time; of a jump the value before it comes first. Outside of
        them it is as at the nearest end.

    Raises
    ------
    ValueError
        When there are fewer than two points, a figure is not finite, or time goes back.
    """

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        found = np.asarray(points, np.float64).reshape(-1, 2)
        if len(found) < 2 or not np.isfinite(found).all():
            msg = f"curve: expected two or more finite points, got {len(found)}; correct them"
            raise ValueError(msg)
        if (back := np.flatnonzero(np.diff(found[:, 0]) < 0)).size:
            place, times = int(back[0]), found[:, 0]
            msg = (
                f"curve: expected times in order, got {times[place + 1]} behind {times[place]}; "
                "sort them"
            )
            raise ValueError(msg)
        self.times: Floats = found[:, 0]
        self.values: Floats = found[:, 1]

    @classmethod
    def of_steps(cls, steps: Iterable[tuple[float, float]], begins: float, ends: float) -> Self:
        """A value from each time on, in order, between two times; `WHOLE` before the first."""
        value, points = WHOLE, [(begins, WHOLE)]
        for at, new in steps:
            if at < begins:
                points = [(begins, new)]
            elif at <= ends:
                points += [(at, value), (at, new)]
            else:
                break
            value = new
        return cls([*points, (ends, value)])

    @property
    def begins(self) -> float:
        """Time of the first point."""
        return float(self.times[0])

    @property
    def ends(self) -> float:
        """Time of the last point."""
        return float(self.times[-1])

    def before(self, at: float) -> float:
        """Value when a time is reached: of a jump the one before it."""
        place = int(np.searchsorted(self.times, at, "left"))
        if place < len(self.times) and self.times[place] == at:
            return float(self.values[place])
        return self._between(place, at)

    def at(self, at: float) -> float:
        """Value at a time: of a jump the one behind it."""
        place = int(np.searchsorted(self.times, at, "right"))
        if place and self.times[place - 1] == at:
            return float(self.values[place - 1])
        return self._between(place, at)

    def _between(self, place: int, at: float) -> float:
        """Value between the point before a place and the one at it."""
        if place in {0, len(self.times)}:
            return float(self.values[min(place, len(self.times) - 1)])
        (t0, t1), (v0, v1) = self.times[place - 1 : place + 1], self.values[place - 1 : place + 1]
        return float(v0 + (v1 - v0) * (at - t0) / (t1 - t0))

    def within(self, begins: float, ends: float) -> "Curve":
        """The part between two times."""
        inner = (self.times > begins) & (self.times < ends)
        middle = zip(self.times[inner], self.values[inner], strict=True)
        return Curve([(begins, self.at(begins)), *middle, (ends, self.before(ends))])

    def pieces(self) -> "Pieces":
        """Its straight lines, without jumps."""
        lasts = np.diff(self.times) > 0
        ends = (self.times[:-1], self.times[1:], self.values[:-1], self.values[1:])
        return Pieces(*(column[lasts] for column in ends))

    def integral(self) -> float:
        """Area below it, in seconds."""
        p = self.pieces()
        return math.fsum((p.until - p.since) * (p.first + p.last) / 2)

    def below(self, level: float) -> float:
        """For how many seconds it is lower than a level."""
        p = self.pieces()
        first, last = level - p.first, level - p.last
        deep = np.maximum(np.maximum(first, last), 0.0)
        span = np.abs(last - first)
        part = np.where(np.minimum(first, last) >= 0, 1.0, deep / np.where(span > 0, span, 1.0))
        part = np.where((first <= 0) & (last <= 0), 0.0, part)
        return math.fsum((p.until - p.since) * part)

    def lasting_from(self, level: float, hold_s: float) -> float | None:
        """First time from which it has at least a level for so long.

        None when it has not by its end: what is known ends before the hold does.
        """
        since: float | None = None
        p = self.pieces()
        for t0, t1, v0, v1 in zip(p.since, p.until, p.first, p.last, strict=True):
            rises = t0 if v0 >= level else t0 + (t1 - t0) * (level - v0) / (v1 - v0 or 1.0)
            if v0 < level and v1 < level:
                since = None
                continue
            if since is None or v0 < level:
                since = rises
            falls = t1 if v1 >= level else t0 + (t1 - t0) * (v0 - level) / (v0 - v1)
            if falls - since >= hold_s:
                return float(since)
            if v1 < level:
                since = None
        return None

    def first_below(self, level: float) -> float | None:
        """First time from which it is lower than a level; None when it never is."""
        p = self.pieces()
        for t0, t1, v0, v1 in zip(p.since, p.until, p.first, p.last, strict=True):
            if v0 < level:
                return float(t0)
            if v1 < level:
                return float(t0 + (t1 - t0) * (v0 - level) / (v0 - v1))
        return None

    def lowest(self) -> tuple[float, float]:
        """When it is lowest for the first time, and how low."""
        place = int(np.argmin(self.values))
        return float(self.times[place]), float(self.values[place])


class Pieces(NamedTuple):
    """Straight lines: from when to when, and the values at both ends; shape (lines,) each."""

    since: Floats
    until: Floats
    first: Floats
    last: Floats


def combined(curves: Sequence[Curve], how: str, factors: Sequence[float]) -> Curve:
    """One curve of several over the same time: their weighted `sum`, or the weighted `min`.

    Parameters
    ----------
    curves : sequence of Curve
        At least one, all with the same beginning and end.
    how : str
    factors : sequence of float
        One for each curve; not negative.

    Raises
    ------
    ValueError
        When they do not cover the same time.
    """
    if len({(one.begins, one.ends) for one in curves}) != 1:
        msg = "curves: expected one or more over the same time, got others; cut them with `within`"
        raise ValueError(msg)
    times = np.unique(np.concatenate([one.times for one in curves]))
    points: list[tuple[float, float]] = []
    for left, right in pairwise(times):
        ends = [
            (one.at(left) * f, one.before(right) * f)
            for one, f in zip(curves, factors, strict=True)
        ]
        if how == "sum":
            points += [
                (left, math.fsum(e[0] for e in ends)),
                (right, math.fsum(e[1] for e in ends)),
            ]
        else:
            points += _lowest_of(float(left), float(right), ends)
    return Curve(points)


def _lowest_of(
    left: float, right: float, ends: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    """The lower envelope of lines between two times."""
    crossings = {0.0, 1.0}
    for place, (a0, a1) in enumerate(ends):
        for b0, b1 in ends[:place]:
            apart = (a0 - b0) - (a1 - b1)
            if apart and 0.0 < (part := (a0 - b0) / apart) < 1.0:
                crossings.add(part)
    return [
        (left + (right - left) * part, min(e0 + (e1 - e0) * part for e0, e1 in ends))
        for part in sorted(crossings)
    ]
