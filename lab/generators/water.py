"""Pressures and inflows of a water network with bursts, leaks, trips or shut valves, by EPANET.

Every span of some days is drawn from a seed of its own: usage that wavers, and one trouble. Spans
without trouble come first, so that rules have something to learn from.
"""

import importlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from lab.generators.made import NS, Made, MadeEvent, columns
from lab.generators.water_usage import DAY_S, HOUR_S, Floats, Noise, Usage, measured

if TYPE_CHECKING:
    from lab.generators.water_network import Hydraulics, Network

CALM: Final = 1  # second part of the seeds of spans without trouble
NET3_SENSORS: Final = ("101", "109", "121", "153", "177", "191", "205", "213", "241", "253")
WEST, SOUTH, WIDE = 121.45, 31.21, 0.04  # degrees of the map that a network is laid on
BEGINS_H: Final = (6.0, 30.0)
DISTRICT: Final = "network"  # that all channels lie in, so that a label can name them all


@dataclass(frozen=True)
class Water:
    """What the readings follow from.

    Parameters
    ----------
    seed : int
        Of the first span with trouble; each later one has the next seed.
    network : str
        An EPANET input file, or the name of one that wntr brings along.
    sensors : tuple of str
        Junctions with a pressure sensor.
    kind : {"burst", "leak", "trip", "valve"}
        A hole that is there at once, one that grows, a pump that stands still, or a pipe or valve
        that is shut.
    calm_spans, spans : int
        Spans without and with trouble. Six weeks without warm the Saturdays of a profile.
    span_days : int
        Length of each. Trouble begins 6 to 30 h into it and ends within it.
    lasts_h : tuple of float
        Shortest and longest time until it is repaired.
    loss_m3h : tuple of float
        Smallest and largest flow from a hole, drawn evenly in its logarithm. It does not fall
        with pressure.
    grows_h : float
        Time in which a leak grows to its flow, with the square of time.
    least_flow_m3h : float
        Pipes and valves that carry less on average are never shut, nor are such pumps tripped.
    every_s : int
        Seconds from reading to reading.
    begin : str
        When the first span begins: midnight before the day that the network's patterns begin with.
        In L-Town people sleep long on the fifth and sixth day, so that its week begins on Tuesday.
    noise : Noise
    """

    seed: int
    network: str = "Net3"
    sensors: tuple[str, ...] = NET3_SENSORS
    kind: Literal["burst", "leak", "trip", "valve"] = "burst"
    calm_spans: int = 14
    spans: int = 1
    span_days: int = 3
    lasts_h: tuple[float, float] = (6.0, 18.0)
    loss_m3h: tuple[float, float] = (5.0, 80.0)
    grows_h: float = 72.0
    least_flow_m3h: float = 10.0
    every_s: int = 300
    begin: str = "2026-03-03T00:00:00+08:00"
    noise: Noise = field(default_factory=Noise)

    @property
    def steps(self) -> int:
        """Readings of a channel in a span."""
        return self.span_days * DAY_S // self.every_s

    @property
    def begin_ns(self) -> int:
        """Time of the first reading."""
        return round(datetime.fromisoformat(self.begin).timestamp()) * NS

    @property
    def step_ns(self) -> int:
        """Time from reading to reading."""
        return self.every_s * NS


@dataclass(frozen=True)
class Trouble:
    """What goes wrong in a span: steps from its beginning, and where."""

    begin: int
    end: int
    place: str = ""
    loss_m3h: float = 0.0
    closed: str = ""


def water(parameters: Water) -> Made:
    """Readings of all channels at every step, spans with trouble behind those without.

    Areas between meters are groups `water.area-1` and so on, the largest first. A label covers
    the whole network from the onset until the repair: what a burst does to the areas around it
    is its doing too.

    Raises
    ------
    ValueError
        When trouble of the longest kind would not end within its span.
    """
    latest = BEGINS_H[1] + parameters.lasts_h[1]
    if latest * HOUR_S > parameters.span_days * DAY_S:
        msg = f"span_days: expected room for trouble until hour {latest:g}, got"
        msg += f" {parameters.span_days}; lengthen spans"
        raise ValueError(msg)
    # wntr takes seconds to import: only when a network is made.
    engine = importlib.import_module("lab.generators.water_network")
    network = engine.Network(parameters.network, parameters.sensors, parameters.every_s)
    parts, events = [], []
    for values, event in _spans(parameters, network):
        parts.append(values)
        events += event
    steps = np.arange(len(parts) * parameters.steps)
    time_ns = parameters.begin_ns + steps * parameters.step_ns
    readings = columns(time_ns, np.concatenate(parts))
    return Made(_catalogue(network), *readings, events, asdict(parameters))


def _spans(parameters: Water, network: "Network") -> Iterator[tuple[Floats, list[MadeEvent]]]:
    """Values of all channels and what went wrong, span by span."""
    usage = Usage(parameters.noise, network.weights(), parameters.span_days, parameters.every_s)
    first = 0
    for i in range(parameters.calm_spans):
        rng = np.random.default_rng((parameters.seed, CALM, i))
        yield _span(parameters, network, (first, usage.draw(rng), None), rng), []
        first += parameters.steps
    carried = dict(network.carried)
    for seed in range(parameters.seed, parameters.seed + parameters.spans):
        rng = np.random.default_rng(seed)
        trouble = _drawn(parameters, network, carried, rng)
        span = (first, usage.draw(rng), trouble)
        yield _span(parameters, network, span, rng), [_event(parameters, first, seed, trouble)]
        first += parameters.steps


