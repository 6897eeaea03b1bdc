"""A medium voltage grid for some weeks: feeders, areas and the oil of the substation, with faults.

Voltages and loads hang together by the power flow of pandapower (`grid_flow`), the oil by the
model of IEC 60076-7. There is no tap changer.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from lab.generators import grid_flow as flow
from lab.generators.made import Made
from lab.generators.shapes import (
    DAY_S,
    HOUR_S,
    Floats,
    Sheet,
    appointments,
    city_ns,
    daily,
    inside,
    known,
    wandering,
    workday,
)

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


HOURS: Final = (2, 6, 9, 12, 13, 15, 18, 20, 22)
LEVELS: Final = (0.45, 0.55, 0.85, 0.80, 0.90, 0.95, 0.90, 1.00, 0.80)  # a day in summer
MINUTE_S, FAST_S = 60.0, 10.0
PHASES: Final = "abc"
AT_ONCE: Final = ("trip", "reclose", "overload", "sag", "earth", "neutral", "silent")
# `stuck` listens for 14 days before it judges, and usual heat is learned in as many.
IN_TIME: Final = ("stuck", "cooling", "overload", "silent")


@dataclass(frozen=True, slots=True)
class Grid:
    """What a grid is drawn from; spans are drawn evenly within their two ends.

    Parameters
    ----------
    seed : int
    days, quiet_days : int
        Altogether, and without trouble before.
    kinds : tuple of str
        Trouble that is put in, once each, of `FAULTS`.
    terminals : bool
        Whether busbar and feeders are told too, every ten seconds.
    noise, keep : float
        Noise of loads, as a share, and what a minute keeps of the one before.
    area_scale : tuple of float
        Peak of an area, in 0.4 MW.
    meter_v, meter_kv, meter_percent, meter_k : float
        Noise of meters.
    trip_h, sag_h, earth_h, neutral_h, overload_h, cooling_h, stuck_h, silent_h : tuple of float
        How long trouble lasts.
    overload_percent : tuple of float
        Load of the area's transformer at the peak of an overload.
    sag : tuple of float
        Share of the voltage of the 110 kV side that is gone.
    earth : tuple of float
        Phase voltage of sound phases at an earth fault, in parts of line voltage.
    neutral_v : tuple of float
        How far a broken neutral drives two phases apart.
    cooling : tuple of float
        How many times the rise of the oil is what it was, when cooling is lost.
    """

    seed: int = 1
    days: int = 5
    quiet_days: int = 1
    kinds: tuple[str, ...] = AT_ONCE
    terminals: bool = True
    noise: float = 0.05
    keep: float = 0.9
    area_scale: tuple[float, float] = (0.7, 1.0)
    meter_v: float = 0.4
    meter_kv: float = 0.01
    meter_percent: float = 0.3
    meter_k: float = 0.2
    trip_h: tuple[float, float] = (0.5, 2.0)
    sag_h: tuple[float, float] = (0.2, 1.0)
    earth_h: tuple[float, float] = (0.3, 1.5)
    neutral_h: tuple[float, float] = (0.3, 1.5)
    overload_h: tuple[float, float] = (1.0, 4.0)
    cooling_h: tuple[float, float] = (6.0, 10.0)
    stuck_h: tuple[float, float] = (6.0, 10.0)
    silent_h: tuple[float, float] = (0.2, 4.0)
    overload_percent: tuple[float, float] = (95.0, 140.0)
    sag: tuple[float, float] = (0.06, 0.14)
    earth: tuple[float, float] = (0.75, 1.0)
    neutral_v: tuple[float, float] = (10.0, 45.0)
    cooling: tuple[float, float] = (1.4, 2.2)


def with_history(seed: int) -> Grid:
    """Areas and oil alone, for as long as what learns slowly has to listen."""
    return Grid(seed, 18, 15, IN_TIME, terminals=False)


def make(parameters: Grid) -> Made:
    """Weeks of readings, with one of each kind of trouble after the quiet days."""
    chance = np.random.default_rng(parameters.seed)
    time_s = np.arange(0.0, parameters.days * DAY_S, MINUTE_S)
    inputs = _loads(parameters, time_s, chance)
    span = (parameters.quiet_days * DAY_S, parameters.days * DAY_S)
    sheet = Sheet(city_ns("2026-06-01T00:00"))
    measured = Measured(time_s, inputs, np.ones(len(time_s)), chance, sheet)
    known(parameters.kinds, FAULTS)
    for kind, begin in appointments(chance, parameters.kinds, span).items():
        FAULTS[kind](measured, parameters, begin)
    _slow(measured, parameters)
    if parameters.terminals:
        _fast(measured, parameters)
    return sheet.made({"generator": "grid", **asdict(parameters)})


def _loads(parameters: Grid, time_s: Floats, chance: np.random.Generator) -> Floats:
    """Inputs of the power flow, minute by minute."""
    shape = daily(time_s, HOURS, LEVELS) * np.where(workday(time_s), 1.0, 0.85)
    low, high = parameters.area_scale
    peaks = [*[0.95] * flow.FEEDERS, *chance.uniform(low, high, flow.AREAS)]
    columns = [
        peak * shape * (1 + wandering(chance, len(time_s), parameters.keep, parameters.noise))
        for peak in peaks
    ]
    source = 1.035 + wandering(chance, len(time_s), 0.995, 0.004)
    return np.stack([*columns, source], axis=1)


def _slow(measured: Measured, parameters: Grid) -> None:
    """What is told every minute: areas and oil."""
    told, chance, time_s = measured.flow(), measured.chance, measured.time_s
    sheet, count = measured.sheet, len(measured.time_s)
    for area in range(flow.AREAS):
        name = f"area-m{area + 1}"
        load = told[:, flow.TRANSFORMERS][:, area]
        load = load + (load > 0) * chance.normal(0, parameters.meter_percent, count)
        phases = PHASES if area == 0 else PHASES[:1]
        for number, phase in enumerate(phases):
            volts = 230.94 * told[:, flow.LOW][:, area] + chance.normal(
                0, parameters.meter_v, count
            )
            channel = f"power.{name}.voltage_{phase}"
            volts = np.where(told[:, flow.LOW][:, area] > 0, volts + 0.8 * (number - 1), 0.0)
            sheet.add(_channel(channel, "lv_voltage"), time_s, measured.spoilt(channel, volts), 1)
        channel = f"power.{name}.load"
        sheet.add(_channel(channel, "transformer_load"), time_s, measured.spoilt(channel, load), 1)
    oil = _oil(told[:, flow.SUBSTATION] / 100.0, time_s, measured.cooling)
    oil += wandering(chance, count, 0.9995, 1.0) + chance.normal(0, parameters.meter_k, count)
    sheet.add(_channel("power.sub-m1.top_oil", "top_oil"), time_s, oil, 1)


def _oil(load: Floats, time_s: Floats, cooling: Floats) -> Floats:
    """Top oil in degrees by IEC 60076-7: 55 K over the air at full load, behind by three hours.

    The air swings between 24 degrees at night and 32 in the afternoon; the ratio of losses is 6.
    """
    air = 28.0 + 4.0 * np.sin(2 * np.pi * (time_s / DAY_S - 10 / 24))
    goal = 55.0 * ((1 + 6 * load**2) / 7.0) ** 0.8 * cooling
    share = MINUTE_S / (180 * 60.0)
    rise, _ = lfilter([share], [1.0, share - 1.0], goal, zi=np.array([(1 - share) * goal[0]]))
    return np.asarray(air + rise, np.float64)


def _fast(measured: Measured, parameters: Grid) -> None:
    """What is told every ten seconds: busbar and feeders."""
    told, chance, sheet = measured.flow(), measured.chance, measured.sheet
    time_s = np.arange(0.0, parameters.days * DAY_S, FAST_S)
    minute = (time_s // MINUTE_S).astype(np.int64)
    for feeder in range(flow.FEEDERS):
        name = f"power.feeder-m{feeder + 1}"
        last = flow.AREAS // flow.FEEDERS * (feeder + 1) - 1
        part = told[minute][:, flow.STATIONS][:, last]
        volts = np.where(
            part > 0, 10.0 * part + chance.normal(0, parameters.meter_kv, len(part)), 0
        )
        sheet.add(_channel(f"{name}.voltage", "feeder_voltage"), time_s, volts, 3)
        share = told[minute][:, flow.HEADS][:, feeder]
        noise = chance.normal(0, parameters.meter_percent, len(part))
        sheet.add(_channel(f"{name}.load", "feeder_load"), time_s, share + (share > 0) * noise, 1)
        sheet.add(_channel(f"{name}.switch", "feeder_switch"), *measured.switch(feeder, time_s), 0)
    earth = 10.0 * told[minute, 0] * measured.earth[minute] / np.sqrt(3.0)
    earth = earth + chance.normal(0, parameters.meter_kv, len(earth))
    sheet.add(_channel("power.sub-m1.phase_to_earth", "phase_to_earth"), time_s, earth, 3)


def _channel(channel: str, kind: str) -> dict[str, str]:
    asset = channel.split(".")[1]
    group = "power.sub-m1" if asset.startswith(("feeder", "sub")) else f"power.{asset}"
    return {"id": channel, "class": f"power.{kind}", "asset": asset, "group": group}
