"""Power flow of a small 10 kV grid by pandapower: what voltages and loads do to one another.

A substation of 25 MVA, two feeders of two stations each, and in each station a transformer of
0.63 MVA to 400 V. All of it is of pandapower's standard types.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np

from lab.generators.shapes import Floats

AREAS: Final = 4
FEEDERS: Final = 2
HEAD_KM, TAIL_KM = 2.5, 3.0
STATION_MW: Final = 1.5  # what a station carries besides its area, at scale 1
AREA_MW: Final = 0.4
REACTIVE: Final = 0.33  # reactive power of active: power factor 0.95
NO_FEEDER: Final = -1
# Inputs: scale of each feeder's stations, scale of each area, voltage of the 110 kV side.
BASE: Final = np.array([*[0.8] * FEEDERS, *[0.8] * AREAS, 1.02])
REACH: Final = np.array([*[0.6] * FEEDERS, *[0.8] * AREAS, 0.10])
# Outputs, one after another: busbar and stations in parts of nominal, areas in parts of nominal,
# transformers of areas and of the substation in percent, heads of feeders in percent.
STATIONS: Final = slice(1, 1 + AREAS)
LOW: Final = slice(1 + AREAS, 1 + 2 * AREAS)
TRANSFORMERS: Final = slice(1 + 2 * AREAS, 1 + 3 * AREAS)
SUBSTATION: Final = 1 + 3 * AREAS
HEADS: Final = slice(2 + 3 * AREAS, 2 + 3 * AREAS + FEEDERS)


@dataclass(frozen=True)
class Response:
    """Outputs of the power flow around `BASE`, by the first two terms in each input.

    Parameters
    ----------
    at_base : float64, shape (outputs,)
    first, second : float64, shape (inputs, outputs)
        In units of `REACH`.
    """

    at_base: Floats
    first: Floats
    second: Floats

    def at(self, inputs: Floats) -> Floats:
        """Outputs, shape (n, outputs), for inputs of shape (n, inputs)."""
        off = (inputs - BASE) / REACH
        told: Floats = self.at_base + off @ self.first + (off * off) @ self.second
        return told


@cache
def response(without: int = NO_FEEDER) -> Response:
    """Response of the grid as it is, or with one feeder off: fifteen power flows."""
    net = net_of(without)
    at_base = solve(net, BASE)
    first, second = [], []
    for which, reach in enumerate(REACH.tolist()):
        step = np.zeros(len(BASE))
        step[which] = reach
        more, less = solve(net, BASE + step), solve(net, BASE - step)
        first.append((more - less) / 2.0)
        second.append((more + less) / 2.0 - at_base)
    return Response(at_base, np.array(first), np.array(second))


def _pandapower() -> Any:
    import pandapower  # type: ignore[import-untyped]  # noqa: PLC0415 - takes seconds

    return pandapower


def net_of(without: int = NO_FEEDER) -> Any:
    """Network of pandapower, with one feeder off."""
    pp = _pandapower()
    net = pp.create_empty_network(f_hz=50.0)
    source, busbar = pp.create_bus(net, 110.0), pp.create_bus(net, 10.0)
    pp.create_ext_grid(net, source)
    pp.create_transformer(net, source, busbar, "25 MVA 110/10 kV")
    for feeder in range(FEEDERS):
        before = busbar
        for km in (HEAD_KM, TAIL_KM):
            station, low = pp.create_bus(net, 10.0), pp.create_bus(net, 0.4)
            line = pp.create_line(net, before, station, km, "NA2XS2Y 1x185 RM/25 6/10 kV")
            if feeder == without and before == busbar:
                net.line.loc[line, "in_service"] = False
            pp.create_transformer(net, station, low, "0.63 MVA 10/0.4 kV")
            for bus, power in ((station, STATION_MW), (low, AREA_MW)):
                pp.create_load(net, bus, p_mw=power, q_mvar=power * REACTIVE)
            before = station
    return net


def solve(net: Any, inputs: Floats) -> Floats:
    """Outputs of one power flow, shape (outputs,); 0 behind a feeder that is off."""
    net.ext_grid.loc[0, "vm_pu"] = inputs[-1]
    per_feeder = AREAS // FEEDERS
    for area in range(AREAS):
        net.load.loc[2 * area, "scaling"] = inputs[area // per_feeder]
        net.load.loc[2 * area + 1, "scaling"] = inputs[FEEDERS + area]
    _pandapower().runpp(net, numba=False)
    volts = net.res_bus.vm_pu.to_numpy()
    loading = net.res_trafo.loading_percent.to_numpy()
    heads = net.res_line.loading_percent.to_numpy()[::per_feeder]
    parts = (volts[1:2], volts[2::2], volts[3::2], loading[1:], loading[:1], heads)
    return np.asarray(np.nan_to_num(np.concatenate(parts), nan=0.0), np.float64)