def _drawn(
    parameters: Water, network: "Network", carried: dict[str, float], rng: np.random.Generator
) -> Trouble:
    """What goes wrong in a span, evenly among the places where it can."""
    soonest, latest, *lasts = (
        round(hours * HOUR_S / parameters.every_s) for hours in (*BEGINS_H, *parameters.lasts_h)
    )
    begin = int(rng.integers(soonest, latest))
    span = (begin, begin + int(rng.integers(lasts[0], lasts[1], endpoint=True)))
    if parameters.kind in ("burst", "leak"):
        loss = float(np.exp(rng.uniform(*np.log(parameters.loss_m3h))))
        place = network.junctions[rng.integers(len(network.junctions))]
        return Trouble(*span, place=place, loss_m3h=loss)
    busy = [name for name, flow in carried.items() if flow >= parameters.least_flow_m3h]
    pumps = set(network.pumps)
    there = [name for name in busy if (name in pumps) == (parameters.kind == "trip")]
    return Trouble(*span, closed=there[rng.integers(len(there))])


def _loss(parameters: Water, trouble: Trouble | None) -> Floats:
    """What runs out at each step of a span, m3/h."""
    flow = np.zeros(parameters.steps)
    if trouble is not None:
        age = np.arange(trouble.end - trouble.begin, dtype=np.float64)
        grows = parameters.grows_h * HOUR_S / parameters.every_s
        share = np.minimum(age / grows, 1.0) ** 2 if parameters.kind == "leak" else 1.0
        flow[trouble.begin : trouble.end] = trouble.loss_m3h * share
    return flow


def _span(
    parameters: Water,
    network: "Network",
    span: tuple[int, Floats, Trouble | None],
    rng: np.random.Generator,
) -> Floats:
    """What all channels tell in a span, shape (steps, channels)."""
    engine = importlib.import_module("lab.generators.water_network")
    first, demand, trouble = span
    loss = _loss(parameters, trouble)
    place, closed = (trouble.place, trouble.closed) if trouble else ("", "")
    cuts = [0, parameters.steps]
    if trouble and closed:
        cuts[1:1] = [trouble.begin, trouble.end]
    told = []
    for i, (begin, end) in enumerate(pairwise(cuts)):
        part = engine.Stretch(
            first + begin, demand[begin:end], place, loss[begin:end], closed if i == 1 else ""
        )
        told.append(_told(network.run(part), parameters.noise, rng))
    return np.concatenate(told)


def _told(true: "Hydraulics", noise: Noise, rng: np.random.Generator) -> Floats:
    """What the meters say: pressures, inflows, pumped flows and levels in the catalogue's order."""
    flow = np.hstack((true.inflow, true.pumped))
    return np.hstack(
        (
            measured(true.pressure, noise.pressure_mpa, noise.pressure_digit, rng),
            measured(flow, noise.flow_share * np.abs(flow), noise.flow_digit, rng),
            measured(true.level, 0.0, noise.level_digit, rng),
        )
    )


def _event(parameters: Water, first: int, seed: int, trouble: Trouble) -> MadeEvent:
    what = f"{parameters.kind} at {trouble.closed or trouble.place}"
    if trouble.loss_m3h:
        what += f", {trouble.loss_m3h:.1f} m3/h"
    begin, end = (
        parameters.begin_ns + (first + step) * parameters.step_ns
        for step in (trouble.begin, trouble.end)
    )
    drawn = {"seed": seed, "kind": parameters.kind, **asdict(trouble)}
    return MadeEvent(f"seed {seed}: {what}", begin, end, place=DISTRICT, drawn=drawn)


def _catalogue(network: "Network") -> list[dict[str, Any]]:
    """Channels in the order of their values."""
    area_of = {name: network.near(name) for name in (*network.sensors, *network.tanks)}
    area_of |= {name: network.near(network.suction(name)) for name in network.pumps}
    inflows = [f"area-{i + 1}" for i in range(len(network.areas))]
    rows = [
        *(_channel(name, "pressure", area_of[name]) for name in network.sensors),
        *(_channel(name, "flow_dma", i) for i, name in enumerate(inflows)),
        *(_channel(name, "flow_pump", area_of[name]) for name in network.pumps),
        *(_channel(name, "tank_level", area_of[name]) for name in network.tanks),
    ]
    for row, name in zip(rows, network.sensors, strict=False):
        east, north = network.where(name)
        row |= {"lon": round(WEST + WIDE * east, 6), "lat": round(SOUTH + WIDE * north, 6)}
    return rows


def _channel(asset: str, quantity: str, area: int) -> dict[str, Any]:
    asset = asset.lower().replace("_", "-")
    return {
        "id": f"water.{asset}.{quantity}",
        "class": f"water.{quantity}",
        "asset": asset,
        "group": f"water.area-{area + 1}",
        "name_en": f"{asset} {quantity.replace('_', ' ')}",
        "name_zh": f"{asset} {quantity}",
        "district": DISTRICT,
    }
