"""Trouble of a grid: what each kind does to loads, voltages, the oil and the meters."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from lab.generators import grid_flow as flow
from lab.generators.shapes import HOUR_S, Floats, Sheet, inside

if TYPE_CHECKING:
    from lab.generators.grid import Grid

OPEN, CLOSED, TRIPPED, RECLOSING = 0.0, 1.0, 2.0, 3.0
MARGIN_S: Final = 120.0  # the last reading of trouble is told a little later
Span = tuple[float, float]


@dataclass
class Measured:
    """A grid while it is made.

    Parameters
    ----------
    time_s : float64, shape (n,)
        Minutes.
    inputs : float64, shape (n, inputs)
        Of the power flow.
    cooling : float64, shape (n,)
        How many times the rise of the oil is what it should be.
    chance : numpy.random.Generator
    sheet : Sheet
    """

    time_s: Floats
    inputs: Floats
    cooling: Floats
    chance: np.random.Generator
    sheet: Sheet
    off: dict[int, Span] = field(default_factory=dict)
    reclosed: dict[int, float] = field(default_factory=dict)
    _spoils: list[tuple[str, Callable[[Floats], Floats]]] = field(default_factory=list)

    @cached_property
    def earth(self) -> Floats:
        """Highest phase to earth, times root three in parts of line voltage."""
        return np.ones(len(self.time_s))

    def during(self, span: Span) -> NDArray[np.bool_]:
        """Minutes of a span."""
        return inside(self.time_s, span)

    def spoil(self, channel: str, change: Callable[[Floats], Floats]) -> None:
        """Have a channel's values changed when they are told."""
        self._spoils.append((channel, change))

    def spoilt(self, channel: str, values: Floats) -> Floats:
        """Values as a channel tells them."""
        for name, change in self._spoils:
            values = change(values) if name == channel else values
        return values

    def flow(self) -> Floats:
        """Outputs of the power flow by minute."""
        told = flow.response().at(self.inputs)
        for feeder, span in self.off.items():
            off = self.during(span)
            told[off] = flow.response(feeder).at(self.inputs[off])
            for output in behind(feeder):
                told[off, output] = 0.0
        return told

    def switch(self, feeder: int, beat_s: Floats) -> tuple[Floats, Floats]:
        """State of a breaker: heartbeats, and every change at its time."""
        times, states = [beat_s], [np.full(len(beat_s), CLOSED)]
        if feeder in self.off:
            begin, end = self.off[feeder]
            states[0][inside(beat_s, (begin, end))] = TRIPPED
            times.append(np.array([begin, begin + 1.0, begin + 1.4, end]))
            states.append(np.array([TRIPPED, RECLOSING, TRIPPED, CLOSED]))
        if feeder in self.reclosed:
            begin = self.reclosed[feeder]
            times.append(np.array([begin, begin + 1.0, begin + 1.4]))
            states.append(np.array([TRIPPED, RECLOSING, CLOSED]))
        time_s, state = np.concatenate(times), np.concatenate(states)
        order = np.argsort(time_s, kind="stable")
        return time_s[order], state[order]


def behind(feeder: int) -> list[int]:
    """Outputs that are 0 while a feeder is off."""
    per = flow.AREAS // flow.FEEDERS
    areas = range(per * feeder, per * (feeder + 1))
    parts = (flow.STATIONS, flow.LOW, flow.TRANSFORMERS)
    return [part.start + area for part in parts for area in areas] + [flow.HEADS.start + feeder]


def _lasts(m: Measured, begin: float, hours: tuple[float, float]) -> Span:
    return begin, begin + float(m.chance.uniform(*hours)) * HOUR_S


def _on_time(begin: float) -> float:
    """Between two heartbeats, so that states come in order."""
    return begin // 10 * 10 + 3.0


def _tell(m: Measured, span: Span, drawn: dict[str, Any], **words: Any) -> None:
    m.sheet.event(span, drawn, MARGIN_S, **words)


