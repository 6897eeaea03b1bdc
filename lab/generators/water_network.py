"""A water network that is run through EPANET a stretch at a time, from one state into the next."""

from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import wntr  # type: ignore[import-untyped]
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

MPA_PER_M: Final = 0.00980665  # of water: 1000 kg/m3 times 9.80665 m/s2
S_PER_H: Final = 3600.0
LOSS: Final = "loss"  # name of the pattern of what runs out of a hole
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Stretch:
    """What happens to a network for some steps.

    Parameters
    ----------
    first : int
        Number of its first step since the beginning of the week.
    demand : float64, shape (steps, zones)
        Factor on what the zone's users usually take.
    place : str
        Junction with a hole, empty without.
    loss : float64, shape (steps,)
        What runs out there, m3/h.
    closed : str
        Link through which nothing flows: a tripped pump or a shut valve; empty for none.
    """

    first: int
    demand: Floats
    place: str
    loss: Floats
    closed: str = ""


@dataclass(frozen=True)
class Hydraulics:
    """What was true of the network at each step.

    Parameters
    ----------
    pressure : float64, shape (steps, sensors)
        MPa, zero in an empty pipe.
    inflow : float64, shape (steps, areas)
        Net, m3/h.
    pumped : float64, shape (steps, pumps)
        m3/h.
    level : float64, shape (steps, tanks)
        m.
    """

    pressure: Floats
    inflow: Floats
    pumped: Floats
    level: Floats


