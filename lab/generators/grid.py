"""A medium voltage grid for some weeks: feeders, areas and the oil of the substation, with faults.

Voltages and loads hang together by the power flow of pandapower (`grid_flow`), the oil by the
model of IEC 60076-7. There is no tap changer.
"""

from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
from scipy.signal import lfilter

from lab.generators import grid_flow as flow
from lab.generators.grid_faults import FAULTS, Measured
from lab.generators.made import Made
from lab.generators.shapes import (
    DAY_S,
    Floats,
    Sheet,
    appointments,
    city_ns,
    daily,
    known,
    wandering,
    workday,
)

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
    peaks = [*[0.95] * flow.FEEDERS, *chance.uniform(*parameters.area_scale, flow.AREAS)]
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