def _trip(m: Measured, p: "Grid", begin: float) -> None:
    """A short circuit on a feeder: trips, recloses in vain, stays off until it is repaired."""
    feeder = int(m.chance.integers(flow.FEEDERS))
    start, end = _lasts(m, begin, p.trip_h)
    m.off[feeder] = (_on_time(start), end // 60 * 60 + 3.0)
    name, per = f"power.feeder-m{feeder + 1}", flow.AREAS // flow.FEEDERS
    areas = [f"power.area-m{area + 1}" for area in range(per * feeder, per * (feeder + 1))]
    channels = [f"{name}.{what}" for what in ("switch", "voltage", "load")]
    channels += [f"{area}.{what}" for area in areas for what in ("voltage_a", "load")]
    channels += [f"{area}.voltage_{phase}" for area in areas[:1] for phase in "bc" if not feeder]
    words = {"channels": tuple(channels), "rules": ("sequence", "limit", "fall")}
    _tell(m, m.off[feeder], {"kind": "feeder trip", "at": name}, **words)


def _reclose(m: Measured, p: "Grid", begin: float) -> None:
    """A trap: lightning, off for a second and on again. Nobody needs to be told."""
    del p
    m.reclosed[int(m.chance.integers(flow.FEEDERS))] = _on_time(begin)


def _overload(m: Measured, p: "Grid", begin: float) -> None:
    """An area draws far more than usual: air conditioners, cars, a neighbour's supply."""
    area = int(m.chance.integers(flow.AREAS))
    percent = float(m.chance.uniform(*p.overload_percent))
    span = _lasts(m, begin, p.overload_h)
    column, during = flow.FEEDERS + area, m.during(span)
    ramp = np.minimum((m.time_s[during] - span[0]) / 900.0, 1.0)
    goal = percent / 68.5  # a scale of 1 loads the transformer by so much
    usual = m.inputs[during, column]
    wobble = usual / usual.mean()
    m.inputs[during, column] = np.maximum(usual, usual + ramp * (goal * wobble - usual))
    name = f"power.area-m{area + 1}"
    channels = (f"{name}.load", *(f"{name}.voltage_{phase}" for phase in "abc"))
    drawn = {"kind": "overload", "at": name, "percent": round(percent, 1)}
    _tell(m, span, drawn, channels=channels, rules=("limit",))


def _sag(m: Measured, p: "Grid", begin: float) -> None:
    """The 110 kV side sags: everybody gets less."""
    span, share = _lasts(m, begin, p.sag_h), float(m.chance.uniform(*p.sag))
    m.inputs[m.during(span), -1] *= 1.0 - share
    drawn = {"kind": "voltage sag", "share": round(share, 3), "hours": _hours(span)}
    feeders = [f"power.feeder-m{feeder + 1}.voltage" for feeder in range(flow.FEEDERS)]
    areas = [f"power.area-m{area + 1}.voltage_a" for area in range(flow.AREAS)]
    more = ["power.area-m1.voltage_b", "power.area-m1.voltage_c"]
    _tell(m, span, drawn, channels=(*feeders, *areas, *more), rules=("limit", "fall"))


def _earth(m: Measured, p: "Grid", begin: float) -> None:
    """One phase lies on the earth through some resistance: the others rise."""
    span, part = _lasts(m, begin, p.earth_h), float(m.chance.uniform(*p.earth))
    m.earth[m.during(span)] = part * np.sqrt(3.0)
    drawn = {"kind": "earth fault", "part": round(part, 3)}
    _tell(m, span, drawn, channels=("power.sub-m1.phase_to_earth",), rules=("limit",))


def _neutral(m: Measured, p: "Grid", begin: float) -> None:
    """A broken neutral: one phase of an area rises, another falls."""
    span, volts = _lasts(m, begin, p.neutral_h), float(m.chance.uniform(*p.neutral_v))
    during = m.during(span)
    m.spoil("power.area-m1.voltage_a", lambda values: values + volts * during)
    m.spoil("power.area-m1.voltage_b", lambda values: values - volts * during)
    channels = ("power.area-m1.voltage_a", "power.area-m1.voltage_b")
    drawn = {"kind": "broken neutral", "volts": round(volts, 1)}
    _tell(m, span, drawn, channels=channels, rules=("limit", "balance"))


def _cooling(m: Measured, p: "Grid", begin: float) -> None:
    """Fans or pumps of the substation's transformer stand."""
    span, times = _lasts(m, begin, p.cooling_h), float(m.chance.uniform(*p.cooling))
    m.cooling[m.during(span)] = times
    drawn = {"kind": "lost cooling", "times": round(times, 2)}
    rules = ("limit", "rise", "seasonal", "shift", "unusual", "regress")
    _tell(m, span, drawn, channels=("power.sub-m1.top_oil",), rules=rules)


def _stuck(m: Measured, p: "Grid", begin: float) -> None:
    """A meter repeats its last word."""
    channel = f"power.area-m2.{m.chance.choice(['load', 'voltage_a'])}"
    span = _lasts(m, begin, p.stuck_h)
    during = m.during(span)
    first = int(np.argmax(during))
    m.spoil(channel, lambda values: np.where(during, values[first], values))
    _tell(m, span, {"kind": "stuck meter", "at": channel}, channels=(channel,), rules=("stuck",))


def _silent(m: Measured, p: "Grid", begin: float) -> None:
    """A meter says nothing."""
    channel = "power.area-m3.load"
    span = _lasts(m, begin, p.silent_h)
    during = m.during(span)
    m.spoil(channel, lambda values: np.where(during, np.nan, values))
    drawn = {"kind": "silent meter", "at": channel, "hours": _hours(span)}
    _tell(m, span, drawn, channels=(channel,), rules=("silent",))


def _hours(span: Span) -> float:
    return round((span[1] - span[0]) / HOUR_S, 2)


FAULTS: Final[dict[str, Callable[[Measured, "Grid", float], None]]] = {
    "trip": _trip,
    "reclose": _reclose,
    "overload": _overload,
    "sag": _sag,
    "earth": _earth,
    "neutral": _neutral,
    "cooling": _cooling,
    "stuck": _stuck,
    "silent": _silent,
}