class Network:
    """A network with meters at every pump, valve, tank and reservoir, and pressure sensors.

    Meters part it into areas; only those with a sensor are told. Junctions belong to the zone of
    the nearest sensor. Areas stand by falling size, everything else as in the file.
    Controls by time count from the beginning of each stretch.

    Parameters
    ----------
    path : str
        An EPANET input file, or the name of one that wntr brings along, such as `Net3`.
    sensors : sequence of str
        Junctions with a sensor.
    every_s : int
        Step of hydraulics and patterns.

    Attributes
    ----------
    carried : dict of str to float
        Mean flow through each link in the last stretch, m3/h.
    """

    def __init__(self, path: str, sensors: Sequence[str], every_s: int) -> None:
        self.model: Any = wntr.network.WaterNetworkModel(path)
        self.sensors = list(sensors)
        self.every_s = every_s
        self.pumps: list[str] = list(self.model.pump_name_list)
        self.tanks: list[str] = list(self.model.tank_name_list)
        self.junctions: list[str] = list(self.model.junction_name_list)
        self.carried: dict[str, float] = {}
        self.zone_of = self._zones()
        self.areas = self._areas()
        self._fixed = self._patterns()
        self._mains = self._prepare()
        self._controls = list(self.model.controls())
        self._steered = [{part.name for part in each.requires()} for _, each in self._controls]
        self._closed = ""

    def where(self, node: str) -> tuple[float, float]:
        """Coordinates of a node, as shares of the network's larger side."""
        points = np.array([point.coordinates for _, point in self.model.nodes()])
        corner, side = points.min(axis=0), np.ptp(points, axis=0).max()
        east, north = (self.model.get_node(node).coordinates - corner) / side
        return float(east), float(north)

    def near(self, node: str) -> int:
        """Number of the area that a node lies in or borders on; the first when there is none."""
        links = [self.model.get_link(name) for name in self.model.get_links_for_node(node)]
        around = {node, *(end for link in links for end in _ends(link))}
        inside = [i for i, area in enumerate(self.areas) if node in area]
        border = [i for i, area in enumerate(self.areas) if around & area]
        return next(iter([*inside, *border]), 0)

    def suction(self, pump: str) -> str:
        """Node that a pump draws from."""
        return str(self.model.get_link(pump).start_node_name)

    def weights(self) -> Floats:
        """Share of each zone in the usual demand, shape (zones,)."""
        usual = np.zeros(len(self.sensors))
        for name, junction in self.model.junctions():
            usual[self.zone_of[name]] += sum(d.base_value for d in junction.demand_timeseries_list)
        return np.asarray(usual / usual.sum())

    def _zones(self) -> dict[str, int]:
        points = np.array([self.model.get_node(name).coordinates for name in self.sensors])
        return {
            name: int(np.hypot(*(points - junction.coordinates).T).argmin())
            for name, junction in self.model.junctions()
        }

    def _meters(self) -> set[str]:
        model = self.model
        ends = {*model.tank_name_list, *model.reservoir_name_list}
        return {
            name for name, link in model.links() if link.link_type != "Pipe" or ends & _ends(link)
        }

    def _areas(self) -> list[frozenset[str]]:
        """Nodes between meters that have a sensor among them."""
        meters = self._meters()
        names: list[str] = list(self.model.node_name_list)
        at = {name: i for i, name in enumerate(names)}
        pipes = [link for name, link in self.model.links() if name not in meters]
        ends = [[at[link.start_node_name], at[link.end_node_name]] for link in pipes]
        begin, end = np.array(ends).T
        joins = coo_array((np.ones(len(pipes)), (begin, end)), (len(names), len(names)))
        count, part_of = connected_components(joins, directed=False)
        parts = [frozenset(np.array(names)[part_of == i].tolist()) for i in range(count)]
        watched = [part for part in parts if part & set(self.sensors)]
        return sorted(watched, key=lambda part: (-len(part), min(part)))

    def _patterns(self) -> dict[str, Floats]:
        """Patterns as the file has them, by name."""
        return {name: np.array(pattern.multipliers) for name, pattern in self.model.patterns()}

    def _prepare(self) -> list[tuple[str, str, int]]:
        """Give each zone patterns of its own; their names, whose they were, and the zone."""
        model, found = self.model, {}
        default = str(model.options.hydraulic.pattern)
        for name, junction in model.junctions():
            zone = self.zone_of[name]
            for demand in junction.demand_timeseries_list:
                usual = demand.pattern_name or default
                mine = f"{usual}~{zone}"
                if mine not in found:
                    found[mine] = (mine, usual, zone)
                    model.add_pattern(mine, [1.0])
                demand.pattern_name = mine
        model.add_pattern(LOSS, [0.0])
        time = model.options.time
        self._pattern_s = int(time.pattern_timestep)
        for word in ("hydraulic", "pattern", "report"):
            setattr(time, f"{word}_timestep", self.every_s)
        time.pattern_start = time.start_clocktime = 0
        return list(found.values())

    def _usual(self, name: str, steps: NDArray[np.int64]) -> Floats:
        """A pattern of the file at some steps; ones where there is none."""
        fixed = self._fixed.get(name)
        if fixed is None or not len(fixed):
            return np.ones(len(steps))
        at = steps * self.every_s // self._pattern_s
        return np.asarray(fixed[at % len(fixed)])

    def run(self, stretch: Stretch) -> Hydraulics:
        """Let the stretch happen, and keep tanks and pumps as they are behind it."""
        count = len(stretch.demand)
        steps = stretch.first + np.arange(count + 1)  # one more: the state that is left
        self._write(steps, np.vstack((stretch.demand, stretch.demand[-1:])))
        self.model.get_pattern(LOSS).multipliers = np.append(stretch.loss, stretch.loss[-1])
        self._close(stretch.closed)
        self.model.options.time.duration = count * self.every_s
        # EPANET writes files that it is given names for, and others where the process stands.
        with self._hole(stretch.place), TemporaryDirectory() as folder, chdir(folder):
            found = wntr.sim.EpanetSimulator(self.model).run_sim()
        self._leave(found)
        flow = found.link["flowrate"][:count].abs().mean() * S_PER_H
        self.carried = {name: float(flow[name]) for name in flow.index}
        return self._told(found, count)

    def _write(self, steps: NDArray[np.int64], demand: Floats) -> None:
        for name, usual, zone in self._mains:
            self.model.get_pattern(name).multipliers = self._usual(usual, steps) * demand[:, zone]
        for name in self._fixed:
            self.model.get_pattern(name).multipliers = self._usual(name, steps)

    def _close(self, link: str) -> None:
        """Shut one link and give the one before back; what steers a shut one is out of force."""
        before, self._closed = self._closed, link
        if before and before != link and not any(before in parts for parts in self._steered):
            self.model.get_link(before).initial_status = "Open"
        for name in list(self.model.control_name_list):
            self.model.remove_control(name)
        for (name, control), parts in zip(self._controls, self._steered, strict=True):
            if link not in parts:
                self.model.add_control(name, control)
        if link:
            self.model.get_link(link).initial_status = "Closed"

    @contextmanager
    def _hole(self, place: str) -> Iterator[None]:
        if not place:
            yield
            return
        demands = self.model.get_node(place).demand_timeseries_list
        demands.append((1.0 / S_PER_H, LOSS, "loss"))
        try:
            yield
        finally:
            del demands[-1]

    def _leave(self, found: Any) -> None:
        """Take over levels and states for what comes next."""
        head, status = found.node["pressure"].iloc[-1], found.link["status"].iloc[-1]
        for name in self.tanks:
            self.model.get_node(name).init_level = float(head[name])
        for name in self.pumps:
            self.model.get_link(name).initial_status = "Open" if status[name] else "Closed"

    def _told(self, found: Any, count: int) -> Hydraulics:
        pressure, flow = found.node["pressure"][:count], found.link["flowrate"][:count]
        inflow = [self._net(flow, area) for area in self.areas]
        return Hydraulics(
            np.maximum(pressure[self.sensors].to_numpy(np.float64), 0.0) * MPA_PER_M,
            np.stack(inflow, axis=1),
            flow[self.pumps].to_numpy(np.float64) * S_PER_H,
            pressure[self.tanks].to_numpy(np.float64),
        )

    def _net(self, flow: Any, area: frozenset[str]) -> Floats:
        total = np.zeros(len(flow))
        for name in sorted(self._meters()):
            link = self.model.get_link(name)
            way = (link.end_node_name in area) - (link.start_node_name in area)
            total += way * flow[name].to_numpy(np.float64) * S_PER_H
        return total


def _ends(link: Any) -> set[str]:
    return {link.start_node_name, link.end_node_name}
